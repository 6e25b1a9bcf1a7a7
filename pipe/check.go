package pipe

import (
	"errors"
	"fmt"

	"github.com/starhost/starhost/action"
)

// checkAction refuses an action that the interpreter would not have made. What an
// honest script may do is the business of the policy, further on.
func checkAction(a *action.Action) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if a.AnyOf != nil {
		return errors.New("an action that is a choice: only an undo can be one")
	}
	if len(a.Word) > maxName || len(a.Hold) > maxName || len(a.Releases) > maxName || len(a.Pos) > maxName {
		return fmt.Errorf("an action with a name of more than %d bytes", maxName)
	}
	if a.Timeout < 0 {
		return errors.New("an action with a negative timeout")
	}
	if len(a.Undo) > 0 && !a.UndoGiven {
		return errors.New("an action with an undo that was not given")
	}
	for _, step := range a.Undo {
		if err := step.Validate(); err != nil {
			return fmt.Errorf("in an undo: %w", err)
		}
	}
	return checkOrigin(append([]action.Op{a.Op}, a.Undo...))
}

// checkOrigin refuses the operations that only the host makes.
func checkOrigin(ops []action.Op) error {
	for _, op := range ops {
		if op.FS != nil || op.End != nil {
			return fmt.Errorf("%s, which no script can say", op.Name())
		}
		if err := checkOrigin(op.AnyOf); err != nil {
			return err
		}
	}
	return nil
}
