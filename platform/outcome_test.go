package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
)

// Each error of the library is one outcome.
func TestOutcomeOf(t *testing.T) {
	over := &action.Fault{Kind: action.KindTimeout, Message: "took longer"}
	for _, tt := range []struct {
		err  error
		want Outcome
	}{
		{nil, Done},
		{fmt.Errorf("%w: post without a pre", starhost.ErrNothing), Nothing},
		{&starhost.ConfigError{Err: errors.New("line 1")}, Misused},
		{&starhost.BusyError{Err: errors.New("run X")}, Busy},
		{&starhost.DeadRunError{Run: "X", Held: []string{"lock"}}, StillHeld},
		{over, StillHeld},
		{fmt.Errorf("post: %w", over), StillHeld},
		{errors.New("no more processes"), Internal},
	} {
		if got := outcomeOf(tt.err); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.err, got, tt.want)
		}
	}
}

// Each way in which a run can end is one outcome.
func TestOutcomeOfReport(t *testing.T) {
	began := []run.Phase{{Name: "prescript"}}
	for _, tt := range []struct {
		exit   int
		kind   action.Kind
		phases []run.Phase
		want   Outcome
	}{
		{run.ExitDone, "", began, Done},
		{run.ExitPrescript, action.KindRefused, nil, NotReady},
		{run.ExitPrescript, action.KindScript, began, PreFailed},
		{run.ExitSnapshot, action.KindAborted, began, PreFailed},
		{run.ExitVerdict, action.KindTimeout, began, Untrusted}, // a verify that took too long
		{run.ExitVerdict, action.KindKilled, began, Untrusted},  // a worker
		{run.ExitVerdict, action.KindVerify, began, Untrusted},
		{run.ExitVerdict, "", began, Untrusted},
		{run.ExitPostscript, action.KindScript, began, PostFailed},
		{run.ExitHeld, action.KindUndo, began, StillHeld},
		{run.ExitInternal, action.KindInternal, began, Internal},
		{99, "", began, Internal},
	} {
		r := &run.Report{Exit: tt.exit, Phases: tt.phases}
		if tt.kind != "" {
			r.Error = &run.Error{Kind: tt.kind, Message: "why"}
		}
		if got := outcomeOfReport(r); got != tt.want {
			t.Errorf("exit status %d, kind %q is %s, want %s", tt.exit, tt.kind, got, tt.want)
		}
	}
	if got := outcomeOfReport(&run.Report{Exit: run.ExitVerdict, Late: true, Phases: began}); got != Expired {
		t.Errorf("a post that came late is %s", got)
	}
}

// A pre after which nothing is held is never a success for anybody.
func TestRefusing(t *testing.T) {
	for _, name := range Names() {
		c, _ := Lookup(name)
		for _, row := range Outcomes {
			if status := c.Status(refusing(row.Outcome)); status == run.ExitDone {
				t.Errorf("%s: a pre that is %s ends with %d", name, row.Outcome, status)
			}
		}
	}
}

// Whatever the outcome, there is something to say, except if all is well.
func TestMessage(t *testing.T) {
	for _, row := range Outcomes {
		if text := (Answer{Outcome: row.Outcome}).Message(); (text == "") != (row.Outcome == Done) {
			t.Errorf("%s says %q", row.Outcome, text)
		}
	}
	report := &run.Report{Error: &run.Error{Message: "timeout"}}
	if text := (Answer{Outcome: Expired, Report: report}).Message(); text != "the window had expired: timeout" {
		t.Errorf("a window that has expired says %q", text)
	}
	if text := (Answer{Outcome: PreFailed, Report: report, Err: errors.New("aborted")}).Message(); text != "aborted" {
		t.Errorf("an error beside a report says %q", text)
	}
}

// A budget ends a call and says whose patience it is about.
func TestWithin(t *testing.T) {
	c, _ := Lookup("gcp")
	call := Call{Caller: c, Word: "pre"}
	call.Within(4 * time.Second)
	if call.Budget.Pre != 3*time.Second || call.Budget.Post != 3*time.Second {
		t.Errorf("of 4 s there are %v", call.Budget)
	}
	ctx, cancel := call.within(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	if cause := context.Cause(ctx); !strings.Contains(cause.Error(), "gcp pre took longer") {
		t.Errorf("the cause is %v", cause)
	}
	forever, cancel := call.within(t.Context(), 0)
	defer cancel()
	if _, ok := forever.Deadline(); ok {
		t.Error("no budget ends a call")
	}
}
