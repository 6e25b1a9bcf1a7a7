//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/starhost/starhost/internal/procstate"
	"github.com/starhost/starhost/journal"
)

// deathEnv is "WHEN TARGETS SIGNAL": which processes of a run get a signal, and when.
// WHEN is the number of a record, or a phase and a time after its beginning, as
// "freeze+3ms"; TARGETS are worker, supervisor and watchdog, joined by commas.
const deathEnv = "STARHOST_TEST_DEATH"

// writeEnv is a file that the supervisor writes to as soon as the snapshot begins, and
// outerEnv a mount point that it freezes before its first own FIFREEZE: with either it
// has, or its watchdog has, a thread that sleeps in the kernel.
const (
	writeEnv = "STARHOST_TEST_WRITE"
	outerEnv = "STARHOST_TEST_OUTER"
)

// stuck makes a thread sleep in the kernel, if that was asked for.
func stuck(r journal.Record) {
	if path := os.Getenv(writeEnv); path != "" && r.Phase == "snapshot" {
		go func() { _ = os.WriteFile(path, []byte("too late"), 0o600) }()
	}
	dir := os.Getenv(outerEnv)
	if dir == "" || r.Type != journal.TypeIntent || r.Action.FS == nil {
		return
	}
	if out, err := exec.Command("fsfreeze", "--freeze", dir).CombinedOutput(); err != nil { // the test thaws it
		panic(string(out))
	}
}

// deathFromEnv returns what makes the processes of a run die.
func deathFromEnv() func(journal.Record) {
	var when, targets, signal string
	if n, _ := fmt.Sscan(os.Getenv(deathEnv), &when, &targets, &signal); n != 3 {
		return nil
	}
	phase, after, isPhase := strings.Cut(when, "+")
	delay, err := time.ParseDuration(after)
	if isPhase && err != nil {
		panic(err)
	}
	strike := func() {
		strike(strings.Split(targets, ","), map[string]syscall.Signal{"KILL": syscall.SIGKILL, "STOP": syscall.SIGSTOP}[signal])
	}
	return func(r journal.Record) {
		stuck(r)
		switch {
		case isPhase && r.Type == journal.TypePhase && r.Phase == phase:
			time.AfterFunc(delay, strike)
		case when == fmt.Sprint(r.N):
			strike()
		}
	}
}

// strike sends the signal to all targets, to ourselves last.
func strike(targets []string, signal syscall.Signal) {
	happened()
	self := false
	for _, target := range targets {
		if target == "supervisor" {
			self = true
			continue
		}
		for _, pid := range helpers(os.Getpid(), "starhost-"+target) {
			_ = syscall.Kill(pid, signal)
		}
	}
	if self {
		_ = syscall.Kill(os.Getpid(), signal)
	}
}

// helpers returns the processes that a process has started by that name.
func helpers(parent int, name string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		argv, err := os.ReadFile(dir + "/cmdline")
		if arg0, _, _ := bytes.Cut(argv, []byte{0}); err != nil || string(arg0) != name {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if p, err := procstate.Read(pid); err == nil && p.Parent == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}
