package freeze

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// table parses lines of mountinfo without the fields that do not matter here:
// "major:minor mountpoint type source options-of-the-superblock".
func table(t *testing.T, lines ...string) mountTable {
	t.Helper()
	var text strings.Builder
	for _, line := range lines {
		part := strings.Fields(line)
		if len(part) != 5 {
			t.Fatalf("%q has %d fields, want 5", line, len(part))
		}
		text.WriteString("1 1 " + part[0] + " / " + part[1] + " rw - " + strings.Join(part[2:], " ") + "\n")
	}
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(text.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	return mounts
}

// sysfs makes a tree of files and symbolic links: "path = content", "path -> target".
func sysfs(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, line := range append(lines, "dev/block/keep = ") {
		name, content, file := strings.Cut(line, " = ")
		name, target, link := strings.Cut(name, " -> ")
		full := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, full)
		case file:
			err = os.WriteFile(full, []byte(content+"\n"), 0o600)
		default:
			t.Fatalf("%q is no line", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// machine has a chain of three loop filesystems on /srv (inner in /mid, mid in
// /outer), and others that hide behind a partition, dm, a btrfs of two disks.
func machine(t *testing.T) blockTree {
	t.Helper()
	return blockTree{
		mounts: table(t,
			"8:1 / ext4 /dev/sda1 rw",
			"0:20 /run tmpfs tmpfs rw",
			"8:2 /srv xfs /dev/sda2 rw",
			"7:0 /outer ext4 /dev/loop0 rw",
			"7:1 /mid ext4 /dev/loop1 rw",
			"7:2 /inner ext4 /dev/loop2 rw",
			"8:3 /p ext4 /dev/sda3 rw",
			"259:1 /part ext4 /dev/loop3p1 rw",
			"8:4 /d ext4 /dev/sda4 rw",
			"253:0 /crypt ext4 /dev/mapper/x rw",
			"8:5 /b ext4 /dev/sda5 rw",
			"0:40 /pool btrfs /dev/absent/sdz9 rw",
			"8:6 /snap ext4 /dev/sda6 rw",
			"7:6 /snap/ro squashfs /dev/loop6 ro",
			"8:7 /hidden ext4 /dev/sda7 rw",
			"7:7 /hidden ext4 /dev/loop7 rw",
		),
		sys: sysfs(t,
			"dev/block/7:0 -> ../../devices/loop0", "devices/loop0/loop/backing_file = /srv/outer.img",
			"dev/block/7:1 -> ../../devices/loop1", "devices/loop1/loop/backing_file = /outer/mid.img (deleted)",
			"dev/block/7:2 -> ../../devices/loop2", "devices/loop2/loop/backing_file = /mid/inner.img",
			"dev/block/259:1 -> ../../devices/loop3/loop3p1", "devices/loop3/loop3p1/partition = 1", "devices/loop3/loop/backing_file = /p/disk.img",
			"dev/block/253:0 -> ../../devices/dm-0", "devices/dm-0/slaves/loop4 -> ../../loop4",
			"devices/loop4/dev = 7:4", "dev/block/7:4 -> ../../devices/loop4", "devices/loop4/loop/backing_file = /d/crypt.img",
			"class/block/sdz9 -> ../../devices/sdz9", "devices/sdz9/dev = 65:9", "dev/block/65:9 -> ../../devices/sdz9",
			"fs/btrfs/1234/devices/sdz9 -> ../../../../devices/sdz9", "fs/btrfs/1234/devices/loop5 -> ../../../../devices/loop5",
			"devices/loop5/dev = 7:5", "dev/block/7:5 -> ../../devices/loop5", "devices/loop5/loop/backing_file = /b/second.img",
			"dev/block/7:6 -> ../../devices/loop6", "devices/loop6/loop/backing_file = /snap/core.img",
			"dev/block/7:7 -> ../../devices/loop7", "devices/loop7/loop/backing_file = /hidden/self.img",
		),
	}
}

// at returns the places of mount points; the last mount at each.
func (t blockTree) at(points ...string) []*place {
	var places []*place
	for _, point := range points {
		places = append(places, &place{paths: []string{point + "/data"}, fd: -1, mount: t.mounts.holding(point, "")})
	}
	return places
}

func TestOrder(t *testing.T) {
	disks := machine(t)
	tests := []struct{ given, want string }{ // want has a line between levels
		{"", ""},
		{"/srv / /run", "/srv / /run"},
		{"/srv /outer /mid /inner", "/inner | /mid | /outer | /srv"},
		{"/srv /inner", "/inner | /srv"}, // through two that are not named
		{"/ /outer /srv /p", "/ /outer /p | /srv"},
		{"/p /part /", "/part / | /p"},
		{"/d /crypt /mid /srv", "/crypt /mid | /d /srv"},
		{"/b /pool", "/pool | /b"},
	}
	for _, test := range tests {
		ordered, err := disks.order(disks.at(strings.Fields(test.given)...))
		if err != nil {
			t.Errorf("%s: %v", test.given, err)
		}
		var got []string
		for i, p := range ordered {
			if i > 0 && p.level != ordered[i-1].level {
				got = append(got, "|")
			}
			got = append(got, p.mount.Mountpoint)
		}
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("order of %s: got %v, want %s", test.given, got, test.want)
		}
	}
}

func TestHoldersOfHiddenImage(t *testing.T) {
	disks := machine(t)
	held, err := disks.holders(disks.mounts.holding("/hidden", ""))
	if err != nil || len(held) != 1 || held["8:7"] != "/hidden/self.img" {
		t.Errorf("got %v, %v; want the ext4 that is hidden under its own loop filesystem", held, err)
	}
}

func TestRefuse(t *testing.T) {
	tests := []struct {
		name, places, kept string
		want               []string // in the error; none: no error
	}{
		{name: "whole chain", places: "/srv /outer /mid /inner"},
		{name: "root", places: "/", kept: "/run"},
		{name: "read-only inside", places: "/snap"},
		{name: "tmpfs", places: "/ /run", want: []string{"/run/data", "mounted at /run", "tmpfs", "in memory"}},
		{name: "squashfs", places: "/snap/ro", want: []string{"nobody can write"}},
		{name: "kept", places: "/p /part /", kept: "/", want: []string{"//data", "must stay writable"}},
		{name: "kept inside", places: "/inner /mid /outer /srv", kept: "/inner", want: []string{"/inner/data"}},
		{name: "kept deep inside", places: "/srv", kept: "/inner", want: []string{"/srv/data", "/srv/outer.img", "/inner/data"}},
		{name: "unnamed", places: "/p", want: []string{"/p/data", "/p/disk.img", "name /part too"}},
		{name: "unnamed deep inside", places: "/outer /srv", want: []string{"/outer/data", "/outer/mid.img", "name /mid too"}},
		{name: "unnamed btrfs", places: "/b", want: []string{"name /pool too"}},
		{name: "unnamed dm", places: "/d", want: []string{"name /crypt too"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			disks := machine(t)
			err := disks.refuse(disks.at(strings.Fields(test.places)...), disks.at(strings.Fields(test.kept)...))
			if (err != nil) != (test.want != nil) {
				t.Fatalf("got error %v, want one that mentions %q", err, test.want)
			}
			var refused *RefusedError
			if err != nil && !errors.As(err, &refused) {
				t.Errorf("got a %T, want a *RefusedError", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not mention %q", err, part)
				}
			}
		})
	}
}

func TestRefuseWithoutSysfs(t *testing.T) {
	disks := blockTree{sys: t.TempDir()}
	if err := disks.refuse(nil, nil); err == nil || !strings.Contains(err.Error(), "mount it") {
		t.Errorf("got %v, want an error that asks for sysfs", err)
	}
}
