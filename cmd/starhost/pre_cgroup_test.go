//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"

	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// controlGroup makes a control group directly below the topmost one.
func controlGroup(t *testing.T) string {
	t.Helper()
	testfs.RequireRoot(t)
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err == nil {
		err = cgroup.CanLeave()
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := filepath.Join(mounts[0].Mountpoint, "agent-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		for end := time.Now().Add(5 * time.Second); errors.Is(syscall.Rmdir(dir), syscall.EBUSY); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s cannot be removed", dir)
				return
			}
		}
	})
	return dir
}

// startIn starts a program in a control group.
func startIn(t *testing.T, dir string, cmd *exec.Cmd) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// groupWith finds the group of ours that a process is in.
func groupWith(t *testing.T, top string, pid int) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(top, "starhost-supervisor-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range list {
		procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err == nil && slices.Contains(strings.Fields(string(procs)), strconv.Itoa(pid)) {
			return dir
		}
	}
	return ""
}

// An agent that calls pre is restarted: all that is in its control group is killed.
// The hold survives that, and post ends it as if nothing had been.
func TestHoldSurvivesTheCallersGroup(t *testing.T) {
	dir := controlGroup(t)
	kill := filepath.Join(dir, "cgroup.kill")
	if _, err := os.Stat(kill); err != nil {
		t.Skip("this kernel cannot kill a group: Linux 5.14 can")
	}
	w, c := supervised(t, "")
	defer func() {
		if t.Failed() {
			c.run("recover") // or the cleanup waits for a filesystem that nobody thaws
		}
	}()
	other := exec.Command("sleep", "1000") // a process of the agent that does not leave
	startIn(t, dir, other)
	pre, said := c.process("pre"), bytes.Buffer{}
	pre.Stdout, pre.Stderr = &said, &said
	startIn(t, dir, pre)
	if err := pre.Wait(); err != nil {
		t.Fatalf("pre: %v\n%s", err, said.String())
	}
	w.frozen()
	pid := c.supervisor()
	group := groupWith(t, filepath.Dir(dir), pid)
	if err := os.WriteFile(kill, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("what is in the group is not killed, the test proves nothing: %v", err)
	}
	w.frozen()
	if got := c.supervisor(); got != pid {
		t.Errorf("supervisor %d, it was %d", got, pid)
	}
	if got := c.run("post").want(t, run.ExitDone); !strings.Contains(got.stdout, "orders: application") {
		t.Errorf("post says %s", got.stdout)
	}
	w.nothingHeld("after post")
	c.waitGone(5 * time.Second)
	if _, err := os.Stat(group); group == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group of the supervisor, %q, is left: %v", group, err)
	}
}
