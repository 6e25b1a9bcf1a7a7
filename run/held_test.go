package run

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// never is an undo that does not work, one way or the other.
func never(context.Context) action.State { return journal.Failed }

// holdsOn is one way in which something stays held.
type holdsOn struct {
	name    string
	prepare func(f *fixture)
	held    []string
	verdict Verdict
	message string
}

// TestHeld: what cannot be given back in time is named, older holds are given back all
// the same, and the journal stays open for the recovery.
func TestHeld(t *testing.T) {
	for _, c := range []holdsOn{
		{
			"a lock", func(f *fixture) { f.give["orders: lock"] = never },
			[]string{"orders: lock (FLUSH TABLES WITH READ LOCK)"},
			Application, "still held: orders: lock (FLUSH TABLES WITH READ LOCK); after: ",
		},
		{
			"an undo that panics", func(f *fixture) { f.give["orders: lock"] = func(context.Context) action.State { panic("boom") } },
			[]string{"orders: lock (FLUSH TABLES WITH READ LOCK)"},
			Application, "still held: orders: lock",
		},
		{
			"an undo that hangs", func(f *fixture) {
				f.give["orders: lock"] = func(ctx context.Context) action.State { <-ctx.Done(); return journal.Failed }
			},
			[]string{"orders: lock (FLUSH TABLES WITH READ LOCK)"},
			Application, "still held: orders: lock",
		},
		{
			"a filesystem", func(f *fixture) { f.give["freeze /data"] = never },
			[]string{"filesystem /data (/data)"},
			Filesystem, "so nothing was verified",
		},
		{
			"and the verdict is too low", func(f *fixture) {
				f.give["orders: lock"] = never
				f.scripts["orders"]["verify"] = fails("gone")
			},
			[]string{"orders: lock (FLUSH TABLES WITH READ LOCK)"},
			Filesystem, "; after: gone",
		},
		{
			"and prescript failed", func(f *fixture) {
				f.give["orders: lock"] = never
				f.scripts["orders"]["prescript"] = does(func(c *calling) error {
					if err := c.lock("old"); err != nil {
						return err
					}
					return errorAfter(c.lock("lock"), "no")
				})
			},
			[]string{"orders: lock (FLUSH TABLES WITH READ LOCK)"},
			NoVerdict, "; after: no",
		},
	} {
		t.Run(c.name, func(t *testing.T) { testHeld(t, c) })
	}
}

func testHeld(t *testing.T, c holdsOn) {
	f := newFixture(t)
	f.Limits.Hold = 800 * time.Millisecond
	c.prepare(f)
	start := time.Now()
	r := f.do()
	f.want(r, ExitHeld, c.verdict, action.KindUndo, c.message)
	if fmt.Sprint(r.Held) != fmt.Sprint(c.held) {
		t.Errorf("held %q, want %q", r.Held, c.held)
	}
	if took := time.Since(start); took > f.Limits.Hold+time.Second {
		t.Errorf("unwinding gave up after %v", took)
	}
	if events := strings.Join(f.events, " "); !strings.Contains(events, "undo_failed") {
		t.Errorf("events %s", events)
	}
	if old := "orders: old"; f.noted(old) && !f.noted("undo "+old) {
		t.Errorf("an older hold was not given back: %s", f.lines())
	}
}

// While a filesystem cannot be thawed nothing is written to a disk and no script is
// called; when it can be at last, the journal is made whole.
func TestThawedAtLast(t *testing.T) {
	f := newFixture(t)
	f.Limits.Hold = 800 * time.Millisecond
	f.give["freeze /data"] = func(context.Context) action.State {
		if f.noted("undo orders: lock") {
			return journal.Done
		}
		return journal.Failed
	}
	f.want(f.do(), ExitVerdict, Filesystem, action.KindVerify, "a filesystem could not be thawed after the snapshot, so nothing was verified")
	if f.noted("orders: SHOW MASTER STATUS") {
		t.Errorf("a script was called while a filesystem was frozen:\n%s", f.lines())
	}
	if events := strings.Join(f.events, " "); !strings.HasSuffix(events, "(resume) verdict") {
		t.Errorf("events %s", events)
	}
}

// A hold that a later action gives back itself is not undone again.
func TestReleases(t *testing.T) {
	f := newFixture(t)
	f.Members[0].FSFreeze = FreezeCaller
	f.scripts["orders"]["postscript"] = does(func(c *calling) error {
		return c.make(action.Action{Op: sql("UNLOCK TABLES"), Releases: "lock"})
	})
	r := f.do()
	f.want(r, ExitDone, Application, "", "")
	if f.noted("undo orders: lock") || !f.noted("orders: UNLOCK TABLES") {
		t.Errorf("log %s", f.lines())
	}
	actions := r.Members[0].Actions
	taken, released := f.record(actions[1].N), f.record(actions[len(actions)-1].N)
	if least := ms(released.Time.Sub(taken.Time)); r.QuiescedMS < least {
		t.Errorf("quiesced for %v ms, want at least %v: the hold lasted until it was released", r.QuiescedMS, least)
	}
}

// An action has a time of its own.
func TestTimeoutOfAnAction(t *testing.T) {
	f := newFixture(t)
	f.on["orders: SELECT SLEEP(9)"] = func(ctx context.Context) action.Result {
		<-ctx.Done()
		return fault(action.KindTimeout, context.Cause(ctx).Error())(ctx)
	}
	f.scripts["orders"]["prescript"] = does(func(c *calling) error {
		return c.make(action.Action{Op: sql("SELECT SLEEP(9)"), UndoGiven: true, Timeout: time.Millisecond})
	})
	f.want(f.do(), ExitPrescript, NoVerdict, action.KindTimeout, "took longer than its timeout of 1ms")
}

// A script that loops cannot fill the disk.
func TestTooManyActions(t *testing.T) {
	f := newFixture(t)
	f.scripts["orders"]["prescript"] = does(func(c *calling) error {
		for {
			// Refused by policy: an action counts before anything looks at it.
			if err := c.make(action.Action{Op: action.Op{FS: &action.FS{}}}); err != nil && !strings.Contains(err.Error(), "not for scripts") {
				return err
			}
		}
	})
	f.want(f.do(), ExitPrescript, NoVerdict, action.KindInternal, "more than 10000 actions in one phase")
}
