// Package undo gives back what a run holds: a pure planner from the records of a
// journal to what is held, newest first, then the unwinder that makes the steps.
//
// What is held is never kept anywhere but in the records, so a run that goes on, a
// run that unwinds after an error, and a recovery after a crash all read the same
// truth. The planner is a function. An [Unwinder] may be used by several goroutines, if
// each wants holds that no other one does, and its Log and Performer may be.
package undo

import (
	"slices"
	"strconv"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// Hold is what an action took and has not yet given back.
type Hold struct {
	Of     int    // n of the intent
	Member string // workload; empty is the host itself
	Name   string
	Action action.Action
	// Todo are the indices of the steps of Action.Undo that are not yet made.
	Todo []int
}

// String returns "orders: lock (FLUSH TABLES WITH READ LOCK)".
func (h Hold) String() string {
	text := h.Name + " (" + h.Action.Text() + ")"
	if h.Member != "" {
		text = h.Member + ": " + text
	}
	return text
}

// Plan returns what is held after these records, newest first.
//
// An action is undone if it was applied, or if nobody can say whether it was: an
// intent without a result counts as that. It is not if it is certified not to have
// been made, if all its steps have been made, or if a later action of the same
// member that names it in Releases was applied.
func Plan(records []journal.Record) []Hold {
	facts := gather(records)
	var holds []Hold
	for _, r := range slices.Backward(records) {
		if r.Type == journal.TypeIntent && r.Action != nil && facts.held(r) {
			holds = append(holds, Hold{
				Of: r.N, Member: r.Member, Name: HoldName(r.N, r.Action), Action: *r.Action, Todo: facts.todo(r),
			})
		}
	}
	return holds
}

// HoldName is the name of what an intent takes: the script's, or one made of the
// word and the number of the record.
func HoldName(n int, a *action.Action) string {
	if a.Hold != "" {
		return a.Hold
	}
	return a.Op.Name() + "#" + strconv.Itoa(n)
}

// held reports whether an intent took something, or may have, that is not given back.
func (f facts) held(r journal.Record) bool {
	return f.state[r.N] != action.NotApplied && !f.released[r.N] && len(f.todo(r)) > 0
}

// todo returns the indices of the steps that are not yet made.
func (f facts) todo(r journal.Record) (steps []int) {
	for step := range r.Action.Undo {
		if !f.made[[2]int{r.N, step}] {
			steps = append(steps, step)
		}
	}
	return steps
}

// facts are what the records say about each intent.
type facts struct {
	state    map[int]action.State
	released map[int]bool
	made     map[[2]int]bool // intent, step
}

func gather(records []journal.Record) facts {
	f := facts{map[int]action.State{}, map[int]bool{}, map[[2]int]bool{}}
	for _, r := range records {
		switch r.Type {
		case journal.TypeResult:
			f.state[r.Of] = r.State
		case journal.TypeUndone:
			if r.State == journal.Done || r.State == journal.Already {
				f.made[[2]int{r.Of, r.Step}] = true
			}
		}
	}
	for i, r := range records {
		if r.Type == journal.TypeIntent && r.Action != nil && r.Action.Releases != "" && f.state[r.N] == action.Applied {
			f.release(records[:i], r)
		}
	}
	return f
}

// release marks the newest hold of that name that was taken before and is not given
// back yet.
func (f facts) release(before []journal.Record, by journal.Record) {
	for _, r := range slices.Backward(before) {
		if r.Type == journal.TypeIntent && r.Member == by.Member && r.Action != nil && r.Action.Hold == by.Action.Releases && f.held(r) {
			f.released[r.N] = true
			return
		}
	}
}
