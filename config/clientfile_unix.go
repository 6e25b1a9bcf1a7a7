//go:build unix

package config

import (
	"io/fs"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK | syscall.O_NOCTTY

// ownerOf returns the uid of a file.
func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// gidOf returns the gid of a file.
func gidOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}
