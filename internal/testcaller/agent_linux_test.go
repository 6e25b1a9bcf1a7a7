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
