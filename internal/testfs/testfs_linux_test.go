package testfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/testfs"
)

// patience is how long a test waits for what must happen; it is not used up.
const patience = 20 * time.Second

func TestObserver(t *testing.T) {
	f := testfs.New(t, "ext4", 16)
	if err := testfs.CanWrite(t, f.Dir, patience); err != nil {
		t.Fatal(err)
	}
	f.Freeze(t)
	if err := testfs.CanWrite(t, f.Dir, 300*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("write to a frozen filesystem: got %v, want ErrBlocked", err)
	}
	if err := f.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := testfs.CanWrite(t, f.Dir, patience); err != nil {
		t.Error(err)
	}
	if err := testfs.CanWrite(t, filepath.Join(f.Dir, "absent"), patience); err == nil || errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("write to an absent folder: got %v, want an error that is not ErrBlocked", err)
	}
}

// TestCleanup leaves two filesystems frozen, one in the other, with a blocked
// writer on each.
func TestCleanup(t *testing.T) {
	var outer, inner *testfs.FS
	t.Run("leave frozen", func(t *testing.T) {
		outer = testfs.New(t, "ext4", 64)
		inner = outer.Nested(t, "ext4", 16)
		for _, f := range []*testfs.FS{inner, outer} {
			f.Freeze(t)
			if err := testfs.CanWrite(t, f.Dir, 100*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
				t.Errorf("got %v, want ErrBlocked", err)
			}
		}
	})
	if t.Skipped() || inner == nil {
		t.Skip("nothing was made")
	}
	for _, f := range []*testfs.FS{inner, outer} {
		waitGone(t, f.Dir, f.Image, f.Device)
	}
}

// TestGuard kills a test process that has frozen a filesystem.
func TestGuard(t *testing.T) {
	if os.Getenv("TESTFS_VICTIM") != "" {
		f := testfs.New(t, "ext4", 16)
		f.Freeze(t)
		fmt.Println("victim", f.Dir, f.Image, f.Device)
		select {}
	}
	testfs.Require(t, "mkfs.ext4", "fsfreeze")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestGuard$")
	cmd.Env = append(os.Environ(), "TESTFS_VICTIM=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir, image, device string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "victim %s %s %s", &dir, &image, &device); n == 3 {
			break
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if device == "" {
		t.Fatal("the victim made no filesystem")
	}
	waitGone(t, dir, image, device)
}

func TestCopy(t *testing.T) {
	for _, fstype := range []string{"xfs", "ext4", "btrfs"} {
		t.Run(fstype, func(t *testing.T) {
			f := testfs.New(t, fstype, 0)
			if err := testfs.CanWrite(t, f.Dir, patience); err != nil {
				t.Fatal(err)
			}
			dst := filepath.Join(t.TempDir(), "copy")
			f.Freeze(t)
			testfs.CopyImage(t, f, dst)
			if err := f.Thaw(); err != nil {
				t.Fatal(err)
			}
			if fstype == "btrfs" {
				f.Unmount(t)
			}
			names, err := filepath.Glob(filepath.Join(testfs.MountCopy(t, dst, fstype), ".starhost-probe"))
			if err != nil || len(names) != 1 {
				t.Errorf("the copy holds %d probes, want 1 (%v)", len(names), err)
			}
		})
	}
}

// waitGone waits until nothing is left of a filesystem.
func waitGone(t *testing.T, dir, image, device string) {
	t.Helper()
	left := func() string {
		if mounted, _ := mountinfo.Mounted(dir); mounted {
			return dir + " is mounted"
		}
		if _, err := os.Stat(image); err == nil {
			return image + " exists"
		}
		backing, _ := os.ReadFile("/sys/block/" + filepath.Base(device) + "/loop/backing_file")
		if strings.HasPrefix(string(backing), image) {
			return device + " is attached"
		}
		if err := unix.Access(filepath.Dir(dir), unix.F_OK); err == nil {
			return filepath.Dir(dir) + " exists"
		}
		return ""
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for left() != "" {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatal("still there: " + left())
		}
	}
}
