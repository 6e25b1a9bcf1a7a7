package run

import (
	"context"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// What one member prepares is not in the window of another one: that has to wait with
// its first hold, and its time stands still.
func TestNobodyHoldsWhileAnotherOnePrepares(t *testing.T) {
	f := newFixture(t, "a", "b")
	f.Limits.Prescript = 300 * time.Millisecond
	about, locked := make(chan struct{}), make(chan struct{})
	f.scripts["a"]["prescript"] = func(c *calling) (action.Value, error) {
		close(about)
		return position, c.lock("lock")
	}
	f.on["a: lock"] = func(context.Context) action.Result { close(locked); return action.Result{State: action.Applied} }
	tries := 0
	f.Retries = 2
	f.scripts["b"]["prescript"] = func(c *calling) (action.Value, error) {
		<-about
		if tries++; tries <= 2 { // longer than the time of a, if that went on
			<-c.Done()
			return action.Value{}, context.Cause(c)
		}
		select {
		case <-locked:
			t.Error("a holds something while b prepares")
		default:
		}
		return position, c.lock("lock")
	}
	f.want(f.do(), ExitDone, Application, "", "")
}

// Whoever ends without a hold is not waited for, and arrives once.
func TestStartLine(t *testing.T) {
	s := newStartLine([]*memberState{{Member: &Member{Workload: "a"}}, {Member: &Member{Workload: "b"}}})
	_, l, cancel := withLimit(t.Context(), time.Minute, nil)
	defer cancel()
	ended, end := context.WithCancel(t.Context())
	end()
	s.arrive("a")
	if s.wait(ended, "a", l) == nil {
		t.Error("a did not wait for b")
	}
	s.arrive("b")
	s.arrive("b")
	if err := s.wait(t.Context(), "a", l); err != nil {
		t.Error(err)
	}
	if newStartLine([]*memberState{{Member: &Member{Workload: "a"}}}) != nil {
		t.Error("one member alone waits for nobody")
	}
}

func TestLimit(t *testing.T) {
	over := &action.Fault{Kind: action.KindTimeout, Message: "over"}
	ctx, l, cancel := withLimit(t.Context(), 200*time.Millisecond, over)
	defer cancel()
	l.pause()
	select {
	case <-ctx.Done():
		t.Error("the time went on")
	case <-time.After(300 * time.Millisecond):
	}
	l.resume()
	<-ctx.Done()
	if context.Cause(ctx) != over {
		t.Errorf("got %v", context.Cause(ctx))
	}
}

// A member that holds nothing keeps nobody waiting.
func TestOneThatHoldsNothing(t *testing.T) {
	f := newFixture(t, "a", "b")
	f.scripts["b"]["prescript"] = does(func(c *calling) error { return c.read() })
	f.want(f.do(), ExitDone, Application, "", "")
}
