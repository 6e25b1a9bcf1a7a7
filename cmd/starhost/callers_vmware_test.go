//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testcaller"
)

// vmtoolsd runs every file of its folder of scripts around the snapshot that its
// hypervisor takes.
func TestVMTools(t *testing.T) {
	for _, tt := range []struct {
		name   string
		broken bool
		other  string // what a script after ours does
		tell   string // after the snapshot
		last   string // what the hypervisor hears at the end
		want   []string
	}{
		{"ok", false, "", "vmbackup.snapshotDone", "req.done", []string{"freeze 0", "snapshot held", "thaw 0"}},
		{"freeze fails: we hear no more", true, "", "", "req.error", []string{"freeze 3"}},
		{"another script fails", false, "[ $1 != freeze ]", "", "req.error", []string{"freeze 0", "freezeFail 0"}},
		{"the hypervisor gives up", false, "", "vmbackup.abort", "req.aborted", []string{"freeze 0", "snapshot held", "freezeFail 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // it looks for the end of a script once a second
			s := newSite(t, "")
			if tt.broken {
				s.breakIt()
			}
			room := testcaller.NewRoom(t)
			const scripts = "/etc/vmware-tools/backupScripts.d/"
			room.Put(t, scripts+"50-starhost-vmware", s.shell("unset LD_PRELOAD\n"+s.hook("vmware", "none")), 0o755)
			room.Put(t, scripts+"60-other", "#!/bin/sh\n"+tt.other+"\n", 0o755)
			tools := testcaller.StartTools(t, room)
			tools.Await(t, "guestinfo.vmtools.buildNumber") // now it listens
			tools.Tell(t, "vmbackup.start 0")
			if tt.tell != "" {
				tools.Await(t, "prov.snapshotCommit")
				s.nothingShared(tools.Pid)
				if err := exec.Command(s.script("snapshot", s.snapshot())).Run(); err != nil {
					t.Fatal(err)
				}
				tools.Tell(t, tt.tell)
			}
			tools.Await(t, tt.last)
			if tt.last != "req.done" {
				tools.Await(t, "req.done")
			}
			s.noted(tt.want...)
		})
	}
}

// nothingShared fails the test if something that outlives our call has a pipe or a socket
// that its caller has, too: vmtoolsd leaves one open for its scripts.
func (s *site) nothingShared(caller int) {
	s.t.Helper()
	theirs := pipes(caller)
	ours := s.command.supervisors()
	if len(theirs) == 0 || len(ours) == 0 {
		s.t.Errorf("pipes of %d: %v; supervisors: %v: this proves nothing", caller, theirs, ours)
	}
	for _, pid := range ours {
		for _, pipe := range pipes(pid) {
			if slices.Contains(theirs, pipe) {
				s.t.Errorf("supervisor %d has %s of its caller", pid, pipe)
			}
		}
	}
}

// pipes are the pipes and sockets of a process.
func pipes(pid int) (list []string) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && (strings.HasPrefix(to, "pipe:") || strings.HasPrefix(to, "socket:")) {
			list = append(list, to)
		}
	}
	return list
}
