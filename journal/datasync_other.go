//go:build !linux

package journal

import "os"

// datasync is fsync: on macOS Go makes it F_FULLFSYNC, which is what it takes there.
func datasync(f *os.File) error { return f.Sync() }
