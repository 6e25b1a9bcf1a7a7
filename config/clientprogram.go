package config

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"github.com/starhost/starhost/internal/asuser"
)

// An oratab says which program is run as linux_user, and which instances there are. So it
// belongs to root or to that user, who can do whatever the program does. Oracle's root.sh
// leaves it to oracle, with write access for the group of the installation; that is
// accepted if it is the primary group of linux_user, whose members can write to the home
// as it is. In return the program itself then has to belong to root or linux_user:
// nobody of the group can have linux_user run another one. An oratab that only root can
// write is trusted as the configuration is: the program belongs to whoever owns the
// software. If linux_user is root, every file and folder on the way must be root's.

// fileTrust is what is known of who may have written where a program is.
type fileTrust struct{ onlyRoot bool }

// machineOratab reads the oratab name.
func machineOratab(user asuser.User, name string) ([]byte, fileTrust, error) {
	if user.UID == 0 {
		text, err := ReadFile(name, ReadOptions{})
		return text, fileTrust{onlyRoot: true}, err
	}
	var text []byte
	var st stat
	err := user.Do(func() (err error) {
		text, st, err = readPlain(name)
		return err
	})
	if err != nil {
		return nil, fileTrust{}, userError(name, err)
	}
	if !st.mode.IsRegular() {
		return nil, fileTrust{}, fileError(name, "is %s, not a regular file; give the path of a file", kind(st.mode))
	}
	if err := st.ofUser(name, user); err != nil {
		return nil, fileTrust{}, err
	}
	if len(text) > MaxFileSize {
		return nil, fileTrust{}, fileError(name, "is larger than %d bytes; this is not the file that was meant", MaxFileSize)
	}
	return text, fileTrust{onlyRoot: st.uid == 0 && st.mode&othersWrite == 0}, nil
}

// userError makes err, of a thing that linux_user did with a file, say what to do.
func userError(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fileError(name, "linux_user has no access; correct linux_user, or give it access")
	}
	return osError(name, err)
}

// ofUser returns an error unless st belongs to root or the user, and others than the
// user's own group cannot write it.
func (st stat) ofUser(name string, user asuser.User) error {
	switch {
	case st.uid > 0 && st.uid != user.UID: // owners have no numbers on some systems
		return fileError(name, "belongs to uid %d, neither to root nor to linux_user; chown it to one of the two", st.uid)
	case st.mode&0o002 != 0:
		return fileError(name, "can be written by others (mode %04o); chmod o-w %s", st.mode.Perm(), name)
	case st.mode&0o020 != 0 && st.gid != user.GID:
		return fileError(name, "can be written by a group (mode %04o) that is not the primary one of linux_user; chmod g-w %s", st.mode.Perm(), name)
	}
	return nil
}

// machineClient looks whether the user can have sqlplus of a home run.
func machineClient(user asuser.User, home string, trust fileTrust) error {
	name := sqlplus(home)
	if user.UID == 0 {
		f, st, err := openChecked(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // nothing was read
		return runnable(name, st, st.checkFile(name, false))
	}
	// The program, its folder and its home.
	for _, at := range []string{name, path.Dir(name), path.Dir(path.Dir(name))} {
		var info fs.FileInfo
		err := user.Do(func() (err error) {
			info, err = os.Stat(at)
			return err
		})
		if err != nil {
			return userError(at, err)
		}
		st := stat{mode: info.Mode(), uid: ownerOf(info), gid: gidOf(info)}
		switch {
		case !trust.onlyRoot:
			err = st.ofUser(at, user)
		case st.mode&0o002 != 0 && st.mode&fs.ModeSticky == 0:
			err = fileError(at, "can be written by others (mode %04o); chmod o-w %s", st.mode.Perm(), at)
		}
		if at == name {
			err = runnable(at, st, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// runnable returns err, or an error unless st is a program.
func runnable(name string, st stat, err error) error {
	if err == nil && (!st.mode.IsRegular() || st.mode&0o111 == 0) {
		return fileError(name, "is no program; correct the home")
	}
	return err
}
