package run

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// storage is what a file is replaced by, so that tests can watch the order and let a step
// fail.
type storage interface {
	Temp(dir string) (tempFile, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type tempFile interface {
	io.WriteCloser
	Name() string
	Sync() error
}

// writeFile replaces a file so that it is whole and on the disk, or untouched.
func writeFile(d storage, path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := d.Temp(dir)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.Rename(f.Name(), path)
	}
	if err != nil {
		_ = d.Remove(f.Name())
		return err
	}
	return d.SyncDir(dir)
}

// osStorage is the disk of the operating system.
type osStorage struct{}

func (osStorage) Temp(dir string) (tempFile, error) { return os.CreateTemp(dir, ".new-*") }

func (osStorage) Rename(from, to string) error { return os.Rename(from, to) }

func (osStorage) Remove(path string) error { return os.Remove(path) }

// SyncDir makes a rename durable. Windows has no sync of a directory.
func (osStorage) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
