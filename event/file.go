package event

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	current = "events.jsonl"
	rotated = "events.jsonl.1"
)

// file is events.jsonl as one process appends to it. Others may do so too, and may
// rotate it; therefore its name is looked up again before each line.
type file struct {
	dir   string
	limit int64
	f     *os.File
	torn  bool // our last write left a line without an end
}

func openFile(dir string, limit int64) (*file, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	w := &file{dir: dir, limit: limit}
	return w, w.reopen()
}

func (w *file) reopen() error {
	if w.f != nil {
		_ = w.f.Close() // nothing is buffered, and the file is no longer ours
	}
	var err error
	w.f, err = os.OpenFile(filepath.Join(w.dir, current), os.O_WRONLY|os.O_APPEND|os.O_CREATE|openFlags, 0o600)
	w.torn = false
	return err
}

// Write appends a line.
func (w *file) Write(line []byte) (int, error) {
	if err := w.makeRoom(int64(len(line))); err != nil {
		return 0, err
	}
	if w.torn {
		line = append([]byte("\n"), line...)
	}
	n, err := w.f.Write(line)
	w.torn = err != nil && (n > 0 || w.torn)
	return n, err
}

// Close closes the file.
func (w *file) Close() error { return w.f.Close() }

// makeRoom sees to it that w.f is the current file and, unless another process is
// about to rotate it, that n bytes fit.
func (w *file) makeRoom(n int64) error {
	info, err := w.follow()
	if err != nil || info.Size() == 0 || info.Size()+n <= w.limit {
		return err
	}
	if !tryLock(w.f) {
		return nil
	}
	// Another one may have rotated between the look and the lock.
	if locked, err := w.follow(); err != nil || !os.SameFile(locked, info) {
		return err
	}
	if err := os.Rename(filepath.Join(w.dir, current), filepath.Join(w.dir, rotated)); err != nil {
		return err
	}
	return w.reopen() // closing the old file unlocks it
}

// follow opens the file again if its name now means another one.
func (w *file) follow() (fs.FileInfo, error) {
	named, err := os.Lstat(filepath.Join(w.dir, current))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if w.f != nil {
		info, statErr := w.f.Stat()
		if statErr == nil && err == nil && os.SameFile(info, named) {
			return info, nil
		}
	}
	if err := w.reopen(); err != nil {
		return nil, err
	}
	return w.f.Stat()
}
