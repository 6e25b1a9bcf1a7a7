// Package lock keeps two runs from working on one thing at a time.
//
// A lock is a file in the runtime directory. The kernel gives the lock back when
// the last process that has the file open is gone, however it died. The file says
// who has it. Files are left behind; removing one would let two processes lock two
// files of one name.
package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Lock is a lock that is held.
type Lock struct{ f *os.File }

// HeldError says that somebody else has the lock.
type HeldError struct {
	Name  string
	Owner string // what the owner wrote, as "run 01J…"
}

// Error names the owner.
func (e *HeldError) Error() string { return e.Name + " is in use by " + e.Owner }

var errHeld = errors.New("held")

// Acquire takes the lock of that name in dir, which is made if need be, or
// returns a [*HeldError]. It does not wait. owner is written into the file.
func Acquire(dir, name, owner string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		if errors.Is(err, errHeld) {
			err = &HeldError{Name: name, Owner: readOwner(f)}
		}
		return nil, errors.Join(err, f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(owner+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return &Lock{f}, nil
}

// again is how often Wait tries. The kernel tells nobody that a lock of this kind has
// become free, but whoever sleeps in a system call that no context ends.
const again = 20 * time.Millisecond

// Wait is Acquire that tries until ctx ends, at least once.
func Wait(ctx context.Context, dir, name, owner string) (*Lock, error) {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		l, err := Acquire(dir, name, owner)
		if held := (*HeldError)(nil); !errors.As(err, &held) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

// Owner returns who has the lock of that name in dir, or "" if nobody has. It
// takes nothing.
func Owner(dir, name string) string {
	f, err := os.OpenFile(path(dir, name), os.O_RDWR, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if !held(f) {
		return ""
	}
	return readOwner(f)
}

// File is what has the lock. A process that is given it, too, is an owner like us.
func (l *Lock) File() *os.File { return l.f }

// Release gives our part of the lock back. It may be repeated.
func (l *Lock) Release() { _ = l.f.Close() } // a second time is an error that means nothing

func path(dir, name string) string {
	return filepath.Join(dir, strings.NewReplacer("/", "_", ":", "-", " ", "-").Replace(name)+".lock")
}

func readOwner(f *os.File) string {
	text := make([]byte, 256)
	n, _ := f.ReadAt(text, 0)
	owner, _, _ := strings.Cut(string(text[:n]), "\n")
	if owner == "" {
		return "somebody else"
	}
	return owner
}
