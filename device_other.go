//go:build !unix

package starhost

import "io/fs"

// sameDevice reports whether two directories are of one mounted filesystem: not known
// here, so only the directory that was named is looked at.
func sameDevice(_, _ string) bool { return false }

// strangeOwner returns the user whom a file belongs to, if that is neither root nor us:
// not known here.
func strangeOwner(fs.FileInfo) (uid int, strange bool) { return 0, false }
