package run

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// storage is where a file is replaced, so that tests can watch the order and let a step
// fail. Paths are relative to it.
type storage interface {
	MkdirAll(dir string, mode fs.FileMode) error
	Create(path string) (newFile, error) // it was not there
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type newFile interface {
	io.WriteCloser
	Sync() error
}

// writeBelow replaces a file below a directory, which is made if need be. No symlink leads
// out of it: a filesystem that is snapshotted may belong to the user of a database, and
// we are root.
func writeBelow(dir, name string, text []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(replace(rootStorage{root}, name, text), root.Close())
}

// replace makes a new file of a name, so that it is whole and on the disk, or the old one
// untouched. What an earlier call that was killed has left goes away.
func replace(s storage, name string, text []byte) error {
	if err := s.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	temp := name + ".new"
	if err := s.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := create(s, temp, text)
	if err == nil {
		err = s.Rename(temp, name)
	}
	if err != nil {
		_ = s.Remove(temp)
		return err
	}
	return s.SyncDir(path.Dir(name))
}

func create(s storage, name string, text []byte) error {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// rootStorage is a directory of the operating system.
type rootStorage struct{ *os.Root }

func (r rootStorage) Create(name string) (newFile, error) {
	return r.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// SyncDir makes a rename durable. Windows has no sync of a directory.
func (r rootStorage) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := r.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
