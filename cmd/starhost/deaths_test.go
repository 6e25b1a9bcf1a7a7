//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/starhost/starhost/journal"
)

// deathEnv is "WHEN TARGETS SIGNAL": which processes of a run get a signal, and when.
// WHEN is the number of a record, or a phase and a time after its beginning, as
// "freeze+3ms"; TARGETS are worker, supervisor and watchdog, joined by commas.
const deathEnv = "STARHOST_TEST_DEATH"

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
