package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// rewrite replaces what is in a file at once: whoever reads it, or loses power,
// finds the old text or the new one. Mode and owner stay. If the path is a symbolic
// link, the file that it leads to is replaced, and the link stays.
func rewrite(path string, text []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".starhost-fmt-*")
	if err != nil {
		return fmt.Errorf("%s was not changed: %w", path, err)
	}
	err = errors.Join(fill(file, text, info), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s was not changed: %w", path, err), os.Remove(file.Name()))
	}
	return nil
}

// fill writes a new file that is to take the place of another one. The owner comes
// before the mode, which a change of the owner may take bits from.
func fill(file *os.File, text []byte, like fs.FileInfo) error {
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := giveTo(file, like); err != nil {
		return err
	}
	if err := file.Chmod(like.Mode()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return file.Sync()
}
