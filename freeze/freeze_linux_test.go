package freeze_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/internal/testfs"
)

const (
	// patience is how long a test waits for what must happen; it is not used up.
	patience = 20 * time.Second
	// blocked is how long a write must not come back to count as blocked.
	blocked = 300 * time.Millisecond
)

// locate calls Locate and closes what it returns at the end of the test.
func locate(t *testing.T, paths ...string) []*freeze.Filesystem {
	t.Helper()
	list, err := freeze.Locate(paths, freeze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range slices.Backward(list) {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return list
}

func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantWritable(t *testing.T, dir string) {
	t.Helper()
	if err := testfs.CanWrite(t, dir, patience); err != nil {
		t.Error(err)
	}
}

func wantBlocked(t *testing.T, dir string) {
	t.Helper()
	if err := testfs.CanWrite(t, dir, blocked); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("writing to %s: got %v, want it to be blocked", dir, err)
	}
}

func wantIs(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func settle(t *testing.T, f *freeze.Filesystem) {
	t.Helper()
	select {
	case <-f.Settled():
	case <-time.After(patience):
		t.Fatalf("%s does not settle", f.Mountpoint)
	}
}

// number reads the device number of a loop device.
func number(t *testing.T, device string) string {
	t.Helper()
	text, err := os.ReadFile("/sys/block/" + filepath.Base(device) + "/dev")
	must(t, err)
	return strings.TrimSpace(string(text))
}

// TestEachFilesystem is the life of one freeze, and of somebody else's.
func TestEachFilesystem(t *testing.T) {
	for _, fstype := range []string{"xfs", "ext4", "btrfs"} {
		t.Run(fstype, func(t *testing.T) {
			fs, ctx := testfs.New(t, fstype, 0), limit(t)
			f := locate(t, fs.Dir)[0]
			if f.Mountpoint != fs.Dir || f.Type != fstype || f.Source != fs.Device || f.ReadOnly {
				t.Errorf("located %s on %s (%s, read-only %v)", f.Type, f.Mountpoint, f.Source, f.ReadOnly)
			}
			if fstype != "btrfs" && f.Device != number(t, fs.Device) {
				t.Errorf("device %s, want %s", f.Device, number(t, fs.Device))
			}
			must(t, f.Sync(ctx))
			must(t, f.Freeze(ctx))
			wantBlocked(t, fs.Dir)
			must(t, f.Thaw(ctx))
			wantWritable(t, fs.Dir)
			wantIs(t, "second Thaw", f.Thaw(ctx), freeze.ErrNotFrozen)

			fs.Freeze(t)
			wantIs(t, "Freeze of a frozen one", f.Freeze(ctx), freeze.ErrBusy)
			wantIs(t, "Thaw of somebody else's", f.Thaw(ctx), freeze.ErrNotFrozen)
			must(t, f.Close())
			settle(t, f)
			wantBlocked(t, fs.Dir)
			must(t, fs.Thaw())
			wantWritable(t, fs.Dir)
		})
	}
}

func TestCloseThaws(t *testing.T) {
	fs, ctx := testfs.New(t, "ext4", 16), limit(t)
	f := locate(t, fs.Dir)[0]
	must(t, f.Freeze(ctx))
	must(t, f.Close())
	settle(t, f)
	wantIs(t, "thaw by hand", fs.Thaw(), unix.EINVAL)
}

func TestSomebodyElseThaws(t *testing.T) {
	fs, ctx := testfs.New(t, "ext4", 16), limit(t)
	f := locate(t, fs.Dir)[0]
	must(t, f.Freeze(ctx))
	must(t, fs.Thaw())
	wantIs(t, "Thaw", f.Thaw(ctx), freeze.ErrNotFrozen)
}

// TestNested freezes a chain in the order of Locate and thaws it in reverse.
func TestNested(t *testing.T) {
	outer := testfs.New(t, "ext4", 200)
	mid := outer.Nested(t, "btrfs", 110)
	inner := mid.Nested(t, "ext4", 16)
	list, ctx := locate(t, outer.Dir, inner.Dir, mid.Dir), limit(t)
	var got []string
	for _, f := range list {
		got = append(got, f.Mountpoint)
	}
	if want := []string{inner.Dir, mid.Dir, outer.Dir}; !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
	for _, f := range list {
		must(t, f.Freeze(ctx))
	}
	for _, dir := range got {
		wantBlocked(t, dir)
	}
	for _, f := range slices.Backward(list) {
		must(t, f.Thaw(ctx))
	}
	for _, dir := range got {
		wantWritable(t, dir)
	}
}

// TestLevels freezes what does not depend on each other at the same time, and thaws it.
func TestLevels(t *testing.T) {
	outer, other := testfs.New(t, "ext4", 64), testfs.New(t, "ext4", 64)
	inner := outer.Nested(t, "ext4", 16)
	list := locate(t, outer.Dir, inner.Dir, other.Dir)
	var levels [2][]*freeze.Filesystem
	for _, f := range list {
		levels[f.Level] = append(levels[f.Level], f)
	}
	if len(levels[0]) != 2 || len(levels[1]) != 1 || levels[1][0].Mountpoint != outer.Dir {
		t.Fatalf("levels %v, want the outer one alone in the second", levels)
	}
	atOnce := func(level []*freeze.Filesystem, do func(*freeze.Filesystem, context.Context) error) {
		ctx := limit(t)
		var all sync.WaitGroup
		for _, f := range level {
			all.Go(func() {
				if err := do(f, ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for _, level := range levels {
		atOnce(level, (*freeze.Filesystem).Freeze)
	}
	for _, f := range list {
		wantBlocked(t, f.Mountpoint)
	}
	for _, level := range slices.Backward(levels[:]) {
		atOnce(level, (*freeze.Filesystem).Thaw)
	}
	for _, f := range list {
		wantWritable(t, f.Mountpoint)
	}
}

// TestFreezeInFlight gives up a FIFREEZE that the kernel really does not answer:
// the filesystem that holds the image is frozen.
func TestFreezeInFlight(t *testing.T) {
	outer := testfs.New(t, "ext4", 64)
	inner := outer.Nested(t, "ext4", 16)
	wantWritable(t, inner.Dir)
	f := locate(t, inner.Dir)[0]
	outer.Freeze(t)
	ctx, cancel := context.WithTimeout(context.Background(), blocked)
	defer cancel()
	err := f.Freeze(ctx)
	wantIs(t, "Freeze", err, freeze.ErrUnknown)
	wantIs(t, "Freeze", err, context.DeadlineExceeded)
	if !f.Frozen() {
		t.Error("Frozen is false while nobody can know")
	}
	select {
	case <-f.Settled():
		t.Error("settled although the kernel has not answered")
	default:
	}
	must(t, outer.Thaw())
	settle(t, f)
	wantIs(t, "thaw by hand", inner.Thaw(), unix.EINVAL)
	wantWritable(t, inner.Dir)
}

func TestReadOnly(t *testing.T) {
	fs, ctx := testfs.New(t, "ext4", 16), limit(t)
	must(t, unix.Mount("", fs.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	f := locate(t, fs.Dir)[0]
	if !f.ReadOnly {
		t.Error("ReadOnly is false")
	}
	must(t, f.Freeze(ctx))
	must(t, f.Thaw(ctx))
}

// TestWithoutPrivilege runs itself again as another user.
func TestWithoutPrivilege(t *testing.T) {
	if dir := os.Getenv("FREEZE_WITHOUT_PRIVILEGE"); dir != "" {
		err := locate(t, dir)[0].Freeze(limit(t))
		wantIs(t, "Freeze", err, unix.EPERM)
		fmt.Println(err)
		return
	}
	fs := testfs.New(t, "ext4", 16)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestWithoutPrivilege$")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "FREEZE_WITHOUT_PRIVILEGE="+fs.Dir)
	cmd.SysProcAttr = &unix.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "CAP_SYS_ADMIN is needed") {
		t.Errorf("%v; want an error that asks for CAP_SYS_ADMIN, got:\n%s", err, out)
	}
}

func TestThawMountpoint(t *testing.T) {
	fs, other, ctx := testfs.New(t, "btrfs", 0), testfs.New(t, "ext4", 16), limit(t)
	device, otherDevice := locate(t, fs.Dir)[0].Device, locate(t, other.Dir)[0].Device
	wantIs(t, "not frozen", freeze.ThawMountpoint(ctx, fs.Dir, device), freeze.ErrNotFrozen)

	before := descriptors(t)
	fs.Freeze(t)
	for _, test := range []struct{ mountpoint, device, want string }{
		{fs.Dir, otherDevice, "mounted at " + other.Dir},
		{fs.Dir, "999:9", "not mounted"},
		{filepath.Join(fs.Dir, "absent"), device, "no such file"},
	} {
		err := freeze.ThawMountpoint(ctx, test.mountpoint, test.device)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("thawing device %s at %s: got %v, want %q", test.device, test.mountpoint, err, test.want)
		}
	}
	wantBlocked(t, fs.Dir)
	must(t, freeze.ThawMountpoint(ctx, fs.Dir, device))
	wantWritable(t, fs.Dir)
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors were left open", after-before)
	}
}
