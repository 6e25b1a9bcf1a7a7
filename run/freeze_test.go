package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// oneLevel says that no filesystem depends on another one.
func oneLevel(int) int { return 0 }

// Filesystems of one level are frozen at the same time, and thawed: each waits for the
// others. One that holds their images comes after them, and is thawed before.
func TestLevels(t *testing.T) {
	f := newFixture(t)
	f.fs.named = []string{"/a", "/b", "/outer"}
	f.fs.level = func(i int) int { return i / 2 }
	frozen, thawed := meetingOf(2), meetingOf(2)
	for _, fs := range []string{"/a", "/b"} {
		f.on["freeze "+fs] = func(ctx context.Context) action.Result {
			if err := frozen.pass(ctx); err != nil {
				return action.Refuse(action.KindFreeze, "%s was frozen alone: %v", fs, err)
			}
			return action.Result{State: action.Applied}
		}
		f.give["freeze "+fs] = func(ctx context.Context) action.State {
			if err := thawed.pass(ctx); err != nil {
				t.Errorf("%s was thawed alone: %v", fs, err)
			}
			return journal.Done
		}
	}
	f.want(f.do(), ExitDone, Application, "", "")
	log := strings.Split(f.lines(), "\n")
	slices.Sort(log[2:4]) // whichever came first
	slices.Sort(log[7:9])
	if got := strings.Join(log[2:9], ", "); got != "freeze /a, freeze /b, freeze /outer, snapshot, undo freeze /outer, undo freeze /a, undo freeze /b" {
		t.Errorf("log: %s", got)
	}
}

// Records are in the order of the intents, and those of the thaw in the reverse one,
// whichever filesystem is the first: all intents before the first result.
func TestRecordsOfALevel(t *testing.T) {
	for _, last := range []string{"/a", "/b", "/c"} {
		t.Run(last, func(t *testing.T) {
			f := newFixture(t)
			f.fs.named, f.fs.level = []string{"/a", "/b", "/c"}, oneLevel
			f.on["freeze "+last] = func(ctx context.Context) action.Result {
				f.after(ctx, "freeze /a", "freeze /b", "freeze /c")
				return action.Result{State: action.Applied}
			}
			f.give["freeze "+last] = func(ctx context.Context) action.State {
				f.after(ctx, "undo freeze /a", "undo freeze /b", "undo freeze /c")
				return journal.Done
			}
			f.want(f.do(), ExitDone, Application, "", "")
			if got := f.recordsOfFilesystems(); got != "intent /a, intent /b, intent /c, result /a, result /b, result /c, "+
				"undo /c, undo /b, undo /a, undone /c, undone /b, undone /a" {
				t.Errorf("records: %s", got)
			}
		})
	}
}

// after waits until the log has the lines.
func (f *fixture) after(ctx context.Context, lines ...string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(lines, func(line string) bool { return !f.noted(line) }) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Errorf("the log lacks some of %q", lines)
			return
		}
	}
}

// recordsOfFilesystems are the types of the records about filesystems, with mount points.
func (f *fixture) recordsOfFilesystems() string {
	mounts, list := map[int]string{}, []string(nil)
	for _, r := range f.Journal.Records() {
		if r.Type == journal.TypeIntent && r.Action.FS != nil {
			mounts[r.N] = r.Action.FS.Mountpoint
			r.Of = r.N
		}
		if mount, ok := mounts[r.Of]; ok {
			list = append(list, fmt.Sprint(r.Type, " ", mount))
		}
	}
	return strings.Join(list, ", ")
}

// What is certain of one filesystem is not of another one: only what was frozen, or may
// have been, is thawed, and nothing of a later level is begun.
func TestOneOfALevelFails(t *testing.T) {
	for name, tt := range map[string]struct {
		answers map[string]func(context.Context) action.Result
		says    string
		states  string
		thawed  string
	}{
		"one": {
			map[string]func(context.Context) action.Result{"/b": refuse(action.KindFreeze, "EBUSY b")},
			"EBUSY b", "/a applied, /b not_applied, /c applied, /outer not_applied", "/a /c",
		},
		"one is not known": {
			map[string]func(context.Context) action.Result{"/b": fault(action.KindFreeze, "killed")},
			"killed", "/a applied, /b unknown, /c applied, /outer not_applied", "/a /b /c",
		},
		"two": {
			map[string]func(context.Context) action.Result{"/c": refuse(action.KindFreeze, "EBUSY c"), "/a": refuse(action.KindFreeze, "EBUSY a")},
			"EBUSY a", "/a not_applied, /b applied, /c not_applied, /outer not_applied", "/b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.fs.named = []string{"/a", "/b", "/c", "/outer"}
			f.fs.level = func(i int) int { return i / 3 }
			for fs, answer := range tt.answers {
				f.on["freeze "+fs] = answer
			}
			f.want(f.do(), ExitPrescript, NoVerdict, action.KindFreeze, tt.says)
			if got := f.statesOfFilesystems(); got != tt.states {
				t.Errorf("states: %s, want %s", got, tt.states)
			}
			for _, fs := range f.fs.named {
				if want := slices.Contains(strings.Fields(tt.thawed), fs); f.noted("undo freeze "+fs) != want {
					t.Errorf("%s thawed: %t, want %t", fs, !want, want)
				}
			}
			if f.noted("freeze /outer") || f.noted("snapshot") {
				t.Errorf("the run went on:\n%s", f.lines())
			}
		})
	}
}

func (f *fixture) statesOfFilesystems() string {
	mounts, list := map[int]string{}, []string(nil)
	for _, r := range f.Journal.Records() {
		switch {
		case r.Type == journal.TypeIntent && r.Action.FS != nil:
			mounts[r.N] = r.Action.FS.Mountpoint
		case r.Type == journal.TypeResult && mounts[r.Of] != "":
			list = append(list, fmt.Sprint(mounts[r.Of], " ", r.State))
		}
	}
	return strings.Join(list, ", ")
}

// A panic beside a freeze ends the run after the others have come back.
func TestHostPanicsInALevel(t *testing.T) {
	f := newFixture(t)
	f.fs.named, f.fs.level = []string{"/a", "/b"}, oneLevel
	f.on["freeze /a"] = func(context.Context) action.Result { panic("boom") }
	f.want(f.do(), ExitInternal, NoVerdict, action.KindInternal, "boom")
	if !f.noted("undo freeze /b") {
		t.Errorf("not thawed:\n%s", f.lines())
	}
}

// One whose thaw hangs keeps another one of its level frozen no longer than it is.
func TestThawBesideOneThatHangs(t *testing.T) {
	f := newFixture(t)
	f.Limits.Hold = 800 * time.Millisecond
	f.fs.named, f.fs.level = []string{"/a", "/b"}, oneLevel
	other := make(chan struct{})
	f.give["freeze /b"] = func(ctx context.Context) action.State { // the newest
		select {
		case <-other:
			return journal.Done
		case <-ctx.Done():
			return journal.Failed
		}
	}
	f.give["freeze /a"] = func(context.Context) action.State { close(other); return journal.Done }
	f.want(f.do(), ExitDone, Application, "", "")
}
