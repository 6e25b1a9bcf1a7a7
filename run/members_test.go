package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// meeting is where so many parties wait for each other: nobody passes alone.
type meeting struct {
	left atomic.Int32
	all  chan struct{}
}

func meetingOf(n int32) *meeting {
	m := &meeting{all: make(chan struct{})}
	m.left.Store(n)
	return m
}

// pass waits for the others, until ctx ends.
func (m *meeting) pass(ctx context.Context) error {
	if m.left.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Each phase of a member waits until that of the others has begun, after it has taken
// something and before it ends. So do the undos.
func TestMembersAreTogether(t *testing.T) {
	members := []string{"a", "b", "c"}
	f := newFixture(t, members...)
	locked, verifying, post, undoing := meetingOf(3), meetingOf(3), meetingOf(3), meetingOf(3)
	for _, m := range members {
		f.scripts[m] = script{
			"prescript": func(c *calling) (action.Value, error) {
				if err := c.freeze("/data"); err != nil {
					return action.Value{}, err
				}
				if err := c.lock("lock"); err != nil {
					return action.Value{}, err
				}
				return action.String(m), locked.pass(c)
			},
			"verify":     does(func(c *calling) error { return verifying.pass(c) }),
			"postscript": does(func(c *calling) error { return post.pass(c) }),
		}
		f.give[m+": lock"] = func(ctx context.Context) action.State {
			if undoing.pass(ctx) != nil {
				return journal.Failed
			}
			return journal.Done
		}
	}
	r := f.do()
	f.want(r, ExitDone, Application, "", "")
	for i, m := range r.Members {
		if m.Workload != members[i] || m.RecoveryPoint.Before.Text() != members[i] || m.Verdict != Application || len(m.Actions) != 2 {
			t.Errorf("%+v", m)
		}
	}
	var phases []string
	for _, p := range r.Phases {
		phases = append(phases, p.Name)
	}
	if got := fmt.Sprint(phases); got != "[prescript freeze snapshot thaw verify postscript unwind]" {
		t.Errorf("phases %s", got)
	}
	if strings.Count(f.lines(), "freeze /data\nsnapshot\nundo freeze /data") != 1 {
		t.Errorf("log %s", f.lines())
	}
}

// waiting is a prescript that takes a lock, says so, and waits for its end.
func waiting(locked *meeting) phase {
	return holding(does(func(c *calling) error {
		if err := locked.pass(c); err != nil {
			return err
		}
		<-c.Done()
		return &action.Fault{Kind: action.KindOf(c, action.KindTimeout), Message: context.Cause(c).Error()}
	}))
}

// One that fails ends the others at once, whatever it does: all is undone, the report
// blames it alone, and a higher order has not begun.
func TestOneOfThemFails(t *testing.T) {
	for _, c := range []struct {
		name    string
		failing phase
		kind    action.Kind
		message string
		exit    int
	}{
		{"an error", fails("no privilege"), action.KindScript, "no privilege", ExitPrescript},
		{"a panic in the worker", does(func(*calling) error { panic("boom") }), action.KindInternal, "boom", ExitPrescript},
		{"too late", does(func(c *calling) error {
			<-c.Done()
			return &action.Fault{Kind: action.KindOf(c, ""), Message: context.Cause(c).Error()}
		}), action.KindTimeout, "prescript took longer than its timeout of 200ms", ExitPrescript},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, "a", "b", "c", "d")
			f.Members[3].Order = 1
			f.Retries = 2 // not of those that were ended
			f.Limits.Prescript = 5 * time.Second
			if c.kind == action.KindTimeout {
				f.Limits.Prescript, f.Retries = 200*time.Millisecond, 0
			}
			locked := meetingOf(3)
			var calls atomic.Int32
			for _, m := range []string{"a", "c"} {
				wait := waiting(locked)
				f.scripts[m]["prescript"] = func(call *calling) (action.Value, error) { calls.Add(1); return wait(call) }
			}
			if c.kind == action.KindTimeout { // else all would be late
				f.scripts["a"]["prescript"] = holding(does(func(c *calling) error { return locked.pass(c) }))
				f.scripts["c"] = f.scripts["a"]
				calls.Store(2)
			}
			f.scripts["b"]["prescript"] = holding(does(func(call *calling) error {
				select { // again after it was undone
				case <-locked.all:
				default:
					if err := locked.pass(call); err != nil {
						return err
					}
				}
				_, err := c.failing(call)
				return err
			}))
			r := f.do()
			f.want(r, c.exit, NoVerdict, c.kind, c.message)
			for _, m := range r.Members {
				want, same := action.KindAborted, m.Error != nil && m.Error.Message == "ended because workload b failed"
				if m.Workload == "b" {
					want, same = c.kind, m.Error != nil && strings.Contains(m.Error.Message, c.message)
				}
				if !same || m.Error.Kind != want {
					t.Errorf("%s: %+v", m.Workload, m.Error)
				}
			}
			if calls.Load() != 2 || f.noted("d: lock") || f.noted("snapshot") {
				t.Errorf("%d calls of the others; log %s", calls.Load(), f.lines())
			}
			if len(f.held) > 0 {
				t.Errorf("held: %v", f.held)
			}
		})
	}
}

// A panic of the host itself beside one script is the end of the run, after the others
// have been ended.
func TestHostPanicsBesideOneOfThem(t *testing.T) {
	f := newFixture(t, "a", "b")
	locked := meetingOf(2)
	f.scripts["a"]["prescript"] = waiting(locked)
	f.scripts["b"]["prescript"] = holding(does(func(c *calling) error {
		if err := locked.pass(c); err != nil {
			return err
		}
		return &action.ScriptError{Kind: action.KindScript, Msg: "again"}
	}))
	f.Retries = 1
	f.Pause = func(context.Context, time.Duration) bool { panic("ours") } // of the undo before the second try
	f.give["b: lock"] = failing(1)
	f.Pause = panicsOnce(f.Pause)
	f.want(f.do(), ExitInternal, NoVerdict, action.KindInternal, "panic in the host: ours")
}

// panicsOnce calls f the first time and then waits no more.
func panicsOnce(f func(context.Context, time.Duration) bool) func(context.Context, time.Duration) bool {
	var called atomic.Bool
	return func(ctx context.Context, d time.Duration) bool {
		if called.CompareAndSwap(false, true) {
			return f(ctx, d)
		}
		return true
	}
}

// One that ignores its end is given up, and the others are undone meanwhile.
func TestOneOfThemIsGivenUp(t *testing.T) {
	f := newFixture(t, "a", "b")
	s := newStubborn()
	began := make(chan struct{})
	f.scripts["a"]["prescript"] = s.phase(func(c *calling) error { defer close(began); return c.lock("lock") })
	f.scripts["b"]["prescript"] = holding(does(func(*calling) error { <-began; return &action.ScriptError{Kind: action.KindScript, Msg: "no"} }))
	r := f.do()
	f.want(r, ExitPrescript, NoVerdict, action.KindScript, "no")
	if e := r.Members[0].Error; e == nil || e.Kind != action.KindKilled || !strings.Contains(e.Message, "ended because workload b failed") {
		t.Errorf("a: %+v", e)
	}
	if !f.noted("undo a: lock") || !f.noted("undo b: lock") {
		t.Errorf("log %s", f.lines())
	}
	s.finish(f)
}

// The deadline is one for all: when one member hangs, all are undone.
func TestDeadlineWithOneThatHangs(t *testing.T) {
	f := newFixture(t, "a", "b")
	f.Limits.Hold = 500 * time.Millisecond
	f.scripts["a"]["prescript"] = waiting(meetingOf(1))
	r := f.do()
	f.want(r, ExitPrescript, NoVerdict, action.KindTimeout, "timeout: held for")
	for _, line := range []string{"undo a: lock", "undo b: lock"} {
		if !f.noted(line) {
			t.Errorf("%s is missing in %s", line, f.lines())
		}
	}
	if e := r.Members[1].Error; e != nil {
		t.Errorf("b was quiesced, and the run says %+v of it", e)
	}
}

// A signal is nobody's fault.
func TestEndedTogether(t *testing.T) {
	f := newFixture(t, "a", "b")
	locked := meetingOf(3)
	f.scripts["a"]["prescript"], f.scripts["b"]["prescript"] = waiting(locked), waiting(locked)
	go func() { _ = locked.pass(f.Context()); f.cancel(aborted) }()
	r := f.do()
	f.want(r, ExitPrescript, NoVerdict, action.KindAborted, "ended by SIGTERM")
	for _, m := range r.Members {
		if m.Error == nil || m.Error.Message != aborted.Message {
			t.Errorf("%s: %+v", m.Workload, m.Error)
		}
	}
}

// Every verify is heard, and every error is in the report.
func TestVerifyOfAll(t *testing.T) {
	f := newFixture(t, "a", "b", "c")
	f.scripts["a"]["verify"] = fails("lost")
	f.scripts["c"]["postscript"] = fails("stuck")
	r := f.do()
	f.want(r, ExitVerdict, Filesystem, action.KindVerify, "lost")
	var verdicts []Verdict
	for _, m := range r.Members {
		verdicts = append(verdicts, m.Verdict)
	}
	if !slices.Equal(verdicts, []Verdict{Filesystem, Application, Application}) || r.Members[2].Error == nil {
		t.Errorf("verdicts %v, errors %+v", verdicts, r.Members)
	}
}

// The undo of one server that hangs delays neither that of another one nor, for longer
// than a try, that of a lower order.
func TestUndoThatHangs(t *testing.T) {
	for _, order := range []int{0, 1} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			f := newFixture(t, "a", "b")
			f.Members[1].Order = order
			for _, m := range []string{"a", "b"} {
				delete(f.scripts[m], "postscript")
			}
			given := make(chan struct{})
			f.give["a: lock"] = func(context.Context) action.State { close(given); return journal.Done }
			f.give["b: lock"] = func(ctx context.Context) action.State {
				select {
				case <-given:
					return journal.Done
				default:
				}
				if order > 0 {
					return journal.Failed // until a has been given back
				}
				select {
				case <-given:
					return journal.Done
				case <-ctx.Done():
					return journal.Failed
				}
			}
			f.want(f.do(), ExitDone, Application, "", "")
		})
	}
}
