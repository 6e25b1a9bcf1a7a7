package reference

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/starhost/starhost/action"
)

func TestSignature(t *testing.T) {
	for word, want := range map[string]string{
		"freeze":   `freeze(*paths)`,
		"emit":     `emit(event, **data)`,
		"sql_one":  `sql_one(query, *params, session = "main", timeout = …)`,
		"exec_as":  `exec_as(user, argv, *, stdin = …, env = …, leave = False, ok = [0], undo, hold = …, releases = …, scope = …, timeout = …)`,
		"undo.any": `undo.any(*steps)`,
	} {
		if got := Signature(action.LookupSpec(word)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Every name can be looked up, and each form says all that is declared of it.
func TestTopics(t *testing.T) {
	names := topics()
	for _, want := range []string{"sql", "undo", "undo.sql", "ctx", "prescript"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is no topic", want)
		}
	}
	for _, name := range names {
		text, ok := Topic(name)
		data, also := One(name)
		if !ok || !also || text == "" {
			t.Errorf("%s: %q, %v, %v", name, text, ok, also)
		}
		for _, line := range strings.Split(text, "\n") {
			if utf8.RuneCountInString(line) > width && !strings.Contains(text, "Example:\n"+line) {
				t.Errorf("%s: a line of more than %d characters: %s", name, width, line)
			}
		}
		for _, w := range data.Words {
			for _, p := range w.Parameters {
				if name == w.Name && !strings.Contains(text, p.Name+": "+p.Type) {
					t.Errorf("%s: the text does not say the type of %s", name, p.Name)
				}
			}
		}
	}
	if text, ok := Topic("nonsense"); ok {
		t.Errorf("nonsense: %s", text)
	}
	if _, ok := One("nonsense"); ok {
		t.Error("nonsense has data")
	}
}

// The list has one line for each word, phase and field, none of them endless.
func TestList(t *testing.T) {
	text := List()
	for _, want := range []string{"  sql ", "  undo.exec_as ", "  verify ", "  ctx.settings "} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("there is no line for%s", want)
		}
	}
	entries := 0
	for _, line := range strings.Split(text, "\n") {
		if n := utf8.RuneCountInString(line); n > 120 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
		if strings.HasPrefix(line, "  ") {
			entries++
		}
	}
	if want := len(action.Specs) + len(action.PhaseSpecs) + len(action.ContextFields); entries != want {
		t.Errorf("%d lines, want %d", entries, want)
	}
}

func TestNear(t *testing.T) {
	for name, want := range map[string]string{
		"sqll":       "sql",
		"SQL":        "sql",
		"exec":       "exec_as",
		"try_execas": "try_exec_as",
		"undosql":    "undo.sql",
		"context":    "",
		"pre":        "prescript",
		"q":          "",
		"zzzzzzzzzz": "",
	} {
		got := Near(name)
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) || len(got) > maxNear {
			t.Errorf("near %q: %q, want %q", name, got, want)
		}
	}
	if got := Near("sqll")[0]; got != "sql" {
		t.Errorf("nearest to sqll is %s", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"thaw", "thwa", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// The stubs declare every word with all its parameters, and every type that they use.
func TestStubs(t *testing.T) {
	text := Stubs()
	for i := range action.Specs {
		s := &action.Specs[i]
		module, name := s.Module()
		if module != "" {
			name = `    def ` + name
		} else {
			name = `def ` + name
		}
		at := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `\((.*)\) -> (.+):$`).FindStringSubmatch(text)
		if at == nil || at[2] != s.Stub {
			t.Errorf("%s has no stub, or one that returns something else: %q", s.Name, at)
			continue
		}
		for _, p := range s.Params {
			if !regexp.MustCompile(`(^|[ *])` + p.Name + `: `).MatchString(at[1]) {
				t.Errorf("the stub of %s has no %s", s.Name, p.Name)
			}
		}
	}
	known := append(strings.Fields("str bytes int float bool object list dict None Any Literal Mapping"), declared(text)...)
	for _, typ := range types() {
		for _, name := range regexp.MustCompile(`[A-Za-z]\w*`).FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(typ, ""), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("the type %s of %s is not declared", name, typ)
			}
		}
	}
}

func declared(stubs string) (classes []string) {
	for _, m := range regexp.MustCompile(`(?m)^class (\w+):`).FindAllStringSubmatch(stubs, -1) {
		classes = append(classes, m[1])
	}
	return classes
}

// types are all types that the declarations use, as stubs say them.
func types() (list []string) {
	for _, s := range action.Specs {
		list = append(list, s.Stub)
		for _, p := range s.Params {
			list = append(list, p.Type.Stub)
		}
	}
	for _, r := range append(action.Records, action.Record{Fields: action.ContextFields}) {
		for _, f := range r.Fields {
			list = append(list, f.Type.Stub)
		}
	}
	return list
}

// The stubs are Python, if there is a Python to ask.
func TestStubsParse(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there")
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", `
import ast, sys
tree = ast.parse(sys.stdin.read())
print(sum(isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None for node in ast.walk(tree)))
`)
	cmd.Stdin = strings.NewReader(Stubs())
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprint(len(action.Specs) + strings.Count(ofTheLanguage, "\ndef ")); err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%v: %s, want %s functions with a docstring", err, out, want)
	}
}
