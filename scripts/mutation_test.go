package scripts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/internal/testtable"
	"github.com/starhost/starhost/scripttest"
)

// mutant is a script with one of its precautions removed.
type mutant struct {
	line   int
	what   string // "undo = …", "fail(…)"
	source string
}

// TestMutants removes each undo, each guard of an undo, each refusal, each check of the
// quiesce, each leave of a program and each step whose result nobody uses from the bundled scripts, one at a time.
// Every one must be found out by an assertion on what is held, on what programs leave
// running, or on the verdict; golden files do not count.
func TestMutants(t *testing.T) {
	files, err := filepath.Glob("*_test.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of scripts: %v", err)
	}
	for _, tests := range files {
		t.Run(tests, func(t *testing.T) { t.Parallel(); testMutants(t, tests) })
	}
}

func testMutants(t *testing.T, tests string) {
	name := strings.TrimSuffix(tests, scripttest.Suffix) + ".star"
	script, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	mutants := mutantsOf(t, name, string(script))
	if len(mutants) < 3 {
		t.Fatalf("%d mutants: they are not found", len(mutants))
	}
	var table strings.Builder
	for _, m := range mutants {
		by := caughtBy(t, name, m.source, tests, string(source))
		fmt.Fprintf(&table, "%s:%-4d %-50.50s %s\n", name, m.line, m.what, by)
		if by == "" {
			t.Errorf("%s:%d: nobody misses %s", name, m.line, m.what)
		}
	}
	testtable.Show(t, "mutants-of-"+name, fmt.Sprintf("%d mutants, each with the test that catches it:\n%s", len(mutants), &table))
}

// slow is how the names of tests begin that try every fault: they are asked last.
const slow = "test_every_fault"

// caughtBy names the first test that a mutant fails, with an assertion that counts.
func caughtBy(t *testing.T, name, script, tests, source string) (by string) {
	fsys := fstest.MapFS{name: {Data: []byte(script)}}
	lines := strings.Split(source, "\n")
	caught := func(test scripttest.Test) bool {
		if slices.ContainsFunc(test.Failures, func(f scripttest.Failure) bool { return counts(f, lines) }) {
			by = test.Name
		}
		return by != ""
	}
	for _, last := range []bool{false, true} {
		f := scripttest.RunFile(t.Context(), scripttest.Options{
			Name: tests, Source: []byte(source), Load: scripttest.Loader(fsys, "."), NoGolden: true, Until: caught,
			Match: func(test string) bool { return strings.HasPrefix(test, slow) == last },
		})
		if f.Error != nil {
			t.Fatalf("a mutant is no script: %v\n%s", f.Error, script)
		}
		if by != "" {
			break
		}
	}
	return by
}

// counts reports whether a failure is one of an assertion on what is held, on what the
// verdict is, or on what programs leave running, by the line of the test that it stands in.
func counts(f scripttest.Failure, lines []string) bool {
	if len(f.Stack) == 0 {
		return false
	}
	_, at, _ := strings.Cut(f.Stack[len(f.Stack)-1], ":")
	at, _, _ = strings.Cut(at, ":")
	n, err := strconv.Atoi(at)
	if err != nil || n > len(lines) {
		return false
	}
	return slices.ContainsFunc([]string{".held", ".quiesced", ".undone", ".verdict", ".honest", "server.", "leave = True"}, func(word string) bool {
		return strings.Contains(lines[n-1], word)
	})
}

// mutantsOf makes the mutants of a script.
func mutantsOf(t *testing.T, name, source string) []mutant {
	f, err := (&syntax.FileOptions{Set: true}).Parse(name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := &mutator{source: source, lines: strings.SplitAfter(source, "\n")}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ExprStmt:
			m.statement(n)
		case *syntax.CallExpr:
			m.arguments(n)
		}
		return true
	})
	return m.mutants
}

type mutator struct {
	source  string
	lines   []string
	mutants []mutant
}

// steps are words that are said for their effect: a refusal, the naming of filesystems, a
// statement. What postscript gives back by thaw the host gives back without it.
var steps = []string{"fail", "freeze", "sql", "exec_as"}

// statement leaves out one of them, or a call of one of the script's own functions.
func (m *mutator) statement(s *syntax.ExprStmt) {
	call, ok := s.X.(*syntax.CallExpr)
	if !ok {
		return
	}
	fn, ok := call.Fn.(*syntax.Ident)
	if ok && (slices.Contains(steps, fn.Name) || strings.HasPrefix(fn.Name, "_")) {
		m.replace(s, s, "pass", fn.Name+"(…)")
	}
}

// arguments leaves out an undo, with the hold that cannot be without it, the guard of one,
// or what a program may leave running.
func (m *mutator) arguments(call *syntax.CallExpr) {
	for _, arg := range call.Args {
		b, ok := arg.(*syntax.BinaryExpr)
		if !ok || b.Op != syntax.EQ {
			continue
		}
		key, value := b.X.(*syntax.Ident), b.Y
		if none, ok := value.(*syntax.Ident); ok && none.Name == "None" {
			continue
		}
		switch key.Name {
		case "leave":
			m.replace(value, value, "False", "leave = …")
		case "when":
			m.replace(value, value, "None", "when = …")
		case "undo":
			m.replace(value, value, "None", "undo = …")
			m.withoutHold(call)
		}
	}
}

// withoutHold takes the hold out of the mutant that was made last.
func (m *mutator) withoutHold(call *syntax.CallExpr) {
	for _, arg := range call.Args {
		if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ && b.X.(*syntax.Ident).Name == "hold" {
			last := &m.mutants[len(m.mutants)-1]
			start, end := b.Y.Span()
			text := m.source[m.offset(start):m.offset(end)]
			last.source = strings.Replace(last.source, "hold = "+text, "hold = None", 1)
		}
	}
}

func (m *mutator) replace(from, to syntax.Node, with, what string) {
	start, _ := from.Span()
	_, end := to.Span()
	m.mutants = append(m.mutants, mutant{
		line: int(start.Line), what: what + " in " + strings.TrimSpace(m.lines[start.Line-1]),
		source: m.source[:m.offset(start)] + with + m.source[m.offset(end):],
	})
}

// offset is the place of a position in the source, in bytes.
func (m *mutator) offset(p syntax.Position) int {
	n := 0
	for _, line := range m.lines[:p.Line-1] {
		n += len(line)
	}
	return n + len(string([]rune(m.lines[p.Line-1])[:p.Col-1]))
}
