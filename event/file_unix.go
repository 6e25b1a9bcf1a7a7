//go:build unix

package event

import (
	"os"

	"golang.org/x/sys/unix"
)

// openFlags refuse a symlink, and keep a FIFO from blocking the open.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

// tryLock takes the right to rotate f, and never waits for it. Closing f gives it back.
func tryLock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
