package freeze_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/internal/testfs"
)

// TestOneSuperblock finds one filesystem behind a folder, a file, a link to it, a
// bind mount, a socket and a fifo, in the order in which they are named.
func TestOneSuperblock(t *testing.T) {
	for _, fstype := range []string{"ext4", "btrfs"} {
		t.Run(fstype, func(t *testing.T) {
			fs, other, ctx := testfs.New(t, fstype, 0), testfs.New(t, "ext4", 16), limit(t)
			in := func(name string) string { return filepath.Join(fs.Dir, name) }
			must(t, os.Mkdir(in("sub"), 0o755))
			must(t, os.WriteFile(in("file"), nil, 0o600))
			must(t, unix.Mkfifo(in("fifo"), 0o600))
			listener, err := net.Listen("unix", in("s"))
			must(t, err)
			defer listener.Close()
			link, bind := filepath.Join(t.TempDir(), "link"), t.TempDir()
			must(t, os.Symlink(in("sub"), link))
			must(t, unix.Mount(in("sub"), bind, "", unix.MS_BIND, ""))
			t.Cleanup(func() { _ = unix.Unmount(bind, unix.MNT_DETACH) })

			paths := []string{in("fifo"), other.Dir, in("s"), in("file"), in("sub"), link, bind}
			list := locate(t, paths...)
			if len(list) != 2 || list[0].Mountpoint != fs.Dir || list[1].Mountpoint != other.Dir {
				t.Fatalf("got %d filesystems, want %s and %s", len(list), fs.Dir, other.Dir)
			}
			if want := slices.Delete(slices.Clone(paths), 1, 2); !slices.Equal(list[0].Paths, want) {
				t.Errorf("paths %v, want %v", list[0].Paths, want)
			}
			for _, path := range paths {
				f := locate(t, path)[0]
				must(t, f.Freeze(ctx))
				must(t, f.Thaw(ctx))
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	outer := testfs.New(t, "ext4", 64)
	inner := outer.Nested(t, "ext4", 16)
	memory := t.TempDir()
	must(t, unix.Mount("none", memory, "tmpfs", 0, ""))
	t.Cleanup(func() { _ = unix.Unmount(memory, unix.MNT_DETACH) })
	tests := []struct {
		name  string
		paths []string
		keep  []string
		want  []string
	}{
		{"tmpfs", []string{inner.Dir, memory}, nil, []string{memory, "tmpfs", "in memory"}},
		{"proc", []string{"/proc/self/status"}, nil, []string{"/proc/self/status", "mounted at /proc", "the kernel makes"}},
		{"kept", []string{inner.Dir}, []string{inner.Dir + "/lost+found"}, []string{inner.Dir, "lost+found, which must stay writable"}},
		{"kept through an image", []string{outer.Dir, inner.Dir}, []string{inner.Dir}, []string{"must stay writable"}},
		{"image of another", []string{outer.Dir}, nil, []string{outer.Dir, inner.Image, "name " + inner.Dir + " too"}},
		{"relative", []string{"data"}, nil, []string{`"data" is not absolute`}},
		{"absent", []string{outer.Dir + "/absent"}, nil, []string{outer.Dir + "/absent", "no such file"}},
		{"kept absent", []string{inner.Dir}, []string{"/absent"}, []string{"must stay writable", "/absent", "no such file"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := descriptors(t)
			list, err := freeze.Locate(test.paths, freeze.Options{Keep: test.keep})
			if err == nil {
				t.Fatalf("no error but %d filesystems", len(list))
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not mention %q", err, part)
				}
			}
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors were left open", after-before)
			}
		})
	}
	if list := locate(t, inner.Dir); len(list) != 1 {
		t.Errorf("the inner one alone: %d filesystems, want 1", len(list))
	}
}

func TestNoPaths(t *testing.T) {
	list, err := freeze.Locate(nil, freeze.Options{})
	if err != nil || len(list) != 0 {
		t.Errorf("got %v, %v; want nothing", list, err)
	}
}

// descriptors counts the open files of this process that are on a filesystem.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	n := 0
	for _, e := range entries {
		if target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%s", e.Name())); err == nil && strings.HasPrefix(target, "/") && !strings.HasSuffix(target, "/fd") {
			n++
		}
	}
	return n
}
