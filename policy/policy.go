// Package policy decides whether a script may do an action.
//
// It sees every action before the journal does, and trusts nothing of it: the
// action may come from a worker that is hostile. A [Policy] is immutable, and its
// methods may be called from several goroutines.
package policy

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/stmt"
)

// Program is a program that a script may run as a user.
type Program struct{ User, Path string }

// Policy is what the config allows one script.
type Policy struct {
	// Database is the kind of server the workload is connected to; empty if none.
	Database string
	// Programs is the allow-list of exec_as; empty allows none.
	Programs []Program
	// AnyProgram allows all: in a test nothing runs, and the list is not at hand.
	AnyProgram bool
}

// Check returns the action with its scope filled in and whether it reads only, or
// the fault to refuse it with. phase is the phase it is called from.
func (p Policy) Check(phase string, a action.Action) (action.Action, bool, *action.Fault) {
	if err := a.Op.Validate(); err != nil {
		return a, false, refused("%v", err)
	}
	reads, err := p.operation(phase, &a)
	if err == nil {
		if err = p.undo(a.Undo); err != nil {
			err = fmt.Errorf("undo: %w", err)
		}
	}
	if err == nil && phase == "verify" && (len(a.Undo) > 0 || a.Hold != "") {
		err = fmt.Errorf("verify holds nothing: a statement that is no read needs undo = None here")
	}
	if err != nil {
		return a, false, refused("%v", err)
	}
	return a, reads, nil
}

func refused(format string, args ...any) *action.Fault {
	return &action.Fault{Kind: action.KindRefused, Message: fmt.Sprintf(format, args...)}
}

func (p Policy) operation(phase string, a *action.Action) (reads bool, err error) {
	switch {
	case a.SQL != nil:
		return p.statement(a)
	case a.Exec != nil:
		a.Scope = max(a.Scope, action.ScopeDurable)
		return false, p.program(a.Exec)
	case a.Freeze != nil:
		if phase != "prescript" {
			return false, fmt.Errorf("filesystems are named in prescript, not in %s", phase)
		}
		return true, errors.Join(nothingHeld(a), absolute(a.Freeze.Paths))
	case a.Thaw != nil, a.Emit != nil, a.Sleep != nil:
		return true, nothingHeld(a)
	}
	return false, fmt.Errorf("%s is not for scripts", a.Op.Name())
}

// nothingHeld refuses what only statements and programs can have.
func nothingHeld(a *action.Action) error {
	if len(a.Undo) == 0 && a.Hold == "" && a.Releases == "" {
		return nil
	}
	return fmt.Errorf("%s takes no hold, undo or releases", a.Op.Name())
}

func absolute(paths []string) error {
	for _, p := range paths {
		if !path.IsAbs(p) {
			return fmt.Errorf("%q is no absolute path", p)
		}
	}
	return nil
}

// statement classifies the statement and completes the scope.
func (p Policy) statement(a *action.Action) (reads bool, err error) {
	info, err := p.classify(a.SQL.Query)
	if err != nil {
		return false, err
	}
	if info.Class == stmt.Read && a.Releases != "" {
		return false, fmt.Errorf("releases: %q only reads, so it gives nothing back", short(a.SQL.Query))
	}
	if info.Class != stmt.Change && len(a.Undo) == 0 {
		return true, nil
	}
	if info.Class == stmt.Local {
		info.Scope = action.ScopeSession
	}
	if a.Word == "sql_one" && info.Class == stmt.Change {
		return false, fmt.Errorf("%q changes the server (%s): use sql with undo =", short(a.SQL.Query), info.What)
	}
	if !a.UndoGiven && a.Releases == "" {
		return false, fmt.Errorf("%q changes the server (%s): say how to compensate it with undo =, or undo = None if nothing is left behind", short(a.SQL.Query), info.What)
	}
	if a.Scope != action.ScopeDefault && a.Scope < info.Scope {
		return false, fmt.Errorf("scope %q is too short for %q, which lasts as %q", a.Scope, short(a.SQL.Query), info.Scope)
	}
	if a.Scope = max(a.Scope, info.Scope); a.Scope == action.ScopeDefault {
		a.Scope = action.ScopeDurable
	}
	return false, nil
}

func (p Policy) classify(query string) (stmt.Info, error) {
	if p.Database == "" {
		return stmt.Info{}, fmt.Errorf("the workload has no connection: give connection = in the config")
	}
	return stmt.Classify(p.Database, query)
}

// undo checks the steps of an undo when it is registered, not when it is needed.
func (p Policy) undo(steps []action.Op) error {
	for _, step := range steps {
		err := step.Validate()
		switch {
		case err != nil:
		case step.AnyOf != nil && len(step.AnyOf) == 0:
			err = errors.New("a ladder without steps")
		case step.SQL != nil:
			err = p.undoStatement(step.SQL)
		case step.Exec != nil:
			err = p.program(step.Exec)
		case step.AnyOf != nil:
			err = p.undo(step.AnyOf)
		default:
			err = fmt.Errorf("%s cannot be an undo", step.Name())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) undoStatement(s *action.SQL) error {
	if _, err := p.classify(s.Query); err != nil {
		return err
	}
	if s.When == "" {
		return nil
	}
	info, err := p.classify(s.When)
	if err == nil && info.Class != stmt.Read {
		err = fmt.Errorf("when: %q is no read (%s)", short(s.When), info.What)
	}
	return err
}

// program checks a program against the allow-list.
func (p Policy) program(e *action.Exec) error {
	if len(e.Argv) == 0 {
		return fmt.Errorf("argv is empty")
	}
	if slices.ContainsFunc(e.Argv, func(arg string) bool { return strings.ContainsRune(arg, 0) }) {
		return fmt.Errorf("argv holds a NUL byte")
	}
	want := Program{User: e.User, Path: path.Clean(e.Argv[0])}
	if p.AnyProgram || slices.Contains(p.Programs, want) {
		return nil
	}
	return fmt.Errorf("%s may not be run as %s: add the line %q to exec_as in the config", want.Path, want.User, want.User+": "+want.Path)
}

// short returns the beginning of a statement, for messages.
func short(query string) string {
	query = strings.Join(strings.Fields(query), " ")
	if len(query) > 80 {
		return strings.ToValidUTF8(query[:80], "") + "…"
	}
	return query
}
