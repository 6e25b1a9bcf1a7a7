package interp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Coverage collects which statements of files ran, for the tests of scripts: see
// [Options]. Scripts on any number of goroutines may share one; its methods may be
// called while they run.
//
// A statement counts where it begins. Docstrings, load statements and the functions
// of the top level do not count. What stands inside one statement (a conditional
// expression, a comprehension, a lambda) has run when the statement has.
type Coverage struct {
	want func(file string) bool

	mu    sync.Mutex
	files map[string]*covered // by name
}

// covered is a file whose statements are counted.
type covered struct {
	source []byte
	lines  []int // of each statement; never written to again
	counts []atomic.Uint64
}

// FileCoverage is what ran of one file.
type FileCoverage struct {
	Name  string         `json:"name"`
	Lines []LineCoverage `json:"lines"` // those on which a statement begins, in order
}

// LineCoverage is what ran of the statements that begin on one line.
type LineCoverage struct {
	Line       int `json:"line"`
	Statements int `json:"statements"`
	// Ran is how many of the statements ran: in "if x: return" one of two may.
	Ran int `json:"ran"`
	// Count is how many times the first of them ran.
	Count uint64 `json:"count"`
}

// NewCoverage returns a Coverage of the files that want agrees to; nil is all
// files. Want must be safe for concurrent use if the Coverage is shared.
func NewCoverage(want func(file string) bool) *Coverage {
	return &Coverage{want: want, files: map[string]*covered{}}
}

// Files returns what ran until now, sorted by name. A file that does not compile is
// not among them.
func (c *Coverage) Files() []FileCoverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]FileCoverage, 0, len(c.files))
	for name, f := range c.files {
		out = append(out, FileCoverage{Name: name, Lines: f.byLine()})
	}
	slices.SortFunc(out, func(a, b FileCoverage) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// byLine adds up the statements of each line.
func (f *covered) byLine() []LineCoverage {
	out := []LineCoverage{}
	for i, line := range f.lines {
		at, known := slices.BinarySearchFunc(out, line, func(l LineCoverage, line int) int { return l.Line - line })
		n := f.counts[i].Load()
		if !known {
			out = slices.Insert(out, at, LineCoverage{Line: line, Count: n})
		}
		out[at].Statements++
		if n > 0 {
			out[at].Ran++
		}
	}
	return out
}

// Percent is how many of a hundred statements ran: 100 for a file that has none.
func (f FileCoverage) Percent() float64 {
	statements, ran := 0, 0
	for _, l := range f.Lines {
		statements, ran = statements+l.Statements, ran+l.Ran
	}
	if statements == 0 {
		return 100
	}
	return 100 * float64(ran) / float64(statements)
}

// Missed names the lines with a statement that did not run, as ranges: "12", "14-20".
// A range may span lines on which no statement begins.
func (f FileCoverage) Missed() []string {
	out := []string{}
	for i := 0; i < len(f.Lines); i++ {
		if f.Lines[i].Ran == f.Lines[i].Statements {
			continue
		}
		first := f.Lines[i].Line
		for i+1 < len(f.Lines) && f.Lines[i+1].Ran < f.Lines[i+1].Statements {
			i++
		}
		if last := f.Lines[i].Line; last > first {
			out = append(out, fmt.Sprintf("%d-%d", first, last))
		} else {
			out = append(out, fmt.Sprint(first))
		}
	}
	return out
}

// wants reports whether a file is to be covered. It may be called without a Coverage.
func (c *Coverage) wants(name string) bool {
	return c != nil && (c.want == nil || c.want(name))
}

// budget is how many steps a thread may make. A call of [counter] gives its steps
// back, but the compiler can join fewer blocks when there is one in each, which costs
// a step more where at least two were made. So twice as many are enough.
func (c *Coverage) budget(steps uint64) uint64 {
	if c == nil {
		return steps
	}
	return 2 * steps
}

// file returns the counts of a file. They are the same for every script that has the
// file; nil for one of the same name with another text, which nobody could tell apart
// in a report.
func (c *Coverage) file(name string, source []byte, lines []int) *covered {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[name]
	if f == nil {
		f = &covered{source: source, lines: lines, counts: make([]atomic.Uint64, len(lines))}
		c.files[name] = f
	}
	if !bytes.Equal(f.source, source) {
		return nil
	}
	return f
}

// exec does what [starlark.ExecFileOptions] does, and has a counter before each
// statement if the file is covered.
func (c *Coverage) exec(t *starlark.Thread, name string, source []byte, words starlark.StringDict) (starlark.StringDict, error) {
	if !c.wants(name) {
		return starlark.ExecFileOptions(dialect, t, name, source, words)
	}
	file, err := dialect.Parse(name, source, 0)
	if err != nil {
		return nil, err
	}
	i := instrument{}
	file.Stmts = i.body(file.Stmts, true)
	program, err := starlark.FileProgram(file, func(word string) bool { return word == counter || words.Has(word) })
	if err != nil {
		return nil, err
	}
	words[counter] = starlark.NewBuiltin(counter, c.file(name, source, i.lines).count)
	globals, err := program.Init(t, words)
	globals.Freeze()
	return globals, err
}

// counter is the name of the builtin that counts. It is no identifier, so no script
// can say it.
const counter = "count statement"

// counterSteps are the instructions of a call of the counter: its name, the number,
// the call, and throwing away what it returns.
const counterSteps = 4

// count is the counter: it is called with the number of a statement. Its own steps do
// not count. The last of them is still to come, so Steps may go below zero and around
// until then; the interpreter adds one before it compares.
func (f *covered) count(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	t.Steps -= counterSteps
	if f != nil {
		n, _ := args[0].(starlark.Int).Int64()
		f.counts[n].Add(1)
	}
	return starlark.None, nil
}

// instrument puts counters into a syntax tree.
type instrument struct {
	lines []int // of the statements until now
}

// body returns the statements of a body with a counter before each that counts.
func (i *instrument) body(stmts []syntax.Stmt, top bool) []syntax.Stmt {
	out := make([]syntax.Stmt, 0, 2*len(stmts))
	for n, stmt := range stmts {
		if counts(stmt, n == 0, top) {
			out = append(out, i.counter(syntax.Start(stmt)))
		}
		switch s := stmt.(type) {
		case *syntax.DefStmt:
			s.Body = i.body(s.Body, false)
		case *syntax.ForStmt:
			s.Body = i.body(s.Body, false)
		case *syntax.IfStmt:
			s.True = i.body(s.True, false)
			s.False = i.body(s.False, false) // an elif is an if in here
		}
		out = append(out, stmt)
	}
	return out
}

// counts reports whether a statement is counted. A text that is the first statement of
// a body is a docstring if the body is that of a function or of the file; in another
// body it does nothing either.
func counts(stmt syntax.Stmt, first, top bool) bool {
	switch s := stmt.(type) {
	case *syntax.LoadStmt:
		return false
	case *syntax.DefStmt:
		return !top
	case *syntax.ExprStmt:
		text, ok := s.X.(*syntax.Literal)
		return !first || !ok || text.Token != syntax.STRING
	}
	return true
}

// counter is a call of the counter for the next statement. Its instructions have no
// position, so that each of the others keeps its own: in the interpreter's table an
// instruction without one has that of the instruction before it, and the first has
// that of the first which has one. The parentheses have the position of the
// statement: a file is where its first statement is.
func (i *instrument) counter(pos syntax.Position) syntax.Stmt {
	n := int64(len(i.lines))
	i.lines = append(i.lines, int(pos.Line))
	return &syntax.ExprStmt{X: &syntax.ParenExpr{Lparen: pos, Rparen: pos, X: &syntax.CallExpr{
		Fn:   &syntax.Ident{Name: counter},
		Args: []syntax.Expr{&syntax.Literal{Token: syntax.INT, Raw: fmt.Sprint(n), Value: n}},
	}}}
}
