//go:build !unix

package install

import "io/fs"

func owner() (uid, gid int) { return 0, 0 }

func ownerOf(fs.FileInfo) (uid, gid int) { return 0, 0 }

func trustedUser(int) bool { return true }
