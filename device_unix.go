//go:build unix

package starhost

import (
	"io/fs"
	"os"
	"syscall"
)

// sameDevice reports whether two directories are of one mounted filesystem.
func sameDevice(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil {
		return false
	}
	other, err := os.Lstat(b)
	if err != nil {
		return false
	}
	x, ok := one.Sys().(*syscall.Stat_t)
	y, ok2 := other.Sys().(*syscall.Stat_t)
	return ok && ok2 && x.Dev == y.Dev
}

// strangeOwner returns the user whom a file belongs to, if that is neither root nor us.
func strangeOwner(info fs.FileInfo) (uid int, strange bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 || int(st.Uid) == os.Geteuid() {
		return 0, false
	}
	return int(st.Uid), true
}
