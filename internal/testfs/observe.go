package testfs

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// ErrBlocked says that a write did not come back, as on a frozen filesystem.
var ErrBlocked = errors.New("the write is blocked")

// CanWrite lets another process write to a file in dir, through to the disk, and
// returns an error that wraps [ErrBlocked] if that has not come back in time, or
// another error if the write failed.
//
// The blocked process is killed and goes away when the filesystem is thawed; the
// goroutine that waits for it ends then too.
func CanWrite(t testing.TB, dir string, within time.Duration) error {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(dir, ".starhost-probe"),
		"bs=512", "count=1", "oflag=dsync", "conv=notrunc", "status=none")
	cmd.Dir = "/"
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting a writer: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("writing to %s: %w: %s", dir, err, bytes.TrimSpace(stderr.Bytes()))
		}
		return nil
	case <-time.After(within):
		_ = cmd.Process.Kill() // it takes effect at the thaw
		return fmt.Errorf("writing to %s: not done after %v: %w", dir, within, ErrBlocked)
	}
}
