//go:build unix

package sqlite

import (
	"fmt"
	"os"
	"syscall"
)

// inode tells the file apart from another one of its name.
func inode(info os.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("#%d:%d", stat.Dev, stat.Ino)
	}
	return ""
}
