//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
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

// stillFrozen fails the test if the filesystem can be written to.
func stillFrozen(t *testing.T, fs *testfs.FS, when string) {
	t.Helper()
	if err := testfs.CanWrite(t, fs.Dir, 300*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("%s the filesystem is not frozen: %v", when, err)
	}
}

// Signals that somebody sends to the watchdog while a filesystem is frozen neither thaw
// it early, nor leave it frozen: not when the run ends, and not when its leader is killed
// afterwards.
func TestStraySignalsToTheWatchdog(t *testing.T) {
	stray := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGALRM}
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("leader killed %t", killed), func(t *testing.T) {
			fs := testfs.New(t, "xfs", 0)
			leader, release := freezer(t, "orders", fs.Dir, "").holding()
			dog := watchdogOf(t, leader)
			for range 3 {
				for _, s := range stray {
					if err := syscall.Kill(dog, s); err != nil {
						t.Fatalf("%v: %v", s, err)
					}
				}
				stillFrozen(t, fs, "after the signals")
			}
			if watchdogOf(t, leader) != dog {
				t.Error("it is another watchdog")
			}
			if killed {
				if err := syscall.Kill(leader, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			} else if exit := release(); exit != run.ExitDone {
				t.Errorf("the run ended with %d", exit)
			}
			if err := testfs.CanWrite(t, fs.Dir, 5*time.Second); err != nil {
				t.Errorf("it is left frozen: %v", err)
			}
		})
	}
}

// Nothing is held before the watchdog is there and ready: a run whose watchdog cannot do
// its work, here because its configuration is gone, does nothing.
func TestNothingIsHeldWithoutAWatchdog(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("cannot start %t", gone), func(t *testing.T) {
			fs := testfs.New(t, "xfs", 0)
			c := freezer(t, "orders", fs.Dir, "")
			file, err := config.Load(c.config)
			if err != nil {
				t.Fatal(err)
			}
			if gone {
				if err := os.Remove(c.config); err != nil {
					t.Fatal(err)
				}
			}
			changes, without, taken := 0, 0, false
			report, err := starhost.Run(t.Context(), starhost.Options{
				Config: file, StateDir: c.stateDir, RuntimeDir: c.runtimeDir,
				Snapshot: func(context.Context, run.Snapshot) error { taken = true; return nil },
				Observe: func(r journal.Record) {
					if r.Type != journal.TypeIntent {
						return
					}
					changes++
					if len(helpers(os.Getpid(), "starhost-watchdog")) != 1 {
						without++
					}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if gone && (changes > 0 || taken || report.Exit != run.ExitPrescript && report.Exit != run.ExitInternal || !strings.Contains(report.Error.Message, "nothing was done: watchdog")) {
				t.Errorf("%d changes, snapshot taken %t, exit %d, error %+v", changes, taken, report.Exit, report.Error)
			}
			if !gone && (changes == 0 || without > 0 || !taken || report.Exit != run.ExitDone) {
				t.Errorf("%d changes, %d of them without a watchdog, snapshot taken %t, exit %d, error %+v", changes, without, taken, report.Exit, report.Error)
			}
			if err := testfs.CanWrite(t, fs.Dir, 5*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
}
