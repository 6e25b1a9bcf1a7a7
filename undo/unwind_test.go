package undo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// log is a journal in memory. When broken, Append answers an error and still keeps the
// record, as a [journal.Writer] does.
type log struct {
	list   []journal.Record
	broken bool
}

func (l *log) Append(r journal.Record, _ bool) (int, error) {
	r.N = len(l.list) + 1
	l.list = append(l.list, r)
	if l.broken {
		return r.N, errors.New("no space left on device")
	}
	return r.N, nil
}

func (l *log) Records() []journal.Record { return slices.Clone(l.list) }

// performer makes steps by saying what they are. answer decides; nil is done.
type performer struct {
	made   []string
	answer func(ctx context.Context, text string, try int) action.State
	tries  map[string]int
}

func (p *performer) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	text := step.Text()
	p.made = append(p.made, text)
	if p.tries == nil {
		p.tries = map[string]int{}
	}
	p.tries[text]++
	if p.answer == nil {
		return journal.Done, ""
	}
	return p.answer(ctx, text, p.tries[text]), "because"
}

// unwind unwinds a journal of these records with a budget that is ample.
func unwind(t *testing.T, p *performer, list ...journal.Record) (l *log, undone []string, left []undo.Hold) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l = &log{list: records(list...)}
	undone, left = (&undo.Unwinder{Log: l, Perform: p}).Unwind(ctx, nil)
	return l, undone, left
}

func TestUnwindNewestFirst(t *testing.T) {
	p := &performer{}
	l, undone, left := unwind(t, p, intent("a", "x", 2), intent("b", "y", 1), intent("a", "z", 1))
	if fmt.Sprint(undone) != "[z y x]" || len(left) > 0 {
		t.Errorf("undone %v, left %v", undone, left)
	}
	if got := strings.Join(p.made, ", "); got != "give z 0, give y 0, give x 0, give x 1" {
		t.Errorf("made %s", got)
	}
	if held := undo.Plan(l.Records()); len(held) > 0 {
		t.Errorf("still held by the journal: %v", held)
	}
	// Each step is announced before it is made.
	if r := l.list[3:5]; r[0].Type != journal.TypeUndo || r[0].Of != 3 || r[0].Try != 1 || r[1].Type != journal.TypeUndone || r[1].State != journal.Done {
		t.Errorf("recorded %+v", r)
	}
}

// One that fails keeps neither an older hold nor its own other steps waiting, and is
// tried again until it works.
func TestUnwindRetriesWhatFailed(t *testing.T) {
	p := &performer{answer: func(_ context.Context, text string, try int) action.State {
		if text == "give new 0" && try < 3 {
			return journal.Failed
		}
		return journal.Done
	}}
	var failures []string
	l := &log{list: records(intent("a", "old", 1), intent("a", "new", 2))}
	u := &undo.Unwinder{Log: l, Perform: p, Failed: func(h undo.Hold, step action.Op, try int, text string) {
		failures = append(failures, fmt.Sprintf("%s %s %d %s", h.Name, step.Text(), try, text))
	}}
	undone, left := u.Unwind(t.Context(), nil)
	if fmt.Sprint(undone) != "[old new]" || len(left) > 0 {
		t.Errorf("undone %v, left %v", undone, left)
	}
	if got := strings.Join(p.made, ", "); got != "give new 0, give new 1, give old 0, give new 0, give new 0" {
		t.Errorf("made %s", got)
	}
	if got := strings.Join(failures, ", "); got != "new give new 0 1 because, new give new 0 2 because" {
		t.Errorf("failed %s", got)
	}
}

// What cannot be given back is tried, with growing pauses, until the context ends.
func TestUnwindUntilTheContextEnds(t *testing.T) {
	var at []time.Time
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p := &performer{answer: func(_ context.Context, _ string, try int) action.State {
		at = append(at, time.Now())
		if try == 4 {
			cancel()
		}
		return journal.Failed
	}}
	l := &log{list: records(intent("a", "x", 1))}
	undone, left := (&undo.Unwinder{Log: l, Perform: p}).Unwind(ctx, nil)
	if len(undone) > 0 || len(left) != 1 || left[0].Name != "x" || len(p.made) != 4 {
		t.Errorf("undone %v, left %v, made %v", undone, left, p.made)
	}
	// Pauses are 50, 100, 200 ms; a timer never fires early.
	if took := at[3].Sub(at[0]); took < 350*time.Millisecond {
		t.Errorf("four tries in %v", took)
	}
	if len(undo.Plan(l.Records())) != 1 {
		t.Error("the journal says that nothing is held")
	}
}

// With a context that has ended everything still gets its one attempt.
func TestUnwindTriesOnceInAnyCase(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &performer{}
	undone, left := (&undo.Unwinder{Log: &log{list: records(intent("a", "x", 1), intent("a", "y", 1))}, Perform: p}).Unwind(ctx, nil)
	if fmt.Sprint(undone) != "[y x]" || len(left) > 0 {
		t.Errorf("undone %v, left %v", undone, left)
	}
}

// An attempt is bounded: one that hangs gives the others their turn.
func TestUnwindBoundsAnAttempt(t *testing.T) {
	p := &performer{answer: func(ctx context.Context, text string, try int) action.State {
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); !ok || left > 10*time.Second || try == 1 && left > 3*time.Second {
			t.Errorf("try %d of %s: %v left", try, text, left)
		}
		if text == "give hangs 0" && try == 1 {
			return journal.Failed
		}
		return journal.Done
	}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	(&undo.Unwinder{Log: &log{list: records(intent("a", "x", 1), intent("a", "hangs", 1))}, Perform: p}).Unwind(ctx, nil)
	if len(p.made) != 3 {
		t.Errorf("made %v", p.made)
	}
}

// A program that has a time of its own gets it, in every attempt and as a rung too; what
// an unwinding may take grows by it.
func TestUnwindGivesProgramsTheirTime(t *testing.T) {
	own := action.Op{Exec: &action.Exec{User: "u", Argv: []string{"/p"}, Timeout: 20 * time.Second}}
	both := intent("a", "x", 1)
	both.Action.Undo = []action.Op{own, {AnyOf: []action.Op{own, own}}}
	p := &performer{answer: func(ctx context.Context, text string, try int) action.State {
		deadline, _ := ctx.Deadline()
		if left := time.Until(deadline); left < 19*time.Second || left > 20*time.Second {
			t.Errorf("try %d of %s: %v left", try, text, left)
		}
		if try == 1 {
			return journal.Failed
		}
		return journal.Done
	}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l := &log{list: records(intent("a", "y", 1), both)}
	l.list[0].Action.Undo[0] = own
	if got := undo.Budget(l.list, time.Second); got != 81*time.Second {
		t.Errorf("budget %v", got)
	}
	(&undo.Unwinder{Log: l, Perform: p}).Unwind(ctx, nil)
	if len(p.made) < 4 || len(undo.Plan(l.Records())) > 0 {
		t.Errorf("made %v", p.made)
	}
	if got := undo.Budget(l.Records(), time.Second); got != time.Second {
		t.Errorf("budget of nothing %v", got)
	}
}

func TestUnwindWanted(t *testing.T) {
	p := &performer{}
	l := &log{list: records(intent("a", "x", 1), intent("b", "y", 1))}
	undone, left := (&undo.Unwinder{Log: l, Perform: p}).Unwind(t.Context(), func(h undo.Hold) bool { return h.Member == "a" })
	if fmt.Sprint(undone) != "[x]" || len(left) > 0 || len(undo.Plan(l.Records())) != 1 {
		t.Errorf("undone %v, left %v", undone, left)
	}
}

// Steps that were made in an earlier life are not made again.
func TestUnwindGoesOn(t *testing.T) {
	p := &performer{}
	unwind(t, p, intent("a", "x", 3), undone(1, 0, journal.Done), undone(1, 2, journal.Already))
	if fmt.Sprint(p.made) != "[give x 1]" {
		t.Errorf("made %v", p.made)
	}
}

func TestAlreadyCounts(t *testing.T) {
	p := &performer{answer: func(context.Context, string, int) action.State { return journal.Already }}
	l, undone, left := unwind(t, p, intent("a", "x", 1))
	if fmt.Sprint(undone) != "[x]" || len(left) > 0 || l.list[2].State != journal.Already || l.list[2].Err != "because" {
		t.Errorf("undone %v, left %v, recorded %+v", undone, left, l.list)
	}
}

// TestLadder: rungs are tried until one works; the rest is not made.
func TestLadder(t *testing.T) {
	step := func(text string) action.Op { return action.Op{SQL: &action.SQL{Query: text}} }
	for _, c := range []struct {
		fails string
		made  string
		state action.State
	}{
		{"", "a", journal.Done},
		{"a", "a b", journal.Done},
		{"a b", "a b c", journal.Done},
		{"a b c", "a b c d", journal.Done},
		{"a b c d", "a b c d", journal.Failed},
	} {
		p := &performer{answer: func(_ context.Context, text string, _ int) action.State {
			if slices.Contains(strings.Fields(c.fails), text) {
				return journal.Failed
			}
			return journal.Done
		}}
		r := intent("a", "x", 0)
		r.Action.Undo = []action.Op{{AnyOf: []action.Op{step("a"), {AnyOf: []action.Op{step("b"), step("c")}}, step("d")}}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one round
		l := &log{list: records(r)}
		(&undo.Unwinder{Log: l, Perform: p}).Unwind(ctx, nil)
		if got := strings.Join(p.made, " "); got != c.made || l.list[2].State != c.state {
			t.Errorf("fails %q: made %q, %s; want %q, %s", c.fails, got, l.list[2].State, c.made, c.state)
		}
	}
}

// An undo is not refused because the disk is full.
func TestUnwindIgnoresTheJournalsErrors(t *testing.T) {
	p := &performer{}
	l := &log{list: records(intent("a", "x", 1)), broken: true}
	undone, left := (&undo.Unwinder{Log: l, Perform: p}).Unwind(t.Context(), nil)
	if fmt.Sprint(undone) != "[x]" || len(left) > 0 {
		t.Errorf("undone %v, left %v", undone, left)
	}
}

// A panic in one undo does not keep older holds from being given back.
func TestUnwindSurvivesAPanic(t *testing.T) {
	p := &performer{answer: func(_ context.Context, text string, try int) action.State {
		if text == "give new 0" && try == 1 {
			panic("boom")
		}
		return journal.Done
	}}
	l, undone, left := unwind(t, p, intent("a", "old", 1), intent("a", "new", 1))
	if fmt.Sprint(undone) != "[old new]" || len(left) > 0 || l.list[3].Err != "panic in the host: boom" {
		t.Errorf("undone %v, left %v, recorded %+v", undone, left, l.list)
	}
}
