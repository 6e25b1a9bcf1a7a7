package proctree_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/proctree"
)

// FIFREEZE and FITHAW of linux/fs.h; x/sys/unix has no names for them.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// frozenFilesystem makes a small filesystem, mounts and freezes it. It is
// thawed and unmounted at the end of the test, or by the function it returns.
func frozenFilesystem(t *testing.T) (dir string, thaw func()) {
	t.Helper()
	need(t, os.Geteuid() == 0, "root")
	mkfs, err := exec.LookPath("mkfs.ext4")
	need(t, err == nil, "mkfs.ext4")
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	dir = t.TempDir()
	out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput()
	need(t, err == nil, "loop devices: "+string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	root, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	thaw = func() {
		_ = unix.IoctlSetInt(int(root.Fd()), fiThaw, 0) // EINVAL the second time
	}
	t.Cleanup(func() { thaw(); root.Close() })
	if err := unix.IoctlSetInt(int(root.Fd()), fiFreeze, 0); err != nil {
		t.Fatal("FIFREEZE:", err)
	}
	return dir, thaw
}

// TestRunDoesNotWaitForASleeperOnAFrozenFilesystem is the reason for
// ErrUnreaped: a writer to a frozen filesystem does not die of SIGKILL.
func TestRunDoesNotWaitForASleeperOnAFrozenFilesystem(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"the program", "(setsid sleep M &); echo ready; echo M > DIR/file"},
		{"a descendant", "(setsid sh -c 'echo M > DIR/file' &); (setsid sleep M &); echo ready; sleep M"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 12 {
				if named := sleeperIsLeft(t, tt.script); named {
					return
				}
				t.Log("the keeper had no time to name the process; once more")
			}
			t.Error("no error names the process")
		})
	}
}

// sleeperIsLeft runs a script whose tree cannot be ended while a filesystem is frozen. It
// reports whether the error names the process: on a busy machine the keeper may not come
// to say it in time.
func sleeperIsLeft(t *testing.T, text string) (named bool) {
	t.Helper()
	dir, thaw := frozenFilesystem(t)
	text, mark := script(text, "")
	text = strings.ReplaceAll(text, "DIR", dir)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	res, err := shell(text).Run(ctx)
	if took := time.Since(began); took > 800*time.Millisecond+slack {
		t.Errorf("Run took %v", took)
	}
	if !errors.Is(err, proctree.ErrUnreaped) || !errors.Is(err, context.DeadlineExceeded) || res.Reaped {
		t.Errorf("result %+v, error %v; want ErrUnreaped and the context's", res, err)
	}
	if left := survivors(t, mark); len(left) != 1 || !strings.Contains(left[0], dir) {
		t.Errorf("left are %q, want the sleeper alone", left)
	}
	thaw()
	waitUntil(t, "the sleeper is gone", func() bool { return survivors(t, mark) == nil })
	if text, err := os.ReadFile(dir + "/file"); len(text) > 0 {
		t.Errorf("the sleeper wrote %q after it was killed (%v)", text, err)
	}
	return err != nil && strings.Contains(err.Error(), "(sh) in state D")
}

func TestSleeperLeftByAProgramThatEnded(t *testing.T) {
	dir, thaw := frozenFilesystem(t)
	c := shell("setsid sh -c 'echo x > " + dir + "/file' & until grep -q 'State:.D' /proc/$!/status; do :; done; exit 3")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := c.Run(ctx)
	if !errors.Is(err, proctree.ErrUnreaped) || ctx.Err() != nil || res.Code != 3 || res.Reaped {
		t.Errorf("result %+v, error %v; want code 3 and ErrUnreaped before the context ends", res, err)
	}
	thaw()
	waitUntil(t, "the sleeper is gone", func() bool { return survivors(t, dir) == nil })
}
