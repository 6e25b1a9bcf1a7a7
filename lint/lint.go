// Package lint formats scripts and finds the mistakes in them that can be seen
// without running them.
//
// A finding says what is wrong, why that matters when a snapshot fails at night,
// and what to do. What can be found is one table, [Checks]; the reference and the
// help of the command are made from it. A check that is not sure says nothing: a
// false alarm teaches people to ignore alarms.
//
// One file is looked at by itself: what it loads is unknown, and counts as right.
// Nothing here needs a database or touches one, and every function is safe for use
// from any goroutine.
package lint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// Finding is one mistake.
type Finding struct {
	Code    string `json:"code"`    // of a [Rule]
	Pos     string `json:"pos"`     // file:line:col
	Message string `json:"message"` // what is wrong here
	Reason  string `json:"reason"`  // why it matters
	Fix     string `json:"fix"`     // what to do

	line, col int32
}

// Options are what is known about a file besides its text.
type Options struct {
	// Database is the kind of server that the script is for: "mysql", "postgres" or
	// "sqlite". If it is empty, a statement counts as a change only if it changes
	// each of them.
	Database string
}

// databases are the kinds of server whose statements can be judged.
var databases = []string{"mysql", "oracle", "postgres", "sqlite"}

// Validate returns an error if an option cannot be.
func (o Options) Validate() error {
	if o.Database != "" && !slices.Contains(databases, o.Database) {
		return fmt.Errorf("got %q, want one of %s", o.Database, strings.Join(databases, ", "))
	}
	return nil
}

// Check returns the findings in a file, by position. A file whose name ends in
// _test.star is the test of a script: checks of what a script does to a server do
// not apply. The error is for a text that cannot be read as Starlark at all.
func Check(name string, source []byte, opts Options) ([]Finding, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	tree, err := parse(name, source)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, tree: tree, test: isTest(name), databases: databases}
	if opts.Database != "" {
		f.databases = []string{opts.Database}
	}
	f.resolve()
	f.generic(source)
	f.index()
	f.effects()
	if !f.test {
		f.words()
		f.contexts()
		f.flow()
	}
	f.ignores()
	slices.SortStableFunc(f.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col), cmp.Compare(a.Code, b.Code))
	})
	return slices.CompactFunc(f.found, func(a, b Finding) bool { return a.Code == b.Code && a.Pos == b.Pos && a.Message == b.Message }), nil
}

// isTest reports whether a file is the test of a script.
func isTest(name string) bool { return strings.HasSuffix(name, "_test.star") }

// file is a file that is being looked at.
type file struct {
	name      string
	tree      *syntax.File
	test      bool
	databases []string
	program   // what index has found in it
	found     []Finding
}

// parse reads a file in the dialect of scripts, with its comments.
func parse(name string, source []byte) (*syntax.File, error) {
	if len(source) > interp.MaxSource {
		return nil, fmt.Errorf("%s has %d bytes, a script may have %d", name, len(source), interp.MaxSource)
	}
	tree, err := (&syntax.FileOptions{Set: true}).Parse(name, source, syntax.RetainComments)
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// resolve finds out what each name stands for. What the interpreter would refuse
// before it runs anything is a finding.
func (f *file) resolve() {
	err := resolve.File(f.tree, predeclared, starlark.Universe.Has)
	list := resolve.ErrorList(nil)
	errors.As(err, &list)
	for _, e := range list {
		code := "dialect"
		if strings.HasPrefix(e.Msg, "undefined: ") {
			code = "undefined-name"
		}
		f.report(code, e.Pos, "%s", e.Msg)
	}
}

// predeclared reports whether a name is one that every script has.
func predeclared(name string) bool {
	return name == "undo" || name == "struct" || name == "range" || action.LookupSpec(name) != nil
}

// report adds a finding.
func (f *file) report(code string, pos syntax.Position, format string, args ...any) {
	check := lookup(code)
	if f.test && !check.Tests {
		return
	}
	f.found = append(f.found, Finding{
		Code: code, Pos: fmt.Sprintf("%s:%d:%d", f.name, pos.Line, pos.Col), Message: fmt.Sprintf(format, args...),
		Reason: check.Why, Fix: check.Fix, line: pos.Line, col: pos.Col,
	})
}
