package lock

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Open file description locks (fcntl(2)): like those of flock(2) they belong to
// the open file and not to the process, and unlike those one can ask whether they
// are held without taking them for a moment, which would turn a run away.

func lock(f *os.File) error {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return errHeld
	}
	return err
}

func held(f *os.File) bool {
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l) == nil && l.Type != unix.F_UNLCK
}
