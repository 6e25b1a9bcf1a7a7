package journal

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/starhost/starhost/action"
)

// Validate returns an error if r lacks something that its type needs. It is what
// a reader may rely on. It accepts an intent whose operation it does not know, as
// long as it knows the undo: that is all that recovery needs of it.
func (r Record) Validate() error {
	switch {
	case r.N < 1:
		return fmt.Errorf("%s record: n is %d, want 1 or more", r.Type, r.N)
	case r.Time.IsZero():
		return fmt.Errorf("%s record: time is missing", r.Type)
	}
	if err := r.validateType(); err != nil {
		return fmt.Errorf("%s record: %w", r.Type, err)
	}
	return nil
}

func (r Record) validateType() error {
	switch r.Type {
	case TypeBegin:
		return need("run", r.Run != "")
	case TypeSession:
		return need("session with a name and an id", r.Session != nil && r.Session.Name != "" && r.Session.ID != "")
	case TypeIntent:
		return r.validateUndo()
	case TypeResult:
		return r.validateOutcome(action.Applied, action.NotApplied, action.Unknown)
	case TypeUndo:
		return errors.Join(r.validateOutcome(), need("try", r.Try > 0))
	case TypeUndone:
		return r.validateOutcome(Done, Already, Failed)
	case TypePhase:
		return need("phase", r.Phase != "")
	case TypeNote:
		return need("note", r.Note != "")
	case TypeRecoveryPoint, TypeEnd:
		return nil
	}
	return fmt.Errorf("type %.40q is not known", r.Type)
}

func need(what string, have bool) error {
	if have {
		return nil
	}
	return errors.New(what + " is missing")
}

func (r Record) validateUndo() error {
	if r.Action == nil {
		return need("action", false)
	}
	for i, op := range r.Action.Undo {
		if err := op.Validate(); err != nil {
			return fmt.Errorf("step %d of the undo: %w", i, err)
		}
	}
	return nil
}

// validateOutcome is for the records that speak of an earlier intent. Without a
// word the record has no state.
func (r Record) validateOutcome(words ...action.State) error {
	switch {
	case r.Of < 1 || r.Of >= r.N:
		return fmt.Errorf("of is %d, want the number of an earlier intent", r.Of)
	case r.Step < 0:
		return fmt.Errorf("step is %d, want 0 or more", r.Step)
	case len(words) > 0 && !slices.Contains(words, r.State):
		return fmt.Errorf("state is %.40q, want one of %q", r.State, words)
	}
	return nil
}

// validateNew is what a record must be in order to be appended: stricter than what
// a reader insists on, because a newer version may have written what is read.
func (r Record) validateNew() error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.Type == TypeIntent {
		if err := r.Action.Validate(); err != nil {
			return fmt.Errorf("intent record: %w", err)
		}
	}
	phases := []string{"prescript", "freeze", "snapshot", "thaw", "verify", "postscript", "unwind"}
	if r.Type == TypePhase && !slices.Contains(phases, r.Phase) {
		return fmt.Errorf("phase record: phase is %.40q, want one of %q", r.Phase, phases)
	}
	if !reflect.DeepEqual(r, r.only()) {
		return fmt.Errorf("%s record: it has a member of another type of record", r.Type)
	}
	return nil
}

// only returns r with the members of its type alone.
func (r Record) only() Record {
	o := Record{N: r.N, Type: r.Type, Time: r.Time}
	switch r.Type {
	case TypeBegin:
		o.Run, o.Boot, o.Machine, o.Host, o.Version = r.Run, r.Boot, r.Machine, r.Host, r.Version
		o.Deadline, o.Members, o.Owner, o.Hold = r.Deadline, r.Members, r.Owner, r.Hold
	case TypeSession:
		o.Member, o.Session = r.Member, r.Session
	case TypeIntent:
		o.Member, o.Action, o.Deadline = r.Member, r.Action, r.Deadline
	case TypeResult:
		o.Of, o.State, o.Err = r.Of, r.State, r.Err
	case TypeUndo:
		o.Of, o.Step, o.Try = r.Of, r.Step, r.Try
	case TypeUndone:
		o.Of, o.Step, o.State, o.Err = r.Of, r.Step, r.State, r.Err
	case TypePhase:
		o.Member, o.Phase, o.Note = r.Member, r.Phase, r.Note
	case TypeRecoveryPoint:
		o.Member, o.Value = r.Member, r.Value
	case TypeNote:
		o.Member, o.Note = r.Member, r.Note
	case TypeEnd:
		o.Verdict, o.Exit, o.Held = r.Verdict, r.Exit, r.Held
	}
	return o
}
