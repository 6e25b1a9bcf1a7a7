// Package pidfd names a process for ever: by a descriptor, which means that process
// whatever its number is used for later.
//
// A FD may be used from several goroutines, until Close.
package pidfd

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// FD is a process.
type FD struct{ fd int }

// Open returns the process that has the number now. The error is [unix.ESRCH] if there
// is none.
func Open(pid int) (FD, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	return FD{fd}, err
}

// Kill sends SIGKILL; a process that has ended is no error.
func (f FD) Kill() { _ = unix.PidfdSendSignal(f.fd, unix.SIGKILL, nil, 0) }

// Ended waits a while, and reports whether the process has ended: then what it had open
// is closed and its locks are free, because a process closes its files before it can be
// waited for.
func (f FD) Ended(within time.Duration) bool {
	end := time.Now().Add(within)
	for {
		left := max(time.Until(end), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n == 1
		}
	}
}

// Close gives the descriptor back.
func (f FD) Close() { _ = unix.Close(f.fd) }
