package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/starhost/starhost/config"
)

// tree is the files below a root.
type tree struct {
	root   *os.Root
	syncer func(dir string) error // nil: the system
}

func openTree(o Options) (tree, error) {
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return tree{}, refused("--root: %v", err)
	}
	return tree{root, o.sync}, nil
}

func (t tree) close() { _ = t.root.Close() } // nothing is written by it

// rel is a path as [os.Root] wants it.
func rel(p string) string {
	if p = strings.TrimPrefix(path.Clean(p), "/"); p == "" {
		return "."
	}
	return p
}

// look returns what a path is.
func (t tree) look(p string) (State, error) {
	info, err := t.root.Lstat(rel(p))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return State{Kind: Absent}, nil
	case errors.Is(err, fs.ErrPermission):
		return State{}, refused("%s cannot be read; run starhost install as root", p)
	case err != nil:
		return State{}, err
	}
	s := State{Kind: Other, Mode: Mode(info.Mode().Perm())}
	s.UID, s.GID = ownerOf(info)
	switch {
	case info.IsDir():
		s.Kind = Dir
	case info.Mode()&fs.ModeSymlink != 0:
		s.Kind = Link
		s.Target, err = t.root.Readlink(rel(p))
	case info.Mode().IsRegular():
		s.Kind = File
		var text []byte
		text, err = t.read(p)
		s = s.with(text)
	}
	return s, err
}

// read returns the text of a file.
func (t tree) read(p string) ([]byte, error) {
	f, err := t.root.Open(rel(p))
	if errors.Is(err, fs.ErrPermission) {
		return nil, refused("%s cannot be read; run starhost install as root", p)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, config.MaxFileSize+1))
	if err == nil && len(text) > config.MaxFileSize {
		err = refused("%s is larger than %d bytes; this is not the file that was meant", p, config.MaxFileSize)
	}
	return text, err
}

// maxLinks is how many links may be on the way to a path.
const maxLinks = 10

// trusted returns an error unless nobody but root, or us, can put another file at a
// path. Directories that are not there yet are trusted: we make them.
func (t tree) trusted(p string) error {
	for range maxLinks {
		next, err := t.walk(path.Dir(p))
		if err != nil || next == "" {
			return err
		}
		p = path.Join(next, path.Base(p))
	}
	return refused("there are too many symbolic links on the way to %s", p)
}

// walk checks the directories down to one. It stops at a link, and returns where that
// leads.
func (t tree) walk(dir string) (next string, err error) {
	if err := t.ours("/"); err != nil {
		return "", err
	}
	at := "/"
	for rest := strings.TrimPrefix(dir, "/"); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		at = path.Join(at, name)
		s, err := t.look(at)
		switch {
		case err != nil:
			return "", err
		case s.Kind == Absent:
			return "", nil
		case s.Kind == Link && !trustedUser(s.UID):
			return "", refused("%s is a symbolic link of uid %d, who can make it lead elsewhere; replace it by one of root", at, s.UID)
		case s.Kind == Link && !fs.ValidPath(path.Join(rel(path.Dir(at)), s.Target)), s.Kind == Link && path.IsAbs(s.Target):
			return "", refused("%s is a symbolic link to an absolute path, or above the root, which install does not follow; make it a relative one", at)
		case s.Kind == Link:
			return path.Join(path.Dir(at), s.Target, rest), nil
		}
		if err := t.ours(at); err != nil {
			return "", err
		}
	}
	return "", nil
}

// ours returns an error unless a directory is one that only root, or us, can write.
func (t tree) ours(dir string) error {
	info, err := t.root.Stat(rel(dir))
	if err != nil {
		return err
	}
	uid, _ := ownerOf(info)
	switch {
	case !info.IsDir():
		return refused("%s is not a directory; move it away", dir)
	case !trustedUser(uid):
		return refused("%s is a directory of uid %d, who can put another file in it; chown it to root", dir, uid)
	case info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return refused("%s is a directory that others can write (mode %04o); chmod go-w %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// change makes of a path, which must be before, what it is after.
func (t tree) change(p string, before, after State) error {
	if err := t.trusted(p); err != nil {
		return err
	}
	now, err := t.look(p)
	if err != nil {
		return err
	}
	if !now.same(before) {
		return fmt.Errorf("%s was changed meanwhile; try again", p)
	}
	switch after.Kind {
	case Absent:
		err = t.root.Remove(rel(p))
	case Dir:
		err = t.mkdir(p, after)
	case Link:
		err = t.link(p, before, after)
	case File:
		err = t.write(p, before, after)
	default:
		err = fmt.Errorf("%s cannot be made %s", p, after.Kind)
	}
	if err != nil {
		return err
	}
	return made(t.sync(path.Dir(p)))
}

// madeError is an error of a change that came about nevertheless: a power cut may take it
// back, but it has to be undone.
type madeError struct{ error }

func (e *madeError) Unwrap() error { return e.error }

func made(err error) error {
	if err == nil {
		return nil
	}
	return &madeError{err}
}

// mkdir makes a directory, with its mode or not at all.
func (t tree) mkdir(p string, after State) error {
	if err := t.root.Mkdir(rel(p), 0o700); err != nil {
		return err
	}
	err := t.root.Chmod(rel(p), fs.FileMode(after.Mode)) // whatever the umask is
	if err != nil {
		err = errors.Join(err, t.root.Remove(rel(p)))
	}
	return err
}

// beside is where what takes the place of a path is made. A tool that runs all files of
// a folder never sees it: only links are put into such, and those in one step.
func beside(p string) string { return path.Join(path.Dir(p), "."+path.Base(p)+".starhost-new") }

// link makes a link, in one step.
func (t tree) link(p string, before, after State) error {
	if before.Kind == Absent {
		return t.root.Symlink(after.Target, rel(p))
	}
	temp := rel(beside(p))
	if err := t.discard(temp); err != nil {
		return err
	}
	if err := t.root.Symlink(after.Target, temp); err != nil {
		return err
	}
	return t.root.Rename(temp, rel(p))
}

// write makes a file, in one step. One that has come meanwhile is not overwritten.
func (t tree) write(p string, before, after State) error {
	temp := rel(beside(p))
	if err := t.discard(temp); err != nil {
		return err
	}
	f, err := t.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(after.Text)
	if err == nil && os.Geteuid() == 0 {
		err = f.Chown(after.UID, after.GID)
	}
	if err == nil {
		err = f.Chmod(fs.FileMode(after.Mode)) // after chown, which takes bits away
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, t.discard(temp))
	}
	if before.Kind != Absent {
		return t.root.Rename(temp, rel(p))
	}
	if err := t.root.Link(temp, rel(p)); err != nil {
		return errors.Join(err, t.discard(temp))
	}
	return made(t.discard(temp))
}

// discard removes what an install that was killed has left.
func (t tree) discard(name string) error {
	if err := t.root.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync makes what was done in a directory survive a power cut.
func (t tree) sync(dir string) error {
	if t.syncer != nil {
		return t.syncer(dir)
	}
	f, err := t.root.Open(rel(dir))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
