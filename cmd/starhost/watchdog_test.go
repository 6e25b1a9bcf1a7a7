//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// helpers returns the processes that a process has started by that name.
func helpers(parent int, name string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		argv, err := os.ReadFile(dir + "/cmdline")
		if arg0, _, _ := bytes.Cut(argv, []byte{0}); err != nil || string(arg0) != name {
			continue
		}
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

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
