package run

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// stubborn is a phase that does not end when it is cancelled, but when the test ends
// it. What it then tries to do must be refused.
type stubborn struct {
	calls int
	end   chan struct{}
	late  chan error
}

func newStubborn() *stubborn { return &stubborn{end: make(chan struct{}), late: make(chan error, 1)} }

func (s *stubborn) phase(first func(c *calling) error) phase {
	return func(c *calling) (action.Value, error) {
		s.calls++
		if err := first(c); err != nil {
			return action.Value{}, err
		}
		<-s.end
		err := c.lock("late")
		s.late <- err
		return action.Value{}, err
	}
}

// finish ends the phase and checks that its action was refused.
func (s *stubborn) finish(f *fixture) {
	f.Helper()
	close(s.end)
	if err := <-s.late; !errors.Is(err, errPhaseOver) {
		f.Errorf("a script that was given up got %v", err)
	}
	if f.noted("orders: late") {
		f.Error("a script that was given up could act")
	}
}

func lockFirst(c *calling) error  { return c.lock("lock") }
func nothingFirst(*calling) error { return nil }

// A script that ignores cancelling is given up, called no more, and can act no more.
func TestGivenUpInPrescript(t *testing.T) {
	f := newFixture(t)
	f.Limits.Prescript, f.Retries = 20*time.Millisecond, 3
	s := newStubborn()
	f.scripts["orders"]["prescript"] = s.phase(lockFirst)
	r := f.do()
	f.want(r, ExitPrescript, NoVerdict, action.KindKilled, "prescript does not end although it was cancelled: prescript took longer than its timeout of 20ms")
	f.wantLog("orders: lock", "undo orders: lock")
	s.finish(f)
	if s.calls != 1 {
		t.Errorf("called %d times", s.calls)
	}
}

func TestGivenUpInVerify(t *testing.T) {
	f := newFixture(t)
	f.Limits.Postscript = 20 * time.Millisecond
	s := newStubborn()
	f.scripts["orders"]["verify"] = s.phase(nothingFirst)
	f.scripts["orders"]["postscript"] = does(func(*calling) error { f.note("postscript"); return nil })
	f.want(f.do(), ExitVerdict, Filesystem, action.KindKilled, "verify does not end")
	f.wantLog(`orders: ["/data"]`, "orders: lock", "freeze /data", "snapshot", "undo freeze /data", "undo orders: lock")
	s.finish(f)
}

// With an action in flight that ignores its context, too, the script gets no further
// action in, however quickly it asks.
func TestGivenUpInAnAction(t *testing.T) {
	f := newFixture(t)
	f.Limits.Prescript = 20 * time.Millisecond
	s := newStubborn()
	stuck := make(chan struct{})
	f.on["orders: SHOW MASTER STATUS"] = func(context.Context) action.Result { <-stuck; return action.Result{State: action.Applied} }
	close(s.end) // no pause between the action that is stuck and the next one
	f.scripts["orders"]["prescript"] = s.phase(func(c *calling) error {
		if err := c.lock("lock"); err != nil {
			return err
		}
		return c.read()
	})
	f.give["orders: lock"] = func(context.Context) action.State {
		close(stuck)
		if err := <-s.late; !errors.Is(err, errPhaseOver) {
			t.Errorf("a script that was given up got %v", err)
		}
		return journal.Done
	}
	f.want(f.do(), ExitPrescript, NoVerdict, action.KindKilled, "prescript does not end")
	f.wantLog("orders: lock", "orders: SHOW MASTER STATUS", "undo orders: lock")
}

// A snapshot that cannot be ended is left behind; nothing stays frozen for it.
func TestSnapshotLeftBehind(t *testing.T) {
	f := newFixture(t)
	f.Limits.Freeze = 20 * time.Millisecond
	end := make(chan struct{})
	defer close(end)
	f.Snapshot = func(context.Context, Snapshot) error { <-end; return nil }
	f.want(f.do(), ExitSnapshot, NoVerdict, action.KindTimeout, "freeze_timeout")
	f.wantLog(`orders: ["/data"]`, "orders: lock", "freeze /data", "undo freeze /data", "undo orders: lock")
}
