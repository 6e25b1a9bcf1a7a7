//go:build !linux

package config

import (
	"os"
	"path/filepath"
	"runtime"
)

// absolute returns the clean absolute form of path.
func absolute(path string) (string, error) {
	if path == "" {
		return "", fileError(`""`, "the path is empty; name a file")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", osError(path, err)
	}
	return full, nil
}

// openChecked opens the regular file path. It does not look at the directories:
// on macOS /tmp itself is a symbolic link. The owner counts as the user of this
// process, and so does everybody on Windows, whose access lists Go does not show.
func openChecked(path string) (*os.File, stat, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, stat{}, osError(path, err)
	}
	st := stat{mode: before.Mode(), uid: os.Geteuid()}
	if !before.Mode().IsRegular() {
		return nil, stat{}, st.checkFile(path, false)
	}
	if runtime.GOOS == "windows" {
		st.mode &^= 0o077
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, stat{}, osError(path, err)
	}
	after, err := f.Stat()
	if err != nil || !os.SameFile(before, after) {
		_ = f.Close() // nothing was written
		return nil, stat{}, fileError(path, "was replaced while it was being opened; try again")
	}
	return f, st, nil
}
