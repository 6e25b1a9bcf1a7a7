//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// Whoever takes a hook away while it holds something is told, with the run. Nothing was
// installed here, so nothing is removed.
func TestUninstallWhileHeld(t *testing.T) {
	w := newHookWorld(t, "qemu-ga", "", "")
	warned := func(caller string) string {
		got := w.run("install", caller, "--uninstall").want(t, run.ExitDone)
		return got.stderr
	}
	if said := warned("qemu-ga"); said != "" {
		t.Errorf("nothing is held, and it says %s", said)
	}
	id := w.wants(t, okay, w.pre, "--json").report.Run
	w.quiesced(t)
	if said := warned("qemu-ga"); !strings.Contains(said, "warning: run "+id+" of qemu-ga is still held") || !strings.Contains(said, "starhost abort --run "+id+" gives") {
		t.Errorf("it says %q", said)
	}
	if said := warned("vmware"); said != "" {
		t.Errorf("nothing is held for another caller, and it says %s", said)
	}
	w.quiesced(t)
	w.run("abort", "--run", id).want(t, run.ExitDone)
	w.wants(t, okay, w.pre) // which forgets what nobody has asked for
	w.wants(t, okay, w.post)
	if said := warned("qemu-ga"); said != "" {
		t.Errorf("nothing is held any more, and it says %s", said)
	}
}

// Two installs at a time: the second is refused, and does nothing. So is a removal.
func TestOneInstallAtATime(t *testing.T) {
	t.Parallel()
	testfs.RequireRoot(t)
	c := newCommand(t, "[workload]\nworkload_name = sqlite\nconnection = sqlite:///x.db\n")
	l, err := lock.Acquire(filepath.Join(c.runtimeDir, "locks"), "install", "starhost install vmware")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	got := c.run("install", "qemu-ga", "--uninstall").want(t, run.ExitUsage)
	if want := "starhost: install: starhost install vmware is changing this machine; wait for it, then try again\n"; got.stderr != want {
		t.Errorf("it says %q, want %q", got.stderr, want)
	}
	c.run("install", "qemu-ga", "--uninstall", "--dry-run").want(t, run.ExitDone)
	c.run("install", "qemu-ga", "--root", t.TempDir(), "--uninstall").want(t, run.ExitDone)
	l.Release()
	c.run("install", "qemu-ga", "--uninstall").want(t, run.ExitDone)
}
