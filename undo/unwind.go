package undo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// Times of an unwinding. The first round gives every hold one bounded attempt, so
// that one undo that hangs does not keep the others waiting; later rounds have
// more patience.
const (
	firstAttempt = 3 * time.Second
	laterAttempt = 10 * time.Second
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// A Performer makes one step of an undo. Those that thaw filesystems of one level it is
// asked for at the same time.
//
// It MUST return soon after ctx ends. It answers [journal.Done] if the step was
// made, [journal.Already] if there was nothing left to undo or somebody else has
// changed it meanwhile (the text says which), and [journal.Failed] if it is to be
// tried again.
type Performer interface {
	Undo(ctx context.Context, h Hold, step action.Op) (state action.State, text string)
}

// Log is where an unwinding records what it does.
type Log interface {
	Append(r journal.Record, sync bool) (int, error)
	Records() []journal.Record
}

// Unwinder makes the undos of what a journal says is held.
type Unwinder struct {
	Log     Log
	Perform Performer
	// Pause waits before the next round, and reports whether there is one: false once
	// ctx has ended. Nil waits by the clock.
	Pause func(ctx context.Context, d time.Duration) bool
	// Tries is how often everything is tried; 0 is until the context ends.
	Tries int
	// Failed, if set, hears of every attempt that failed.
	Failed func(h Hold, step action.Op, try int, text string)
}

// Unwind gives back what is held and wanted (all if want is nil), newest first, but
// filesystems of one level at the same time: one attempt of everything, then again what
// failed, with growing pauses, until ctx ends or Tries is used up. A failed undo does not
// keep older holds waiting. It returns the names of what was given back, in that order,
// and what is still held.
//
// The journal is written but never waited for: an undo is not refused because the
// disk is full, and making a step twice is harmless.
func (u *Unwinder) Unwind(ctx context.Context, want func(Hold) bool) (undone []string, left []Hold) {
	patience, pause, next := firstAttempt, firstPause, u.Pause
	if next == nil {
		next = wait
	}
	for try := 1; ; try++ {
		holds := Plan(u.Log.Records())
		if want != nil {
			holds = slices.DeleteFunc(holds, func(h Hold) bool { return !want(h) })
		}
		left = nil
		for len(holds) > 0 {
			n := together(holds)
			for i, failed := range u.giveBack(ctx, holds[:n], try, patience) {
				if failed {
					left = append(left, holds[i])
				} else {
					undone = append(undone, holds[i].Name)
				}
			}
			holds = holds[n:]
		}
		if len(left) == 0 || try == u.Tries || !next(ctx, pause) {
			return undone, left
		}
		patience, pause = laterAttempt, min(2*pause, longestPause)
	}
}

// together is how many of holds, from the first, are given back at the same time:
// filesystems of one level.
func together(holds []Hold) (n int) {
	for n = 1; n < len(holds); n++ {
		a, b := holds[0], holds[n]
		if a.Action.FS == nil || b.Action.FS == nil || a.Action.FS.Level != b.Action.FS.Level || len(a.Todo) != len(b.Todo) {
			break
		}
	}
	return n
}

// giveBack makes all steps of holds that are still to be made, in order, each of all holds
// at the same time. One that fails does not keep the others from being tried. It reports
// which holds are left.
func (u *Unwinder) giveBack(ctx context.Context, holds []Hold, try int, patience time.Duration) []bool {
	failed := make([]bool, len(holds))
	for n := range holds[0].Todo {
		for i, ok := range u.step(ctx, holds, n, try, patience) {
			failed[i] = failed[i] || !ok
		}
	}
	return failed
}

// step makes the step of each hold that is n-th in its Todo. Errors of the journal are
// ignored: see Unwind. Its records are in the order of holds.
func (u *Unwinder) step(ctx context.Context, holds []Hold, n, try int, patience time.Duration) (ok []bool) {
	states, texts := make([]action.State, len(holds)), make([]string, len(holds))
	for _, h := range holds {
		_, _ = u.Log.Append(journal.Record{Type: journal.TypeUndo, Of: h.Of, Step: h.Todo[n], Try: try}, false)
	}
	var all sync.WaitGroup
	for i, h := range holds {
		all.Go(func() { states[i], texts[i] = u.attempt(ctx, h, h.Action.Undo[h.Todo[n]], patience) })
	}
	all.Wait()
	for i, h := range holds {
		_, _ = u.Log.Append(journal.Record{Type: journal.TypeUndone, Of: h.Of, Step: h.Todo[n], State: states[i], Err: texts[i]}, false)
		if states[i] == journal.Failed && u.Failed != nil {
			u.Failed(h, h.Action.Undo[h.Todo[n]], try, texts[i])
		}
		ok = append(ok, states[i] != journal.Failed)
	}
	return ok
}

// attempt makes a step, or the rungs of a ladder until one works.
func (u *Unwinder) attempt(ctx context.Context, h Hold, step action.Op, patience time.Duration) (action.State, string) {
	if step.AnyOf == nil {
		if own := ownTime(step); own > 0 {
			patience = own
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return u.perform(ctx, h, step)
	}
	state, text := journal.Failed, "a ladder without rungs"
	for _, rung := range step.AnyOf {
		if state, text = u.attempt(ctx, h, rung, patience); state != journal.Failed {
			break
		}
	}
	return state, text
}

// ownTime is how long an attempt of a step may take by its own account; 0 is none.
func ownTime(step action.Op) time.Duration {
	if step.Exec != nil {
		return step.Exec.Timeout
	}
	var all time.Duration
	for _, rung := range step.AnyOf {
		all += ownTime(rung)
	}
	return all
}

// Budget is how long an unwinding of everything that is held needs for one attempt of
// the steps that have a time of their own, besides the usual time for the rest.
func Budget(records []journal.Record, usual time.Duration) time.Duration {
	for _, h := range Plan(records) {
		for _, i := range h.Todo {
			usual += ownTime(h.Action.Undo[i])
		}
	}
	return usual
}

// perform makes a step. A panic is a failure like another one: it must not keep
// older holds from being given back.
func (u *Unwinder) perform(ctx context.Context, h Hold, step action.Op) (state action.State, text string) {
	defer func() {
		if p := recover(); p != nil {
			state, text = journal.Failed, fmt.Sprintf("panic in the host: %v", p)
		}
	}()
	return u.Perform.Undo(ctx, h, step)
}

// wait waits, and reports whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
