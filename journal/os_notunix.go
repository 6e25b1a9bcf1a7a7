//go:build !unix

package journal

import (
	"io/fs"
	"os"
)

const openFlags = 0

func checkPrivate(string, fs.FileInfo) error { return nil }

// syncDir does nothing: a directory cannot be flushed on Windows, and NTFS
// journals the names itself.
func syncDir(*os.File) error { return nil }
