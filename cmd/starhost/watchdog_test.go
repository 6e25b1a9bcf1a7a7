//go:build linux

package main

import (
	"syscall"
	"testing"
)

// watchdogOf returns the watchdog of a process that leads a run.
func watchdogOf(t testing.TB, leader int) int {
	t.Helper()
	pids := helpers(leader, "starhost-watchdog")
	if len(pids) != 1 {
		t.Fatalf("watchdogs of process %d: %v, want one", leader, pids)
	}
	return pids[0]
}

// killBoth kills the leader of a run with its watchdog, which has no time to do anything.
func killBoth(t testing.TB, leader int) {
	t.Helper()
	dog := watchdogOf(t, leader)
	for _, k := range []struct {
		pid    int
		signal syscall.Signal
	}{{dog, syscall.SIGSTOP}, {leader, syscall.SIGKILL}, {dog, syscall.SIGKILL}} {
		if err := syscall.Kill(k.pid, k.signal); err != nil {
			t.Fatal(err)
		}
	}
}
