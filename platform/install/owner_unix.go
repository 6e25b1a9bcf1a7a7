//go:build unix

package install

import (
	"io/fs"
	"os"
	"syscall"
)

// owner is whom new files belong to: root, or whoever makes another root.
func owner() (uid, gid int) {
	if os.Geteuid() == 0 {
		return 0, 0
	}
	return os.Geteuid(), os.Getegid()
}

func ownerOf(info fs.FileInfo) (uid, gid int) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid)
	}
	return owner()
}

// trustedUser reports whether a user is root or us.
func trustedUser(uid int) bool { return uid == 0 || uid == os.Geteuid() }
