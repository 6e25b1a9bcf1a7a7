//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/run"
)

// What the caller freezes, or a stranger whom nobody has announced, may hold
// everything that a run needs too: a run waits for the thaw, or has ended before it.
func TestHomeFrozenBySomebodyElse(t *testing.T) {
	t.Parallel()
	h := newHome(t, "ext4")
	t.Run("caller", func(t *testing.T) { callerFreezes(t, h) })
	t.Run("caller between pre and post", func(t *testing.T) { callerFreezesBetween(t, h, "post") })
	t.Run("caller between pre and abort", func(t *testing.T) { callerFreezesBetween(t, h, "abort") })
	t.Run("caller thaws late", func(t *testing.T) { thawedLate(t, h, "fs_freeze = caller\n") })
	t.Run("stranger thaws late", func(t *testing.T) { thawedLate(t, h, "fs_freeze = off\n") })
	t.Run("stranger between pre and post", func(t *testing.T) { strangerBetween(t, h) })
}

// thaw ends the freeze of the test, which must have lasted.
func (h *home) thaw() {
	h.t.Helper()
	if err := h.fs.Thaw(); err != nil {
		h.t.Errorf("nothing was frozen any more: %v", err)
	}
}

func callerFreezes(t *testing.T, h *home) {
	h.move(t, "fs_freeze = caller\n")
	cmd := h.start("run", h.snapshot()...)
	h.reached(10 * time.Second)
	h.fs.Freeze(t)
	h.isFrozen()
	h.thaw()
	h.release()
	r := h.ends(cmd, "run", run.ExitDone)
	h.nothingHeld("after run")
	h.wants(r, run.ExitDone, run.Application, "")
	h.kept(r, "snapshot", "verdict")
}

func callerFreezesBetween(t *testing.T, h *home, verb string) {
	h.move(t, "fs_freeze = caller\n")
	if code := h.over(h.start("pre"), 10*time.Second); code != run.ExitDone {
		t.Fatalf("pre ended with %d", code)
	}
	h.fs.Freeze(t)
	h.isFrozen()
	h.thaw()
	r := h.ends(h.start(verb), verb, run.ExitDone)
	h.nothingHeld("after " + verb)
	h.kept(r, "snapshot", "verdict")
}

// thawedLate is a freeze that lasts for longer than the snapshot.
func thawedLate(t *testing.T, h *home, more string) {
	h.move(t, more)
	cmd := h.start("run", h.snapshot()...)
	h.reached(10 * time.Second)
	h.fs.Freeze(t)
	h.isFrozen()
	h.release()
	thaw := time.AfterFunc(300*time.Millisecond, h.thaw)
	defer thaw.Stop()
	r := h.ends(cmd, "run", h.exitWithout(more))
	h.nothingHeld("after run")
	h.kept(r, "snapshot", "verdict")
}

// exitWithout is the exit status of a run that has frozen nothing itself.
func (*home) exitWithout(more string) int {
	if strings.Contains(more, "caller") {
		return run.ExitDone
	}
	return run.ExitVerdict
}

func strangerBetween(t *testing.T, h *home) {
	h.move(t, "fs_freeze = off\n")
	if code := h.over(h.start("pre"), 10*time.Second); code != run.ExitDone {
		t.Fatalf("pre ended with %d", code)
	}
	h.fs.Freeze(t)
	h.isFrozen()
	cmd := h.start("post")
	thaw := time.AfterFunc(300*time.Millisecond, h.thaw)
	defer thaw.Stop()
	r := h.ends(cmd, "post", run.ExitVerdict)
	h.nothingHeld("after post")
	h.kept(r, "snapshot", "verdict")
}

// logged fails the test unless the log of a verb says that.
func (h *home) logged(verb string, says ...string) {
	h.t.Helper()
	text, err := os.ReadFile(h.log[verb].Name())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range says {
		if !strings.Contains(string(text), s) {
			h.t.Errorf("the log of %s does not say %q:\n%s", verb, s, text)
		}
	}
}
