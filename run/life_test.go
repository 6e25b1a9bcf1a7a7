package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// TestOrder is the whole life of a run that ends well.
func TestOrder(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(), ExitDone, Application, "", "")
	f.wantLog(
		`orders: ["/data"]`, "orders: lock", // prescript
		"freeze /data", "snapshot", "undo freeze /data",
		"orders: SHOW MASTER STATUS", // verify
		"undo orders: lock",          // postscript
	)
	if got, want := strings.Join(f.events, " "), "started quiesced (hold) frozen snapshot thawed (resume) verdict"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

// Members quiesce in their order and go back the other way round; filesystems are
// thawed before any database.
func TestOrderOfMembers(t *testing.T) {
	f := newFixture(t, "a", "b")
	f.inOrder("a", "b")
	f.fs.named = []string{"/outer", "/outer/inner"}
	for _, m := range []string{"a", "b"} {
		f.scripts[m]["prescript"] = does(func(c *calling) error { return c.lock("lock") })
		delete(f.scripts[m], "postscript") // the host gives back what a script forgets
		f.scripts[m]["verify"] = does(func(*calling) error { f.note("verify"); return nil })
	}
	f.want(f.do(), ExitDone, Application, "", "")
	f.wantLog(
		"a: lock", "b: lock", "freeze /outer", "freeze /outer/inner", "snapshot",
		"undo freeze /outer/inner", "undo freeze /outer", "verify", "verify", "undo b: lock", "undo a: lock",
	)
}

// Not the config's order counts, but that which it gives.
func TestPostscriptsRunBackwards(t *testing.T) {
	f := newFixture(t, "b", "a")
	f.inOrder("a", "b")
	for _, m := range []string{"a", "b"} {
		f.scripts[m]["postscript"] = does(func(*calling) error { f.note("postscript " + m); return nil })
	}
	f.want(f.do(), ExitDone, Application, "", "")
	if log := f.lines(); !strings.Contains(log, "postscript b\npostscript a\nundo b: lock\nundo a: lock") {
		t.Errorf("log %s", log)
	}
}

// TestContext shows what a script is told in each phase.
func TestContext(t *testing.T) {
	f := newFixture(t)
	f.Members[0].Context = action.Dict(action.Entry{Key: "run", Value: action.String("01J")}, action.Entry{Key: "snapshot", Value: action.String("unknown")}, action.Entry{Key: "timeout", Value: action.Float(10)})
	for name, inner := range f.scripts["orders"] {
		f.scripts["orders"][name] = func(c *calling) (action.Value, error) {
			f.note(name + " " + c.in.String())
			return inner(c)
		}
	}
	f.want(f.do(), ExitDone, Application, "", "")
	for _, want := range []string{
		`prescript {"run":"01J","snapshot":"unknown","timeout":10.0}`,
		`verify {"run":"01J","snapshot":"unknown","timeout":10.0,"recovery_point":{"position":42}}`,
		`postscript {"run":"01J","snapshot":"taken","timeout":10.0,"recovery_point":{"position":42}}`,
	} {
		if !f.noted(want) {
			t.Errorf("%s is missing in\n%s", want, f.lines())
		}
	}
}

// The recovery point is in its file, and on every disk that is snapshotted, before the
// first freeze; what postscript returned is in the file alone.
func TestRecoveryPoint(t *testing.T) {
	f := newFixture(t)
	f.fs.carriers = []string{f.TempDir()}
	carried := filepath.Join(f.fs.carriers[0], CarriedDir, CarriedFile)
	f.Snapshot = func(_ context.Context, s Snapshot) error {
		for _, path := range []string{s.RecoveryPoint, carried} {
			if text := read(t, path); !strings.Contains(text, `"position": 42`) || !strings.Contains(text, `"after": null`) {
				t.Errorf("%s: %s", path, text)
			}
		}
		if s.Run != "01J" || s.Left <= 0 || s.Left > f.Limits.Freeze {
			t.Errorf("the snapshot was told %+v", s)
		}
		return nil
	}
	f.want(f.do(), ExitDone, Application, "", "")
	if text := read(t, filepath.Join(f.RecoveryPoints, "01J.json")); !strings.Contains(text, `"after": "after"`) {
		t.Errorf("got %s", text)
	}
	if text := read(t, carried); strings.Contains(text, `"after": "after"`) {
		t.Errorf("got %s", text)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// TestRetries: a prescript that failed is undone before it is tried again.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		failures, retries, exit int
		log                     string
	}{
		{1, 1, ExitDone, "orders: lock, undo orders: lock, orders: lock, freeze /data, snapshot, undo freeze /data, orders: SHOW MASTER STATUS, undo orders: lock"},
		{2, 1, ExitPrescript, "orders: lock, undo orders: lock, orders: lock, undo orders: lock"},
		{1, 0, ExitPrescript, "orders: lock, undo orders: lock"},
	} {
		t.Run("", func(t *testing.T) {
			f := newFixture(t)
			f.Retries = c.retries
			left := c.failures
			f.scripts["orders"]["prescript"] = does(func(c *calling) error {
				if err := c.lock("lock"); err != nil {
					return err
				}
				if left--; left >= 0 {
					return &action.Fault{Kind: action.KindRefused, Message: "a long statement is running"}
				}
				return nil
			})
			if r := f.do(); r.Exit != c.exit {
				t.Errorf("exit %d, want %d: %+v", r.Exit, c.exit, r.Error)
			}
			f.wantLog(strings.Split(c.log, ", ")...)
		})
	}
}

// TestNoRetryWhileHeld: a prescript is not tried again upon what its last try left held.
func TestNoRetryWhileHeld(t *testing.T) {
	f := newFixture(t)
	f.Retries = 3
	f.Limits.Hold = 2 * time.Second
	calls := 0
	f.scripts["orders"]["prescript"] = does(func(c *calling) error {
		calls++
		return errorAfter(c.lock("lock"), "a long statement is running")
	})
	f.give["orders: lock"] = func(context.Context) action.State { return journal.Failed }
	r := f.do()
	if calls != 1 || r.Exit != ExitHeld || len(r.Held) != 1 {
		t.Errorf("%d tries, exit %d, held %q", calls, r.Exit, r.Held)
	}
}

// TestNoFallback: a run that must not go on without its prescripts does not, whatever it
// requires.
func TestNoFallback(t *testing.T) {
	f := newFixture(t)
	f.NoFallback = true
	f.require(Crash)
	f.scripts["orders"]["prescript"] = func(c *calling) (action.Value, error) {
		return position, errorAfter(c.lock("lock"), "no privilege")
	}
	f.want(f.do(), ExitPrescript, NoVerdict, action.KindScript, "no privilege")
	f.wantLog(`orders: lock`, "undo orders: lock")
}

// TestReserve: what is kept for the undo is what was asked for, or the usual part.
func TestReserve(t *testing.T) {
	for _, c := range []struct{ hold, undo, want time.Duration }{
		{time.Second, 0, 250 * time.Millisecond},
		{50 * time.Second, 0, 10 * time.Second},
		{time.Hour, 0, 15 * time.Second},
		{time.Hour, 30 * time.Minute, 30 * time.Minute},
	} {
		if got := (Limits{Hold: c.hold, Undo: c.undo}).Reserve(); got != c.want {
			t.Errorf("%v, %v: %v, want %v", c.hold, c.undo, got, c.want)
		}
	}
}

// TestLessIsRequired: with require below application a run whose prescript failed goes
// on with the filesystems alone, and calls no script any more.
func TestLessIsRequired(t *testing.T) {
	for _, failing := range []string{"a", "b"} {
		t.Run(failing, func(t *testing.T) {
			f := newFixture(t, "a", "b", "c")
			f.inOrder("a", "b", "c")
			f.require(Filesystem)
			f.scripts[failing]["prescript"] = func(c *calling) (action.Value, error) {
				return position, errorAfter(c.lock("lock"), "no privilege")
			}
			r := f.do()
			f.want(r, ExitDone, Filesystem, "", "")
			log := f.lines()
			if !strings.HasSuffix(log, "undo "+failing+": lock\n"+strings.Repeat("undo a: lock\n", strings.Count(failing, "b"))+"freeze /data\nsnapshot\nundo freeze /data") {
				t.Errorf("log %s", log)
			}
			for _, m := range r.Members {
				if m.Verdict != Filesystem || !m.RecoveryPoint.Before.IsNone() {
					t.Errorf("%s: verdict %s, recovery point %v", m.Workload, m.Verdict, m.RecoveryPoint)
				}
				if m.Workload == failing && (m.Error == nil || m.Error.Message != "no privilege") {
					t.Errorf("%s: %+v", m.Workload, m.Error)
				}
			}
			if strings.Contains(strings.Join(f.events, " "), "quiesced") {
				t.Errorf("events %v", f.events)
			}
		})
	}
}

// errorAfter returns an error of the script, after what it did.
func errorAfter(err error, message string) error {
	if err != nil {
		return err
	}
	return &action.ScriptError{Kind: action.KindScript, Msg: message}
}

// While a caller freezes filesystems that we don't know nothing is written to a disk;
// after an abort, not even before everything has been undone.
func TestNothingIsWrittenWhileTheCallerFreezes(t *testing.T) {
	for name, fail := range map[string]error{"taken": nil, "aborted": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Members[0].FSFreeze = FreezeCaller
			var before int64
			f.Snapshot = func(context.Context, Snapshot) error {
				before = f.journalSize()
				if _, err := f.Journal.Append(journal.Record{Type: journal.TypeNote, Note: "meanwhile"}, true); err != nil {
					t.Error(err)
				}
				if size := f.journalSize(); size != before {
					t.Errorf("the journal grew from %d to %d bytes", before, size)
				}
				return fail
			}
			r := f.do()
			if f.journalSize() <= before {
				t.Error("the journal was not written in the end")
			}
			if want := map[bool]int{true: ExitDone, false: ExitSnapshot}[fail == nil]; r.Exit != want {
				t.Errorf("exit status %d, want %d", r.Exit, want)
			}
		})
	}
}
