// Package testfs gives tests real filesystems to freeze: small ones, in image
// files, mounted through loop devices for the length of a test.
//
// A filesystem belongs to the test that made it and goes away with it, thawed
// first, whether the test passes, fails or panics. A guard process does the same
// when the test process is killed. Cleanup runs in the reverse order of creation,
// as [testing.TB.Cleanup] does, except that a filesystem is never thawed before
// the one that holds its image: that would wait for ever.
//
// Nothing here writes to such a filesystem from the test process: a writer of a
// frozen filesystem cannot be killed. Functions are called from the goroutine of
// the test.
package testfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FS is one mounted filesystem.
type FS struct {
	Type   string // "xfs", "ext4" or "btrfs"
	Dir    string // where it is mounted; short enough for a socket in it
	Image  string // the file that it is in; "" for a mounted copy
	Device string // "/dev/loop3"

	outer   *FS // holds the image; nil if that is on a filesystem of the machine
	guard   *guard
	mounted bool
}

// minMiB is the least that mkfs of each type makes (xfsprogs 6, btrfs-progs 6).
func minMiB(fstype string) int {
	switch fstype {
	case "xfs":
		return 300
	case "btrfs":
		return 110
	}
	return 16
}

// New makes a filesystem of that type in a sparse file of so many MiB and mounts
// it. Too small a size is rounded up to the least that mkfs accepts. Without root,
// loop devices or mkfs the test is skipped: see [Require].
func New(t testing.TB, fstype string, sizeMiB int) *FS {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "starhost-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // a database server is another user
		t.Fatal(err)
	}
	return create(t, fstype, sizeMiB, dir, nil)
}

// Nested makes a filesystem whose image is a file of f.
func (f *FS) Nested(t testing.TB, fstype string, sizeMiB int) *FS {
	t.Helper()
	return create(t, fstype, sizeMiB, f.Dir, f)
}

// MountCopy mounts a copy of an image, as a machine restored from a snapshot
// would, and returns where. Unmount the original of a btrfs first: two mounted
// ones of the same id confuse the kernel.
func MountCopy(t testing.TB, image, fstype string) string {
	t.Helper()
	Require(t, "mount", "umount")
	f := &FS{Type: fstype, Dir: image + ".mnt"}
	options := "loop"
	if fstype == "xfs" {
		options = "loop,nouuid" // the original may be mounted
	}
	f.mount(t, image, options)
	return f.Dir
}

// Unmount ends the filesystem before the test does; the image stays.
func (f *FS) Unmount(t testing.TB) {
	t.Helper()
	f.unmount(t)
}

// CopyImage copies the image of f, as a snapshot of the disk would, to dst. What
// is still in memory is not in the copy.
func CopyImage(t testing.TB, f *FS, dst string) {
	t.Helper()
	run(t, "cp", "--sparse=always", f.Image, dst)
}

// RequireRoot skips the test unless it may freeze filesystems. With CI in the
// environment it fails instead: there, a test that does not run is a mistake.
func RequireRoot(t testing.TB) {
	t.Helper()
	if reason := unprivileged(); reason != "" {
		skip(t, reason)
	}
}

// Require is [RequireRoot], and the same for loop devices and programs.
func Require(t testing.TB, programs ...string) {
	t.Helper()
	RequireRoot(t)
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		skip(t, "needs loop devices: "+err.Error())
	}
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			skip(t, "needs the program "+name+": "+err.Error())
		}
	}
}

func skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(reason + " (not skipped because CI is set)")
	}
	t.Skip(reason)
}

// create makes image and mount point in dir.
func create(t testing.TB, fstype string, sizeMiB int, dir string, outer *FS) *FS {
	t.Helper()
	Require(t, "mkfs."+fstype, "mount", "umount", "fsfreeze")
	f := &FS{Type: fstype, Image: filepath.Join(dir, "img"), Dir: filepath.Join(dir, "mnt"), outer: outer}
	if err := sparse(f.Image, max(sizeMiB, minMiB(fstype))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(f.Image) })
	mkfs := []string{"-q", f.Image}
	if fstype == "ext4" {
		mkfs = []string{"-q", "-F", f.Image}
	}
	run(t, "mkfs."+fstype, mkfs...)
	f.mount(t, f.Image, "loop")
	return f
}

func sparse(name string, sizeMiB int) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Truncate(int64(sizeMiB) << 20); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}
