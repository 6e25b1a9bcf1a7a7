package scripttest

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/run"
)

// asked are the parameters that cycle and run_with_faults share.
type asked struct {
	fn       starlark.Value
	before   starlark.Value
	snapshot starlark.Value
	fsFreeze string
	require  string
	kinds    *starlark.List
}

// plan makes the plan of a whole run, or of one phase if fn is given.
func (t *test) plan(word string, a asked) (p plan, err error) {
	if err := t.prepare(); err != nil {
		return p, err
	}
	if _, known := modes[a.fsFreeze]; !known {
		return p, fmt.Errorf("%s: for parameter \"fs_freeze\": got %q, want auto, snapshot, caller or off", word, a.fsFreeze)
	}
	if _, err := run.ParseVerdict(a.require); err != nil && a.require != "" {
		return p, fmt.Errorf("%s: for parameter \"require\": %w", word, err)
	}
	stage := *t.stage
	stage.fsFreeze, stage.require = a.fsFreeze, a.require
	p.stage = &stage
	if p.snapshot, err = t.duringSnapshot(word, a.snapshot); err != nil {
		return p, err
	}
	if a.fn == nil || a.fn == starlark.None {
		p.script, err = t.script()
		return p, err
	}
	fn, ok := a.fn.(*starlark.Function)
	if !ok || fn.NumParams() != 1 {
		return p, fmt.Errorf("%s: got %s, want a function of ctx", word, a.fn.Type())
	}
	if s, err := t.script(); err == nil {
		stage.settings = merged(s.Info().Settings, stage.settings)
	} else if _, missing := errors.AsType[*action.ScriptError](err); !missing {
		return p, err
	}
	p.only, p.closure = "prescript", fn.NumFreeVars() > 0
	if slices.Contains(interp.Phases[:], fn.Name()) {
		p.only = fn.Name()
	}
	p.script = t.module.Phase(p.only, fn)
	if a.before != nil {
		p.before, err = interp.ToValue(a.before)
	}
	return p, err
}

func merged(defaults, given action.Value) action.Value {
	for i, name := range given.Keys() {
		defaults = defaults.With(name, given.Items()[i])
	}
	return defaults
}

// duringSnapshot has a function of the test called while the snapshot is taken.
func (t *test) duringSnapshot(word string, fn starlark.Value) (func(*world) error, error) {
	if fn == nil || fn == starlark.None {
		return nil, nil
	}
	f, ok := fn.(starlark.Callable)
	if !ok {
		return nil, fmt.Errorf("%s: for parameter \"snapshot\": got %s, want a function of the server", word, fn.Type())
	}
	return func(w *world) error {
		_, err := t.module.Call(t.ctx, f, newServerValue(w.server, w))
		if err != nil {
			f := failureOf(err)
			w.surprised("the function of the snapshot: %s", f)
		}
		return err
	}, nil
}
