package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OS is the [VFS] of the machine.
//
// Files are opened only if nobody else can have written them: a regular file
// reached through no symlink, that belongs to the user of the process or to root
// and is not writable by others. The same is asked of the directory itself, not of
// its parents. On Windows, where nothing is frozen, this is not checked.
type OS struct{}

// MkdirAll implements [VFS].
func (o OS) MkdirAll(dir string) error {
	err := os.Mkdir(dir, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return checkPrivateDir(dir)
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		if err := o.MkdirAll(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return err
	}
	return o.SyncDir(filepath.Dir(dir))
}

// Create implements [VFS].
func (OS) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Append implements [VFS].
func (OS) Append(path string) (File, error) {
	f, err := openPrivate(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Open implements [VFS].
func (OS) Open(path string) (io.ReadCloser, error) {
	f, err := openPrivate(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// ReadDir implements [VFS].
func (OS) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// SyncDir implements [VFS].
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

// osFile makes Sync a fdatasync where there is one.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return datasync(f.File) }

// openPrivate opens a file that nobody else can have written.
func openPrivate(path string, flag int) (*os.File, error) {
	if err := checkPrivateDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %v, want a regular file", path, info.Mode().Type())
	}
	if err == nil {
		err = checkPrivate(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func checkPrivateDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	}
	return checkPrivate(dir, info)
}
