//go:build linux

package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/starhost/starhost/internal/testcaller"
	"github.com/starhost/starhost/internal/testfs"
)

// snapper calls every plugin. That of Debian 12 does so after its snapshots only: nothing
// is held for them, and no plugin can do anything about it.
func TestSnapperWithoutACallBefore(t *testing.T) {
	snapper := testcaller.Require(t, "snapper")
	fs := testfs.New(t, "btrfs", 0)
	s := newSite(t, "")
	room := testcaller.NewRoom(t)
	room.Keep = fs.Dir
	defaults, err := os.ReadFile(snapper.Path("etc/default/snapper"))
	if err != nil {
		t.Fatal(err)
	}
	room.Put(t, "/etc/default/snapper", string(defaults), 0o644)
	room.Put(t, "/etc/snapper/configs/.empty", "", 0o644)
	room.Put(t, "/usr/lib/snapper/plugins/50-starhost-snapper", s.shell(s.hook("snapper", "none")), 0o755)
	s.calls(room.Command(snapper, "sh", "-c", `snapper --no-dbus -c orders create-config "$1" && snapper --no-dbus -c orders create -d orders`, "sh", fs.Dir),
		0, "create-config "+fs.Dir+" btrfs 0", "create-snapshot "+fs.Dir+" btrfs 1 0")
}

// What newer ones call, which are not packaged here, and that they ignore the answers.
func TestSnapperContract(t *testing.T) {
	for _, tt := range []struct {
		name   string
		broken bool
		want   []string
	}{
		{"ok", false, []string{"create-snapshot-pre /srv btrfs 7 0", "snapshot held", "create-snapshot /srv btrfs 7 0", "create-snapshot-post /srv btrfs 7 0"}},
		{"pre fails", true, []string{"create-snapshot-pre /srv btrfs 7 3", "snapshot", "create-snapshot /srv btrfs 7 0", "create-snapshot-post /srv btrfs 7 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			if tt.broken {
				s.breakIt()
			}
			hook := s.script("hook", s.hook("snapper", "none"))
			s.calls(exec.Command(s.script("snapper", hook+" create-snapshot-pre /srv btrfs 7\n"+s.snapshot()+"\n"+
				hook+" create-snapshot /srv btrfs 7\n"+hook+" create-snapshot-post /srv btrfs 7\ntrue")), 0, tt.want...)
		})
	}
}
