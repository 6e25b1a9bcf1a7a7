package interp_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
)

// covered loads a script of one file and calls its prescript.
func covered(t *testing.T, c *interp.Coverage, name, source string) {
	t.Helper()
	s, err := interp.New(t.Context(), interp.Options{
		Name: name, Source: []byte(source), Cover: c,
		Load: func(string) ([]byte, error) { return []byte("x = 1\n"), nil },
	})
	if err == nil {
		_, err = s.Call(t.Context(), "prescript", action.Dict(), idle)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCoverage shows which statements count, and where. The number before a line is
// that of its statements that ran and, after a slash, of all; nothing where none begins.
func TestCoverage(t *testing.T) {
	const want = `
    |"""What it does."""
    |load("lib.star", "x")
1/1 |API = 1
1/1 |"no docstring"
    |
    |def early(n):
    |    """Docstring."""
1/1 |    if n > 1:
1/1 |        return n
0/1 |    elif n == 1:
0/1 |        pass
    |    else:
0/1 |        n += 1
    |        # What never runs, still.
0/1 |    return [
    |        n,
    |    ]
    |
    |def never():
    |    # A comment first.
0/1 |    "docstring or not"; fail("x")
    |
    |def prescript(ctx):
1/1 |    total = 0
1/1 |    for i in range(5):
1/1 |        if i == 1:
1/1 |            continue
1/1 |        elif i == 3:
1/1 |            break
1/1 |        total += i
1/1 |    for i in []:
0/1 |        pass
1/2 |    if total > 100: return total
2/2 |    if total < 100: total += 1
2/2 |    a = 1; b = 2
1/1 |    def inner(n):
1/1 |        return n
1/1 |    def unused():
0/2 |        a = 1; return a
1/1 |    f = lambda: fail("x")
1/1 |    y = [inner(i) for i in range(3) if i > 1] + [fail("x") if False else 1]
1/1 |    early(
    |        early(2),
    |    )
1/1 |    return total`
	var source, got strings.Builder
	for _, line := range strings.Split(want, "\n")[1:] {
		_, text, _ := strings.Cut(line, "|")
		source.WriteString(text + "\n")
	}
	c := interp.NewCoverage(func(file string) bool { return file != "lib.star" })
	covered(t, c, "main.star", source.String())
	files := c.Files()
	if len(files) != 1 || files[0].Name != "main.star" {
		t.Fatalf("got %+v", files)
	}
	at := map[int]interp.LineCoverage{}
	for _, l := range files[0].Lines {
		at[l.Line] = l
	}
	for i, text := range strings.Split(strings.TrimSuffix(source.String(), "\n"), "\n") {
		mark := "    "
		if l, ok := at[i+1]; ok {
			mark = fmt.Sprintf("%d/%d ", l.Ran, l.Statements)
		}
		got.WriteString("\n" + mark + "|" + text)
	}
	if got.String() != want {
		t.Errorf("got%s\nwant%s", got.String(), want)
	}
	if n := at[26].Count; n != 4 {
		t.Errorf("the first statement of the loop ran %d times, want 4", n)
	}
	if missed := fmt.Sprint(files[0].Missed()); missed != "[10-21 32-33 39]" {
		t.Errorf("missed %s", missed)
	}
	if p := files[0].Percent(); p < 72.7 || p > 72.8 {
		t.Errorf("%v percent", p)
	}
}

func TestPercentOfNothing(t *testing.T) {
	f := interp.FileCoverage{}
	if f.Percent() != 100 || len(f.Missed()) != 0 {
		t.Errorf("got %v, %v", f.Percent(), f.Missed())
	}
}

// Many scripts share a Coverage; a text that differs from the first of its name does
// not count.
func TestCoverageIsShared(t *testing.T) {
	c := interp.NewCoverage(nil)
	source := script("a = 1\nreturn a")["main.star"]
	covered(t, c, "main.star", source)
	var all sync.WaitGroup
	for range 9 {
		all.Go(func() {
			covered(t, c, "main.star", source)
			covered(t, c, "main.star", "\n\n"+source)
			covered(t, c, "a.star", source)
			c.Files()
		})
	}
	all.Wait()
	lines := func(n uint64) []interp.LineCoverage {
		return []interp.LineCoverage{{Line: 1, Statements: 1, Ran: 1, Count: n}, {Line: 3, Statements: 1, Ran: 1, Count: n}, {Line: 4, Statements: 1, Ran: 1, Count: n}}
	}
	want := []interp.FileCoverage{{Name: "a.star", Lines: lines(9)}, {Name: "main.star", Lines: lines(10)}}
	if got := c.Files(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// What counts cannot be said, and is not seen.
func TestCounterIsHidden(t *testing.T) {
	for _, source := range []string{"x = count", "x = count_statement", "x = statement"} {
		_, err := interp.New(t.Context(), interp.Options{Name: "main.star", Source: []byte(source), Cover: interp.NewCoverage(nil)})
		if e := mustFail(t, err, action.KindScript, "undefined: "); strings.Contains(e.Msg, "did you mean") {
			t.Errorf("got %v", e)
		}
	}
}

// TestCoverageBudget: what passes without coverage passes with it, what loops for too
// long still does, and the message is the same.
func TestCoverageBudget(t *testing.T) {
	const steps = interp.MaxSteps / 50
	for name, c := range map[string]struct{ body, want string }{
		// Statements that cost nothing by themselves.
		"passes": {"for i in range(40):\n    for j in range(640):\n        pass" + strings.Repeat("; pass", 20), ""},
		// Nearly the whole budget, in blocks that the compiler joins when they are empty.
		"joined":  {"for i in range(35):\n    for j in range(4000):\n        if j:\n            pass", ""},
		"endless": {endless, "more than 50000000 steps: the script loops for too long"},
	} {
		o := interp.Options{Name: "main.star", Source: []byte(script(c.body)["main.star"]), Cover: interp.NewCoverage(nil)}
		o.Steps(steps)
		s, err := interp.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Call(t.Context(), "prescript", action.Dict(), idle)
		if c.want != "" {
			mustFail(t, err, action.KindScript, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// lived is all that can be seen of a script from outside.
type lived struct {
	Err     error
	Values  []string
	Actions []action.Action
	Printed []string
}

// live loads a script and calls its phases; action number fail fails.
func live(ctx context.Context, name string, source []byte, fail int, c *interp.Coverage) (out lived) {
	s, err := interp.New(ctx, interp.Options{
		Name: name, Source: source, Words: builtins.New("mysql"), Cover: c,
		Print: func(pos, text string) { out.Printed = append(out.Printed, pos+": "+text) },
	})
	if err != nil {
		out.Err = err
		return out
	}
	ex := action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
		out.Actions = append(out.Actions, a)
		if len(out.Actions) == fail {
			return action.Refuse(action.KindScript, "refused"), nil
		}
		return answers(ctx, a)
	})
	for _, phase := range interp.Phases {
		in := action.Dict(action.Entry{Key: "settings", Value: s.Info().Settings}, action.Entry{Key: "timeout", Value: action.Int(90)})
		v, err := s.Call(ctx, phase, in, ex)
		out.Values = append(out.Values, v.String())
		if err != nil {
			out.Err = withoutCause(err)
			return out
		}
	}
	return out
}

// withoutCause leaves what a person sees of an error.
func withoutCause(err error) error {
	e := *err.(*action.ScriptError)
	e.Cause = nil
	return &e
}

// broken are scripts that fail in the interpreter, each at another kind of place.
var broken = []string{
	"x = ",
	"x = 1\nx = 2",
	"x = undefined_one",
	"API = 1\ndef prescript(ctx):\n    print('a')\n    if ctx.nothing:\n        pass",
	"API = 1\ndef prescript(ctx):\n    print(1); fail('x',\n      'y')",
	"API = 1\ndef f(n):\n    for i in n:\n        pass\ndef prescript(ctx):\n    if True:\n        f(\n          5)",
	"API = 1\ndef prescript(ctx):\n    for a, b in [(1, 2), (3,)]:\n        print(a)",
	"API = 1\ndef prescript(ctx):\n    print(a)\n    a = 1",
	"API = 1\ndef prescript(ctx):\n    x = {}\n    x['a'] += 1",
	"API = 1\ndef prescript(ctx):\n    x = [1]\n    for i in x:\n        x.append(i)",
	"API = 1\ndef prescript(ctx):\n    a, b = [1,\n      2, 3]",
	"API = 1\ndef prescript(ctx):\n    return [1 // i\n      for i in\n      [1, 0]]",
	"API = 1\ndef prescript(ctx):\n    def f():\n        return g()\n    g = lambda: f()\n    f()",
	"API = 1\ndef f(x = 1 // 0):\n    pass\ndef prescript(ctx): pass",
	"if 1 // 0: pass",
	"API = 1\ndef prescript(ctx): return prescript",
	"load('a.star', 'x')",
}

// TestCoverageChangesNothing compares scripts with and without: what they return and
// print, their actions with the positions, their errors with the stacks.
func TestCoverageChangesNothing(t *testing.T) {
	sources := map[string][]byte{}
	for i, text := range broken {
		sources[fmt.Sprintf("broken-%d.star", i)] = []byte(text)
	}
	for _, folder := range []string{"../testdata/err", "../scripts"} {
		names, err := filepath.Glob(folder + "/*.star")
		if err != nil || len(names) < 3 {
			t.Fatalf("%s: %d scripts, %v", folder, len(names), err)
		}
		for _, name := range names {
			if sources[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	failed := 0
	for name, source := range sources {
		for fail := range 12 {
			c := interp.NewCoverage(nil)
			without, with := live(t.Context(), name, source, fail, nil), live(t.Context(), name, source, fail, c)
			if !reflect.DeepEqual(without, with) {
				t.Errorf("%s, action %d refused: got\n%+v\n%v\nwithout coverage\n%+v\n%v", name, fail, with, with.Err, without, without.Err)
			}
			if without.Err != nil {
				failed++
			}
			if len(without.Values) > 0 && c.Files()[0].Percent() == 0 {
				t.Errorf("%s: nothing was counted", name)
			}
		}
	}
	if failed < len(sources) {
		t.Errorf("%d failures are too few to compare", failed)
	}
}
