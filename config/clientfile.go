package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/starhost/starhost/internal/asuser"
)

// client is whoever would have started a database's command line client.
type client struct {
	user  string // its name
	home  string
	files clientFiles
	warn  func(msg string)
}

// warnOpen says that a file with passwords is not read, as its client does.
func (c client) warnOpen(name string, mode fs.FileMode) {
	c.warn(fmt.Sprintf("%s is not read, because others have access to it (mode %04o); chmod 600 %s", name, mode, name))
}

// clientFiles are the files that such a client reads.
type clientFiles interface {
	// read returns a file with its permissions. The error of one that is not there is
	// fs.ErrNotExist.
	read(path string) ([]byte, fs.FileMode, error)
	// list returns the names in a folder, sorted.
	list(dir string) ([]string, error)
	// is reports whether there is something of that type.
	is(path string, kind fs.FileMode) bool
}

// absolute returns the path that a client means, which knows ~/.
func (c client) absolute(text string) (string, error) {
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		text = path.Join(c.home, rest)
	}
	if !path.IsAbs(text) { // not shown: it may be what belongs to another option
		return "", errors.New("the value is not an absolute path; begin it with a /")
	}
	return path.Clean(text), nil
}

// userFiles are the files that a user can read, as the kernel sees it: links are
// followed, because it is the user who follows them. They belong to root or to the
// user, and others cannot write them.
type userFiles struct{ user asuser.User }

func (f userFiles) read(name string) (text []byte, mode fs.FileMode, err error) {
	var st stat
	err = f.user.Do(func() error {
		text, st, err = readPlain(name)
		return err
	})
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, 0, osError(name, path)
	}
	if err != nil {
		return nil, 0, err // nobody but root can read as another user
	}
	self := f.user.UID
	switch {
	case !st.mode.IsRegular():
		err = fileError(name, "is %s, not a regular file; give the path of a file", kind(st.mode))
	case st.uid >= 0 && st.uid != self && !st.trusted(os.Geteuid()):
		err = fileError(name, "belongs to uid %d, neither to root nor to linux_user; chown it to one of the two", st.uid)
	case st.mode&othersWrite != 0:
		err = fileError(name, "can be written by others (mode %04o); chmod go-w %s", st.mode.Perm(), name)
	case len(text) > MaxFileSize:
		err = fileError(name, "is larger than %d bytes; this is not the file that was meant", MaxFileSize)
	}
	if err != nil {
		return nil, 0, err
	}
	return text, st.mode.Perm(), nil
}

func (f userFiles) list(dir string) (names []string, err error) {
	err = f.user.Do(func() error {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return err
	})
	slices.Sort(names)
	if err != nil {
		return nil, osError(dir, err)
	}
	return names, nil
}

func (f userFiles) is(name string, kind fs.FileMode) (yes bool) {
	_ = f.user.Do(func() error { // somebody who may not look there has none
		st, err := os.Stat(name)
		yes = err == nil && st.Mode().Type() == kind
		return err
	})
	return yes
}

// readPlain reads a regular file, with one byte more than is allowed if it has more.
// It waits for no FIFO.
func readPlain(name string) ([]byte, stat, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, stat{}, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, stat{}, err
	}
	st := stat{mode: info.Mode(), uid: ownerOf(info), gid: gidOf(info)}
	if !st.mode.IsRegular() {
		return nil, st, nil
	}
	text, err := io.ReadAll(io.LimitReader(file, MaxFileSize+1))
	return text, st, err
}

// optional returns nothing for a file that is not there, or that the client may not
// look at.
func optional(text []byte, mode fs.FileMode, err error) ([]byte, fs.FileMode, error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, 0, nil
	}
	return text, mode, err
}

// inFile says in which line of which file something is wrong.
func inFile(name string, line int, err error) error {
	return fmt.Errorf("%s:%d: %w", name, line, err)
}
