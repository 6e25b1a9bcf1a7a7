package journal

import (
	"io"
	"io/fs"
)

// VFS is what the journal asks of a disk. It exists so that a test can make every
// single one of these calls fail, or hang; programs use [OS].
//
// Implementations MUST be safe for use from several goroutines.
type VFS interface {
	// MkdirAll makes dir and its missing parents, mode 0700, durably. It is no
	// error that dir exists.
	MkdirAll(dir string) error
	// Create makes a file, mode 0600, that is written at its end. It MUST fail
	// with [fs.ErrExist] if there is anything of that name, a symlink included.
	Create(path string) (File, error)
	// Append opens a file that exists in order to write at its end.
	Append(path string) (File, error)
	// Open opens a file for reading.
	Open(path string) (io.ReadCloser, error)
	// ReadDir lists a directory.
	ReadDir(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
}

// File is a journal as it is being written, by one goroutine.
type File interface {
	// Write appends p with one write(2), so that a reader in another process
	// never sees the beginnings of two records mixed.
	io.Writer
	// Sync returns once everything written is on the disk: the data and the
	// length, not the other attributes (fdatasync).
	Sync() error
	io.Closer
}
