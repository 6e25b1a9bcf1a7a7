package interp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

// Module is a file that need not be a script, with what it loads: the tests of one.
//
// It belongs to one goroutine at a time; the Scripts that it gives may be called from
// others, because what has been loaded is frozen.
type Module struct {
	s *Script
}

// NewModule compiles a file, loads its modules and runs its top level. The error is an
// *[action.ScriptError].
func NewModule(ctx context.Context, opts Options) (*Module, error) {
	s := &Script{opts: opts, files: map[string]*file{}}
	s.print = s.printer()
	globals, err := s.load(ctx, opts.Name, opts.Source)
	if err != nil {
		return nil, err
	}
	s.globals = globals
	return &Module{s}, nil
}

// Functions returns the functions of the file itself whose names begin with prefix, in
// the order in which they are written.
func (m *Module) Functions(prefix string) []*starlark.Function {
	var list []*starlark.Function
	for name, v := range m.s.globals {
		fn, ok := v.(*starlark.Function)
		if ok && strings.HasPrefix(name, prefix) && fn.Position().Filename() == m.s.opts.Name && fn.Name() == name {
			list = append(list, fn)
		}
	}
	slices.SortFunc(list, func(a, b *starlark.Function) int { return int(a.Position().Line) - int(b.Position().Line) })
	return list
}

// Call calls a function of the module. No phase is running, so words that reach the
// world are refused. The error is an *[action.ScriptError].
func (m *Module) Call(ctx context.Context, fn starlark.Callable, args ...starlark.Value) (starlark.Value, error) {
	t := m.s.thread(ctx, fn.Name(), nil)
	defer t.stop()
	v, err := starlark.Call(t.thread, fn, args, nil)
	if err != nil {
		return nil, m.s.fault(ctx, err)
	}
	return v, nil
}

// Script returns a file as a script; it is loaded unless that was done.
func (m *Module) Script(ctx context.Context, name string) (*Script, error) {
	globals, err := m.s.module(ctx, name)
	if e := (*action.ScriptError)(nil); err != nil && !errors.As(err, &e) {
		err = &action.ScriptError{Kind: action.KindScript, Msg: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	s := *m.s
	s.opts.Name, s.opts.Source, s.globals = name, m.s.files[name].source, globals
	if err := s.describe(); err != nil {
		return nil, err
	}
	return &s, nil
}

// Phase returns a script that has one phase alone, which is fn; it says of itself that it
// has all, and the others do nothing.
func (m *Module) Phase(phase string, fn *starlark.Function) *Script {
	s := *m.s
	s.globals = starlark.StringDict{phase: fn}
	s.info = Info{Name: fn.Position().Filename(), Settings: action.Dict(), Phases: Phases[:]}
	return &s
}

// Printing returns the script with another place for what it prints.
func (s *Script) Printing(print func(pos, text string)) *Script {
	c := *s
	c.opts.Print = print
	c.print = c.printer()
	return &c
}
