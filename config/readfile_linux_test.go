package config

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const nobody = 65534

// needRoot skips a test that gives files away; in CI it must not be skipped.
func needRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatal("this test needs root to give files to another user")
	default:
		t.Skip("needs root to give files to another user")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// badPaths are ways to a file that ReadFile must refuse. Setup returns the path
// to read; the folder it is given is its own.
var badPaths = []struct {
	name  string
	root  bool
	setup func(t *testing.T, dir string) string
	want  string // DIR is the folder
}{
	{"file of another user", true, func(t *testing.T, dir string) string {
		path := write(t, dir, "f", head, 0o600)
		must(t, os.Chown(path, nobody, 0))
		return path
	}, "DIR/f: belongs to uid 65534"},
	{"folder of another user", true, func(t *testing.T, dir string) string {
		must(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
		must(t, os.Chown(filepath.Join(dir, "d"), nobody, 0))
		return write(t, dir, "d/f", head, 0o600)
	}, "DIR/d: is a directory of uid 65534"},
	{"file of another user in a sticky folder", true, func(t *testing.T, dir string) string {
		path := write(t, dir, "f", head, 0o600)
		must(t, os.Chown(path, nobody, 0))
		must(t, os.Chmod(dir, 0o777|os.ModeSticky))
		return path
	}, "DIR: is a directory that others can write, and what it leads to belongs to uid 65534"},
	{"folder that others can write", false, func(t *testing.T, dir string) string {
		must(t, os.Chmod(dir, 0o777))
		return write(t, dir, "f", head, 0o600)
	}, "DIR: is a directory that others can write (mode 0777); chmod go-w DIR"},
	{"folder above that others can write", false, func(t *testing.T, dir string) string {
		must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
		must(t, os.Chmod(filepath.Join(dir, "a"), 0o770))
		return write(t, dir, "a/b/f", head, 0o600)
	}, "DIR/a: is a directory that others can write (mode 0770)"},
	{"symbolic link", false, func(t *testing.T, dir string) string {
		must(t, os.Symlink(write(t, dir, "f", head, 0o600), filepath.Join(dir, "link")))
		return filepath.Join(dir, "link")
	}, "DIR/link: is a symbolic link"},
	{"link to a folder", false, func(t *testing.T, dir string) string {
		must(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
		write(t, dir, "d/f", head, 0o600)
		must(t, os.Symlink("d", filepath.Join(dir, "link")))
		return filepath.Join(dir, "link", "f")
	}, "DIR/link: is a symbolic link"},
	{"dangling link", false, func(t *testing.T, dir string) string {
		must(t, os.Symlink("none", filepath.Join(dir, "link")))
		return filepath.Join(dir, "link")
	}, "is a symbolic link"},
	{"link around a relative path", false, func(t *testing.T, dir string) string {
		must(t, os.Symlink(write(t, dir, "f", head, 0o600), filepath.Join(dir, "link")))
		t.Chdir(dir)
		return "link"
	}, "DIR/link: is a symbolic link"},
	{"directory", false, func(_ *testing.T, dir string) string { return dir }, "DIR: is a directory, not a regular file"},
	{"root directory", false, func(*testing.T, string) string { return "/" }, "/: is a directory, not a regular file"},
	{"file as a folder", false, func(t *testing.T, dir string) string {
		return write(t, dir, "f", head, 0o600) + "/g"
	}, "not a directory"},
	{"FIFO", false, func(t *testing.T, dir string) string {
		must(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
		return filepath.Join(dir, "fifo")
	}, "DIR/fifo: is a FIFO"},
	{"socket", false, func(t *testing.T, dir string) string {
		t.Chdir(dir) // the path of a socket is short
		l, err := net.Listen("unix", "s")
		must(t, err)
		t.Cleanup(func() { _ = l.Close() })
		return filepath.Join(dir, "s")
	}, "DIR/s: is a socket"},
	{"/dev/zero", false, func(*testing.T, string) string { return "/dev/zero" }, "/dev/zero: is a device"},
	{"huge sparse file", false, func(t *testing.T, dir string) string {
		path := write(t, dir, "f", "", 0o600)
		must(t, os.Truncate(path, 1<<33))
		return path
	}, "DIR/f: is larger than 1048576 bytes"},
	{"mode 0666", false, func(t *testing.T, dir string) string {
		return write(t, dir, "f", head, 0o666)
	}, "DIR/f: can be written by others (mode 0666); chmod go-w DIR/f"},
	{"NUL in the path", false, func(_ *testing.T, dir string) string { return dir + "/a\x00b" }, "invalid argument"},
}

// TestBadPaths tries each path as a configuration and as a plain file.
func TestBadPaths(t *testing.T) {
	for _, c := range badPaths {
		t.Run(c.name, func(t *testing.T) {
			if c.root {
				needRoot(t)
			}
			dir := folder(t)
			path := c.setup(t, dir)
			want := strings.ReplaceAll(c.want, "DIR", dir)
			done := make(chan [2]error, 1)
			go func() {
				_, asConfig := Load(path)
				_, asFile := ReadFile(path, ReadOptions{})
				done <- [2]error{asConfig, asFile}
			}()
			select {
			case errs := <-done:
				checkWant(t, "Load", errs[0], want)
				checkWant(t, "ReadFile", errs[1], want)
			case <-time.After(10 * time.Second):
				t.Fatal("blocked")
			}
		})
	}
}

// TestStickyFolder reads a file of this user from a folder like /tmp.
func TestStickyFolder(t *testing.T) {
	dir := folder(t)
	path := write(t, dir, "f", head, 0o600)
	must(t, os.Chmod(dir, 0o777|os.ModeSticky))
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
}

// TestLinkedWorkingDirectory reads a relative path where $PWD leads through a
// link that os.Getwd would follow.
func TestLinkedWorkingDirectory(t *testing.T) {
	dir := folder(t)
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	write(t, dir, "real/f", head, 0o600)
	link := filepath.Join(dir, "link")
	must(t, os.Symlink("real", link))
	t.Chdir(link)
	t.Setenv("PWD", link)
	f, err := Load("f")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "real", "f"); f.Path != want {
		t.Errorf("got %s, want %s", f.Path, want)
	}
}

// TestNoDescriptorIsLeft counts descriptors over good and bad reads.
func TestNoDescriptorIsLeft(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(entries)
	}
	dir := folder(t)
	good := write(t, dir, "f", head, 0o600)
	must(t, os.Symlink("f", filepath.Join(dir, "link")))
	paths := []string{good, dir, filepath.Join(dir, "link"), filepath.Join(dir, "none"), filepath.Join(good, "x"), "/dev/zero", "/"}
	before := count()
	for range 20 {
		for _, path := range paths {
			_, _ = ReadFile(path, ReadOptions{MaxSize: 1}) // the error is not the point
		}
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
