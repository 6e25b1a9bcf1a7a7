// Package interp is the Starlark sandbox: it compiles a script in a small
// dialect, within limits, and calls its phases.
//
// # Dialect
//
// Starlark with sets, nothing else: no while, no recursion, no control flow or
// reassignment at top level; no clock, files, environment or randomness. range
// is capped, struct is ours. A file is at most 64 KiB, a script at most 16 files.
// load("x.star", …) reaches the folder of the script, load("@starhost//x.star", …)
// the scripts in the binary.
//
// # What a call can do
//
// Builtins reach the world through the [action.Executor] of the phase being
// called, which they get from [Actions]. While a file is being loaded there is
// none, so that loading a script never touches anything.
//
// # What this package cannot do
//
// Cancelling takes effect between two instructions. One instruction can run for
// ever, or exhaust the memory of the process, and no goroutine can prevent that
// (max(range(n)) of unbounded n, sorted() of a huge list). Untrusted scripts
// therefore need a process of their own; in the process of the caller this
// package is for trusted ones.
//
// # Concurrency
//
// A [Script] belongs to one goroutine at a time. Each call has a thread of its
// own; the values of a module are frozen when it has loaded, so nothing but what
// the host passes in as ctx goes from one phase to the next.
package interp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
)

// Limits of a script. They give clear errors for honest mistakes; safety against
// hostile scripts is the business of the process around them.
const (
	MaxSource = 64 << 10   // bytes a file
	MaxFiles  = 16         // files a script, loaded ones included
	MaxSteps  = 50_000_000 // instructions a call, about 0.25 s (measured: 2e8 a second)
	MaxRange  = 1_000_000  // elements of range()
	MaxPrint  = 1 << 10    // bytes of one print
	MaxError  = 16 << 10   // bytes of an error message
)

// API is the version of the words that scripts are written against.
const API = 1

// Phases are the functions that a run calls, in order.
var Phases = [...]string{"prescript", "verify", "postscript"}

// Options say what a script is made of.
type Options struct {
	// Name is the file name for positions: "mysql.star".
	Name   string
	Source []byte
	// Load returns the source of a module of a load() statement; nil forbids load.
	Load func(module string) ([]byte, error)
	// Words are the builtins, by name. They are frozen.
	Words starlark.StringDict
	// Print receives what the script prints; nil throws it away.
	Print func(pos, text string)
	steps uint64 // in the place of MaxSteps, for a test that has no time for so many
	// Cover counts the statements that run; nil counts none.
	Cover *Coverage
}

// Info is what a script says of itself.
type Info struct {
	Name     string
	SHA256   string       // of all files of the script, loaded ones included
	Doc      string       // first line of its docstring
	Settings action.Value // dict: SETTINGS with its defaults
	Phases   []string     // the phases that it defines
}

// Script is a loaded script; it implements [action.Script].
type Script struct {
	opts    Options
	info    Info
	globals starlark.StringDict
	files   map[string]*file
	print   func(*starlark.Thread, string)
}

type file struct {
	source  []byte
	globals starlark.StringDict
	err     error
}

// New compiles a script, loads its modules and runs its top level. It touches
// nothing but opts.Load. The error is an *[action.ScriptError].
func New(ctx context.Context, opts Options) (*Script, error) {
	m, err := NewModule(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := m.s.describe(); err != nil {
		return nil, err
	}
	return m.s, nil
}

// Info returns what the script says of itself.
func (s *Script) Info() Info { return s.info }

// Close does nothing; a Script in the caller's process holds nothing.
func (s *Script) Close() error { return nil }

// Call runs a phase; see [action.Script]. The error is an *[action.ScriptError].
func (s *Script) Call(ctx context.Context, phase string, in action.Value, ex action.Executor) (action.Value, error) {
	fn, ok := s.globals[phase].(*starlark.Function)
	if !ok {
		if phase == Phases[0] {
			return action.Value{}, &action.ScriptError{Kind: action.KindScript, Msg: s.opts.Name + " does not define prescript(ctx)"}
		}
		return action.Value{}, nil
	}
	t := s.thread(ctx, phase, ex)
	defer t.stop()
	got, err := starlark.Call(t.thread, fn, starlark.Tuple{newContext(in)}, nil)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx) // it came back, but too late
	}
	if err != nil {
		return action.Value{}, s.fault(ctx, err)
	}
	value, err := ToValue(got)
	if err == nil {
		err = value.NoSecrets()
	}
	if err == nil {
		_, err = value.MarshalJSON()
	}
	if err != nil {
		return action.Value{}, &action.ScriptError{
			Kind: action.KindScript, Msg: fmt.Sprintf("%s returned a value that cannot be recorded: %v", phase, err),
			Stack: []action.Frame{s.frame(phase, fn.Position())},
		}
	}
	return value, nil
}

var dialect = &syntax.FileOptions{Set: true}

// module returns the globals of a file that is found by its name.
func (s *Script) module(ctx context.Context, name string) (starlark.StringDict, error) {
	if f := s.files[name]; f != nil {
		return f.globals, f.err
	}
	if s.opts.Load == nil {
		return nil, errors.New("load is not possible here")
	}
	source, err := s.opts.Load(name)
	if err != nil {
		return nil, err
	}
	return s.load(ctx, name, source)
}

// load compiles and runs one file, once.
func (s *Script) load(ctx context.Context, name string, source []byte) (starlark.StringDict, error) {
	if f := s.files[name]; f != nil {
		return f.globals, f.err
	}
	if len(s.files) == MaxFiles {
		return nil, &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf("load(%q): a script has at most %d files", name, MaxFiles)}
	}
	f := &file{source: source}
	// Whoever loads it again before it is done is part of a cycle.
	f.err = &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf("load(%q): the files load each other in a circle", name)}
	s.files[name] = f
	f.globals, f.err = s.run(ctx, name, source)
	return f.globals, f.err
}

func (s *Script) run(ctx context.Context, name string, source []byte) (starlark.StringDict, error) {
	if len(source) > MaxSource {
		return nil, &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf("%s has %d bytes, at most %d are allowed", name, len(source), MaxSource)}
	}
	t := s.thread(ctx, "load "+name, nil)
	defer t.stop()
	globals, err := s.opts.Cover.exec(t.thread, name, source, s.predeclared())
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return globals, nil
}

func (s *Script) predeclared() starlark.StringDict {
	all := starlark.StringDict{"struct": starlark.NewBuiltin("struct", makeStruct), "range": starlark.NewBuiltin("range", boundedRange)}
	for name, word := range s.opts.Words {
		all[name] = word
	}
	return all
}

// describe reads what the script says of itself from its globals.
func (s *Script) describe() error {
	s.info = Info{Name: s.opts.Name, SHA256: s.sum(), Doc: docOf(s.opts.Source), Settings: action.Dict()}
	if api, ok := s.globals["API"]; !ok || api != starlark.MakeInt(API) {
		return &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf("%s does not say API = %d: it was written for another version, or for none", s.opts.Name, API)}
	}
	if settings, ok := s.globals["SETTINGS"]; ok {
		value, err := ToValue(settings)
		if err != nil || value.Kind() != action.DictKind {
			return &action.ScriptError{Kind: action.KindScript, Msg: s.opts.Name + ": SETTINGS must be a dict of names to defaults"}
		}
		s.info.Settings = value
	}
	for _, phase := range Phases {
		fn, ok := s.globals[phase].(*starlark.Function)
		if !ok {
			continue
		}
		if fn.NumParams() != 1 {
			return &action.ScriptError{Kind: action.KindScript, Msg: phase + " must have one parameter, ctx", Stack: []action.Frame{s.frame(phase, fn.Position())}}
		}
		s.info.Phases = append(s.info.Phases, phase)
	}
	if !slices.Contains(s.info.Phases, Phases[0]) {
		return &action.ScriptError{Kind: action.KindScript, Msg: s.opts.Name + " does not define prescript(ctx)"}
	}
	return nil
}

// sum is the digest of all files, in the order of their names.
func (s *Script) sum() string {
	names := make([]string, 0, len(s.files))
	for name := range s.files {
		names = append(names, name)
	}
	slices.Sort(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%s %d\n", name, len(s.files[name].source))
		h.Write(s.files[name].source)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ErrLoading is what an action answers while a file is being loaded.
var ErrLoading = errors.New("only allowed inside prescript, verify or postscript, not while a file loads")
