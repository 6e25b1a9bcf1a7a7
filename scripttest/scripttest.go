// Package scripttest runs the tests of scripts.
//
// A test is a function test_x(t) in a file foo_test.star beside the script foo.star. It
// says by t what the world is like, has the script run in it, and looks at what came of
// it. Nothing in it is real but the run itself: the phases, the journal, the policy, the
// undo and the recovery are those of a real run, so that what a test shows is true of
// one. The servers, programs and filesystems are mocks: stubs that the test writes, or
// one of the ready-made [worlds].
//
// What is held is known by the world, not by the undo that the script has given: a
// script that forgets one is found out.
//
// The same test has the same result, always: there is no clock, no chance and no
// concurrency that a test could see, and every test begins with a world of its own.
//
// # Faults
//
// Because a run is deterministic its failures can be counted: [Kinds] are tried at every
// point of it, one after the other. See run_with_faults in a test, and [Prove].
//
// # Concurrency
//
// [RunFile] and [Prove] may be called from several goroutines, and make the runs of one
// enumeration on all processors themselves.
package scripttest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
)

// Suffix is how the names of files with tests end.
const Suffix = "_test.star"

// prefix is how the names of tests begin.
const prefix = "test_"

// Options say what to test.
type Options struct {
	// Name is the base name of a file with tests, Source its text.
	Name   string
	Source []byte
	// Load returns the text of another file: of the script, of what it loads, of a
	// golden file or a recording that a test names. The name is relative to the folder
	// of the tests, or that of a script in the binary.
	Load func(name string) ([]byte, error)
	// Match chooses tests by name; nil runs all.
	Match func(name string) bool
	// Until ends the file after a test of which it says so; nil runs all.
	Until func(Test) bool
	// Update has golden files written anew instead of compared: see [File.Golden].
	Update bool
	// NoGolden takes every golden file for equal.
	NoGolden bool
	// Cover has the statements counted that are run of the script: see [File.Coverage].
	Cover bool
}

// File is what came of a file with tests.
type File struct {
	Name string `json:"name"`
	// Error says why no test could be run; nil if they were.
	Error *Failure `json:"error,omitempty"`
	Tests []Test   `json:"tests"`
	// Golden are the golden files to write, by name.
	Golden map[string]string `json:"golden,omitempty"`
	// Coverage is what ran of the script and of what it loads from its own folder.
	Coverage []interp.FileCoverage `json:"coverage,omitempty"`
}

// Test is what came of one test.
type Test struct {
	Name     string    `json:"name"`
	Failures []Failure `json:"failures,omitempty"`
	// Runs counts the runs that the test made.
	Runs int `json:"runs"`
	// Log is what the test printed.
	Log []string `json:"log,omitempty"`
}

// Failure is one thing that a test found wrong.
type Failure struct {
	Message string   `json:"message"`
	Stack   []string `json:"stack,omitempty"` // outermost first: "mysql_test.star:7:5: in test_x"
}

// Passed reports whether everything is well.
func (f File) Passed() bool {
	for _, t := range f.Tests {
		if len(t.Failures) > 0 {
			return false
		}
	}
	return f.Error == nil
}

// RunFile runs the tests of one file, in the order in which they are written.
func RunFile(ctx context.Context, o Options) File {
	out := File{Name: o.Name, Tests: []Test{}}
	database := "" // as the test that runs has said
	var log *[]string
	cover := o.coverage()
	m, err := interp.NewModule(ctx, interp.Options{
		Name: o.Name, Source: o.Source, Load: o.Load, Words: builtins.For(func() string { return database }), Cover: cover,
		Print: func(_, text string) {
			if log != nil {
				*log = append(*log, text)
			}
		},
	})
	if err != nil {
		f := failureOf(err)
		out.Error = &f
		return out
	}
	for _, fn := range m.Functions(prefix) {
		if o.Match != nil && !o.Match(fn.Name()) {
			continue
		}
		t := newTest(ctx, &o, m, &database)
		log = &t.log
		out.add(t.run(fn))
		if o.Until != nil && o.Until(out.Tests[len(out.Tests)-1]) {
			break
		}
	}
	if len(m.Functions(prefix)) == 0 {
		out.Error = &Failure{Message: fmt.Sprintf("%s has no tests: a test is a function def %sx(t)", o.Name, prefix)}
	}
	if cover != nil {
		out.Coverage = cover.Files()
	}
	return out
}

// coverage counts the statements of everything but the tests and the scripts in the
// binary; nil if nobody wants to know.
func (o *Options) coverage() *interp.Coverage {
	if !o.Cover {
		return nil
	}
	return interp.NewCoverage(func(file string) bool {
		return !strings.HasSuffix(file, Suffix) && !strings.HasPrefix(file, "@")
	})
}

func (f *File) add(t *test) {
	f.Tests = append(f.Tests, Test{Name: t.name, Failures: t.failures, Runs: t.runs, Log: t.log})
	for name, text := range t.golden {
		if f.Golden == nil {
			f.Golden = map[string]string{}
		}
		f.Golden[name] = text
	}
}

// scriptOf is the file that a file with tests is about.
func scriptOf(name string) string { return strings.TrimSuffix(path.Base(name), Suffix) + ".star" }

func failureOf(err error) Failure {
	if e := (*action.ScriptError)(nil); errors.As(err, &e) {
		return Failure{Message: e.Msg, Stack: e.Lines()}
	}
	return Failure{Message: err.Error()}
}

// test is one test while it runs. It belongs to one goroutine.
type test struct {
	ctx      context.Context
	o        *Options
	module   *interp.Module
	database *string // what the words of the scripts take it for
	name     string
	stage    *stage
	settings *starlark.Dict
	params   *starlark.Dict
	context  *starlark.Dict
	secrets  *starlark.Dict
	failures []Failure
	surprise map[string]bool
	runs     int
	log      []string
	golden   map[string]string
}

func newTest(ctx context.Context, o *Options, m *interp.Module, database *string) *test {
	*database = ""
	return &test{
		ctx: ctx, o: o, module: m, database: database, stage: &stage{},
		settings: new(starlark.Dict), params: new(starlark.Dict), context: new(starlark.Dict), secrets: new(starlark.Dict),
		surprise: map[string]bool{}, golden: map[string]string{},
	}
}

func (t *test) run(fn *starlark.Function) *test {
	t.name = fn.Name()
	if fn.NumParams() != 1 {
		t.failures = append(t.failures, Failure{Message: fmt.Sprintf("%s: a test has one parameter, t", fn.Name()), Stack: []string{fn.Position().String()}})
		return t
	}
	if _, err := t.module.Call(t.ctx, fn, t.value()); err != nil {
		t.failures = append(t.failures, failureOf(err))
	}
	return t
}

// fail notes that something is wrong, with the stack of the test.
func (t *test) fail(th *starlark.Thread, format string, args ...any) {
	t.failures = append(t.failures, Failure{Message: fmt.Sprintf(format, args...), Stack: stackOf(th)})
}

// stackOf is the stack of a test, outermost first.
func stackOf(th *starlark.Thread) []string {
	lines := []string{}
	for _, frame := range th.CallStack() {
		if frame.Pos.Filename() != "<builtin>" {
			lines = append(lines, frame.Pos.String()+": in "+frame.Name)
		}
	}
	return lines
}
