package run

import (
	"errors"
	"slices"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// Report is what a run says of itself. Its JSON is the interface of the command;
// times are milliseconds.
type Report struct {
	Run     string  `json:"run"`
	Verdict Verdict `json:"verdict"`
	Exit    int     `json:"exit"`
	Error   *Error  `json:"error"`
	// QuiescedMS is from the first hold asked for until the last undo has
	// returned, FrozenMS from the first FIFREEZE until the last FITHAW has.
	QuiescedMS float64  `json:"quiesced_ms"`
	FrozenMS   float64  `json:"frozen_ms"`
	Held       []string `json:"held"`
	// Late says that the hold had ended before post came.
	Late    bool           `json:"late,omitempty"`
	Phases  []Phase        `json:"phases"`
	Members []MemberReport `json:"members"`
}

// Error is what went wrong.
type Error struct {
	Kind    action.Kind `json:"kind"`
	Message string      `json:"message"`
	Stack   []string    `json:"stack"` // of the script, outermost first
	// Trace is the stack with source lines, for people.
	Trace string `json:"-"`
}

// Phase is how long a part of the run took.
type Phase struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// MemberReport is the part of a report that is about one workload.
type MemberReport struct {
	Workload      string         `json:"workload"`
	Script        ScriptReport   `json:"script"`
	Verdict       Verdict        `json:"verdict"`
	Error         *Error         `json:"error"`
	RecoveryPoint RecoveryPoint  `json:"recovery_point"`
	Actions       []ActionReport `json:"actions"`
}

// ScriptReport identifies a script.
type ScriptReport struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// RecoveryPoint is what the script returned before and after the snapshot.
type RecoveryPoint struct {
	Before action.Value `json:"before"`
	After  action.Value `json:"after"`
}

// ActionReport is one action; N is its number in the journal.
type ActionReport struct {
	N       int          `json:"n"`
	Name    string       `json:"name"`
	Text    string       `json:"text"`
	Session string       `json:"session,omitempty"`
	State   action.State `json:"state"`
	Hold    string       `json:"hold,omitempty"`
	Undo    []string     `json:"undo,omitempty"`
	Undone  bool         `json:"undone"`
	Error   string       `json:"error,omitempty"`
	Pos     string       `json:"pos,omitempty"`
	MS      float64      `json:"ms"`
}

// errorOf makes the report's form of an error; kind is for one that carries none.
func errorOf(err error, kind action.Kind) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Message: err.Error(), Stack: []string{}}
	if f := (*action.Fault)(nil); errors.As(err, &f) && f.Kind != "" {
		e.Kind = f.Kind
	}
	if s := (*action.ScriptError)(nil); errors.As(err, &s) {
		e.Kind, e.Message, e.Stack, e.Trace = s.Kind, s.Msg, s.Lines(), s.Backtrace()
	}
	if e.Kind == "" {
		e.Kind = kind
	}
	return e
}

// actionsOf reads the actions of a member from the journal.
func actionsOf(member string, records []journal.Record) []ActionReport {
	list := []ActionReport{}
	at := map[int]int{} // n of the intent: index into list
	var asked []time.Time
	for _, r := range records {
		switch r.Type {
		case journal.TypeIntent:
			if r.Member == member {
				at[r.N] = len(list)
				list, asked = append(list, actionReport(r)), append(asked, r.Time)
			}
		case journal.TypeResult:
			if i, ok := at[r.Of]; ok {
				list[i].State, list[i].Error, list[i].MS = r.State, r.Err, ms(r.Time.Sub(asked[i]))
			}
		}
	}
	held := undo.Plan(records)
	for i, a := range list {
		list[i].Undone = len(a.Undo) > 0 && a.State != action.NotApplied &&
			!slices.ContainsFunc(held, func(h undo.Hold) bool { return h.Of == a.N })
	}
	return list
}

func actionReport(r journal.Record) ActionReport {
	a := ActionReport{N: r.N, Name: r.Action.Word, Text: r.Action.Text(), State: action.Unknown, Pos: r.Action.Pos}
	if a.Name == "" {
		a.Name = r.Action.Op.Name()
	}
	if r.Action.SQL != nil {
		a.Session = r.Action.SQL.Session
	}
	if len(r.Action.Undo) > 0 {
		a.Hold, a.Undo = undo.HoldName(r.N, r.Action), action.Texts(r.Action.Undo)
	}
	return a
}

// window returns the time from the first intent that wanted says yes to, to the
// last record of an undo of such an intent.
func window(records []journal.Record, wanted func(*action.Action) bool) time.Duration {
	intents := map[int]bool{}
	var from, to time.Time
	for _, r := range records {
		switch {
		case r.Type == journal.TypeIntent && wanted(r.Action):
			intents[r.N] = true
			if from.IsZero() {
				from = r.Time
			}
		case (r.Type == journal.TypeUndone || r.Type == journal.TypeResult) && intents[r.Of]:
			to = r.Time
		}
	}
	if to.Before(from) {
		return 0
	}
	return to.Sub(from)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
