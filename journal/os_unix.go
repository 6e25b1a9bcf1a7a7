//go:build unix

package journal

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags refuse a symlink, and keep a FIFO from blocking the open.
const openFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK

func checkPrivate(path string, info fs.FileInfo) error {
	stat := info.Sys().(*syscall.Stat_t) // what package os documents for Unix
	if uid := int(stat.Uid); uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, want root or user %d: whoever writes a journal decides what is undone", path, uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s has mode %#o and can be written by others: chmod go-w it, after a look at what is in it", path, mode)
	}
	return nil
}

func syncDir(d *os.File) error { return d.Sync() }
