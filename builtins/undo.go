package builtins

import (
	"cmp"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

// step is an undo action as a script sees it: an operation that will be made
// later, if at all. It is data; a function would be lost if the host died.
type step struct{ op action.Op }

func (s step) String() string        { return "undo." + s.op.Name() + "(" + s.op.Text() + ")" }
func (s step) Type() string          { return "undo action" }
func (s step) Freeze()               {}
func (s step) Truth() starlark.Bool  { return true }
func (s step) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable type: undo action") }

func undoSQL(c *call) (starlark.Value, error) {
	stmt, err := c.statement("") // the session of the action that it belongs to
	if err != nil {
		return nil, err
	}
	if c.given("when") != nil {
		if stmt.When, err = c.text("when"); err != nil {
			return nil, err
		}
	}
	return step{action.Op{SQL: stmt}}, nil
}

func undoExecAs(c *call) (starlark.Value, error) {
	program, err := c.program()
	if err != nil {
		return nil, err
	}
	if program.Timeout, err = c.duration("timeout", maxTimeout); err != nil {
		return nil, err
	}
	return step{action.Op{Exec: program}}, nil
}

func undoAny(c *call) (starlark.Value, error) {
	ladder := make([]action.Op, 0, len(c.rest))
	for _, v := range c.rest {
		op, ok := stepOf(v, true)
		if !ok {
			return nil, c.wrongValue("steps", kindOf(v))
		}
		ladder = append(ladder, op)
	}
	if len(ladder) == 0 {
		return nil, fmt.Errorf("for parameter %q: got nothing, want %s", "steps", c.want("steps"))
	}
	return step{action.Op{AnyOf: ladder}}, nil
}

// undo converts the value of undo= for an action on that session ("" if it is
// no statement: a bare string has no meaning then).
func (c *call) undo(v starlark.Value, session string) ([]action.Op, error) {
	if v == starlark.None {
		return nil, nil
	}
	list, isList := v.(*starlark.List)
	if !isList {
		list = starlark.NewList([]starlark.Value{v})
	}
	ops := make([]action.Op, 0, list.Len())
	for item := range list.Elements() {
		op, ok := stepOf(item, session != "")
		switch {
		case !ok && isList:
			return nil, c.wrongValue("undo", "a list that holds "+kindOf(item))
		case !ok:
			return nil, c.wrongValue("undo", kindOf(item))
		}
		ops = append(ops, inSession(op, cmp.Or(session, mainSession)))
	}
	return ops, nil
}

// kindOf is what an error calls a value that is no step: its type, as a rule.
func kindOf(v starlark.Value) string {
	if v == starlark.String("") {
		return "an empty string"
	}
	return v.Type()
}

// stepOf makes an operation of a string, if those are allowed, or an undo action.
func stepOf(v starlark.Value, stringsToo bool) (action.Op, bool) {
	switch v := v.(type) {
	case step:
		return v.op, true
	case starlark.String:
		return action.Op{SQL: &action.SQL{Query: string(v)}}, stringsToo && v != ""
	}
	return action.Op{}, false
}

// inSession gives statements that name no session the one of their action.
func inSession(op action.Op, session string) action.Op {
	if op.SQL != nil && op.SQL.Session == "" {
		stmt := *op.SQL
		stmt.Session = session
		return action.Op{SQL: &stmt}
	}
	if op.AnyOf == nil {
		return op
	}
	ladder := make([]action.Op, len(op.AnyOf))
	for i, rung := range op.AnyOf {
		ladder[i] = inSession(rung, session)
	}
	return action.Op{AnyOf: ladder}
}

func sessionOf(op action.Op) string {
	if op.SQL != nil {
		return op.SQL.Session
	}
	return ""
}
