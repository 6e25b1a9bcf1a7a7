package testcaller_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testcaller"
	"github.com/starhost/starhost/internal/testfs"
)

// An agent freezes and thaws the mount that it was given, calls the hook, and leaves
// frozen what another test has frozen.
func TestAgent(t *testing.T) {
	fs, foreign := testfs.New(t, "ext4", 16), testfs.New(t, "ext4", 16)
	testfs.New(t, "ext4", 48).Nested(t, "ext4", 16) // goes away with the one below it
	dir := t.TempDir()
	hook, calls := filepath.Join(dir, "hook"), filepath.Join(dir, "calls")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\n", calls)
	if err := os.WriteFile(hook, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	a := testcaller.StartAgent(t, testcaller.AgentOptions{Mount: fs.Dir, Hook: hook})
	c := a.Connect(t)
	foreign.Freeze(t)
	if n, err := c.Freeze(fs.Dir, foreign.Dir); n != 1 || err != nil {
		t.Fatalf("frozen: %d, %v\n%s", n, err, a.Log())
	}
	if err := testfs.CanWrite(t, fs.Dir, 200*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("the mount is not frozen: %v", err)
	}
	if status, err := c.Status(); status != "frozen" || err != nil {
		t.Errorf("status %q, %v", status, err)
	}
	if n, err := c.Thaw(); n != 1 || err != nil {
		t.Errorf("thawed: %d, %v", n, err)
	}
	if err := testfs.CanWrite(t, fs.Dir, 10*time.Second); err != nil {
		t.Error(err)
	}
	if err := foreign.Thaw(); err != nil {
		t.Errorf("the mount of another test was thawed: %v", err)
	}
	if got, _ := os.ReadFile(calls); strings.TrimSpace(string(got)) != "freeze\nthaw" {
		t.Errorf("the hook was called with %q", got)
	}
}

// Nothing but the mounts of a test can be asked for.
func TestFreezeOfEverythingIsRefused(t *testing.T) {
	c := &testcaller.Client{}
	for _, mounts := range [][]string{nil, {""}, {"/"}, {"/mnt", "/"}} {
		if _, err := c.Freeze(mounts...); err == nil {
			t.Errorf("%q was asked for", mounts)
		}
	}
}

// A room shows the mount that is kept and no other, and what is written to it stays there.
func TestRoom(t *testing.T) {
	kept := testfs.New(t, "ext4", 16)
	testfs.New(t, "ext4", 16) // of another test, say
	p := testcaller.Require(t, "qemu-guest-agent")
	room := testcaller.NewRoom(t)
	room.Keep = kept.Dir
	room.Put(t, "/etc/put", "here\n", 0o644)
	room.Put(t, "/usr/lib/put", "-> ../sbin/qemu-ga", 0)
	out, err := room.Command(p, "sh", "-c", "cat /etc/put; /usr/lib/put --version | head -n 1; grep -c /dev/loop /proc/self/mounts; grep /dev/loop /proc/self/mounts; touch /etc/of-a-room").CombinedOutput()
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) != 5 || lines[0] != "here" || !strings.HasPrefix(lines[1], "QEMU Guest Agent") || lines[2] != "1" || !strings.Contains(lines[3], kept.Dir) {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat("/etc/of-a-room"); err == nil {
		t.Error("the room wrote to the machine")
		_ = os.Remove("/etc/of-a-room")
	}
	if _, err := os.Stat(room.Path("/etc/of-a-room")); err != nil {
		t.Error(err)
	}
}
