// Package builtins binds the words of [action.Specs] to Starlark: one file a
// word, named as the script sees it.
//
// A builtin does nothing itself. It checks its arguments against the
// declaration of its word, makes an [action.Action], hands it to the executor of
// the phase that is running, and turns the answer into a value or an error. All
// argument errors have one form: `word: for parameter "x": got T, want U`.
//
// The dictionary of [New] is frozen; it may be shared by scripts of one database.
package builtins

import (
	"fmt"
	"runtime/debug"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// performers are the words' Go sides. A test fails when a word of
// [action.Specs] is missing here, or the other way round.
func performers() map[string]func(*call) (starlark.Value, error) {
	return map[string]func(*call) (starlark.Value, error){
		"sql":          sql,
		"sql_one":      sqlOne,
		"try_sql":      trySQL,
		"exec_as":      execAs,
		"try_exec_as":  tryExecAs,
		"freeze":       freeze,
		"thaw":         thaw,
		"emit":         emit,
		"sleep":        sleep,
		"secret":       secret,
		"quote_name":   quoteName,
		"undo.sql":     undoSQL,
		"undo.exec_as": undoExecAs,
		"undo.any":     undoAny,
	}
}

// New returns the words of a script for a workload on that database ("mysql",
// "postgres", "sqlite" …; empty if it has no connection).
func New(database string) starlark.StringDict {
	return For(func() string { return database })
}

// For returns the words of scripts whose database is known only when they run, as in
// a test: it is asked then.
func For(database func() string) starlark.StringDict {
	words := starlark.StringDict{}
	undo := starlark.StringDict{}
	do := performers()
	for i := range action.Specs {
		spec := &action.Specs[i]
		into := words
		module, name := spec.Module()
		if module != "" {
			into = undo
		}
		into[name] = bind(spec, database, do[spec.Name])
	}
	words["undo"] = &starlarkstruct.Module{Name: "undo", Members: undo}
	words.Freeze()
	return words
}

// call is one call of a word, with its arguments sorted out.
type call struct {
	thread   *starlark.Thread
	spec     *action.Spec
	database func() string
	args     map[string]starlark.Value // given ones; None counts as not given, but for undo
	rest     []starlark.Value
	named    []starlark.Tuple
}

// bind makes the Starlark function of a word. A panic is caught here, where the
// stack of the script still stands.
func bind(spec *action.Spec, database func() string, do func(*call) (starlark.Value, error)) *starlark.Builtin {
	return starlark.NewBuiltin(spec.Name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (v starlark.Value, err error) {
		defer func() {
			if p := recover(); p != nil {
				v, err = nil, fmt.Errorf("%s: %w", spec.Name, interp.Panicked(p, debug.Stack()))
			}
		}()
		c := &call{thread: t, spec: spec, database: database, args: map[string]starlark.Value{}}
		if err := c.unpack(args, kwargs); err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Name, err)
		}
		if v, err = do(c); err != nil {
			return nil, fmt.Errorf("%s: %w", spec.Name, err)
		}
		v.Freeze()
		return v, nil
	})
}

// unpack sorts the arguments by the declaration of the word.
func (c *call) unpack(args starlark.Tuple, kwargs []starlark.Tuple) error {
	positional := positionalParams(c.spec)
	for i, arg := range args {
		switch {
		case i < len(positional):
			c.args[positional[i].Name] = arg
		case takesRest(c.spec):
			c.rest = append(c.rest, arg)
		default:
			return fmt.Errorf("got %d positional arguments, want at most %d", len(args), len(positional))
		}
	}
	for _, kv := range kwargs {
		if err := c.keyword(string(kv[0].(starlark.String)), kv[1]); err != nil {
			return err
		}
	}
	for _, p := range c.spec.Params {
		if _, given := c.args[p.Name]; p.Required && !given {
			return fmt.Errorf("for parameter %q: got nothing, want %s", p.Name, p.Type.Name)
		}
	}
	return nil
}

func (c *call) keyword(name string, value starlark.Value) error {
	p := c.spec.Param(name)
	if p != nil && !p.Rest && !p.AnyName {
		if _, given := c.args[name]; given {
			return fmt.Errorf("for parameter %q: got two values, want one", name)
		}
		c.args[name] = value
		return nil
	}
	if p != nil && p.Rest {
		return fmt.Errorf("for parameter %q: got a keyword argument, want positional ones", name)
	}
	if takesAnyName(c.spec) {
		c.named = append(c.named, starlark.Tuple{starlark.String(name), value})
		return nil
	}
	return fmt.Errorf("for parameter %q: no such parameter, want one of %s", name, paramNames(c.spec))
}

func positionalParams(spec *action.Spec) []action.Param {
	return slices.DeleteFunc(slices.Clone(spec.Params), func(p action.Param) bool {
		return p.KeywordOnly || p.Rest || p.AnyName
	})
}

func takesRest(spec *action.Spec) bool {
	return slices.ContainsFunc(spec.Params, func(p action.Param) bool { return p.Rest })
}

func takesAnyName(spec *action.Spec) bool {
	return slices.ContainsFunc(spec.Params, func(p action.Param) bool { return p.AnyName })
}

func paramNames(spec *action.Spec) string {
	text := ""
	for i, p := range spec.Params {
		if i > 0 {
			text += ", "
		}
		text += p.Name
	}
	return text
}

// do sends the operation to the executor of the phase, with what the holding
// parameters say.
func (c *call) do(op action.Op) (action.Result, error) {
	ctx, ex, err := interp.Actions(c.thread)
	if err != nil {
		return action.Result{}, err
	}
	a := action.Action{Op: op, Word: c.spec.Name, Pos: interp.Caller(c.thread)}
	if err := c.holding(&a); err != nil {
		return action.Result{}, err
	}
	res, err := ex.Do(ctx, a)
	if err != nil {
		return res, err
	}
	if res.Err != nil && (ctx.Err() != nil || !tries(c.spec) || !isAnswer(res.Err)) {
		return res, res.Err // the end of the phase is no answer of the server
	}
	return res, nil
}

// tries reports whether a word returns what the world answered, errors too.
func tries(spec *action.Spec) bool { return spec.Name == "try_sql" || spec.Name == "try_exec_as" }

// isAnswer reports whether a fault is something the server said about the
// statement, or that the statement ran out of its own time.
func isAnswer(f *action.Fault) bool {
	return !f.Lost && (!f.Code.IsNone() || f.Kind == action.KindTimeout)
}

// holding fills in hold, releases, scope, timeout and undo.
func (c *call) holding(a *action.Action) (err error) {
	if a.Hold, err = c.name("hold", ""); err != nil {
		return err
	}
	if a.Releases, err = c.name("releases", ""); err != nil {
		return err
	}
	if a.Scope, err = c.scope(); err != nil {
		return err
	}
	if a.Timeout, err = c.duration("timeout", maxTimeout); err != nil {
		return err
	}
	if v, given := c.args["undo"]; given {
		a.UndoGiven = true
		a.Undo, err = c.undo(v, sessionOf(a.Op))
	}
	if err == nil && a.Hold != "" && len(a.Undo) == 0 {
		err = fmt.Errorf("for parameter %q: got no undo, want one: what is held must be given back", "hold")
	}
	return err
}
