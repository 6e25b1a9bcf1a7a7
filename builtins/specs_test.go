package builtins

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// A word that is declared and not bound, or bound and not declared, does not exist.
func TestEveryWordHasAPerformer(t *testing.T) {
	declared := map[string]bool{}
	for _, s := range action.Specs {
		declared[s.Name] = true
	}
	bound := slices.Sorted(maps.Keys(performers()))
	if want := slices.Sorted(maps.Keys(declared)); !slices.Equal(bound, want) {
		t.Errorf("performers are %q\nspecs are      %q", bound, want)
	}
}

// A script sees every word under its name, and nothing else.
func TestNewBindsEveryWord(t *testing.T) {
	words := New("mysql")
	for _, s := range action.Specs {
		module, name := s.Module()
		from := words
		if module != "" {
			from = words[module].(*starlarkstruct.Module).Members
		}
		if from[name] == nil {
			t.Errorf("%s is not bound", s.Name)
			continue
		}
		delete(from, name)
	}
	if left := words["undo"].(*starlarkstruct.Module).Members; len(words) != 1 || len(left) > 0 {
		t.Errorf("bound and not declared: %v, undo %v", words, left)
	}
}

// Every example can be written into a script as it stands, its dots aside.
func TestExamplesParse(t *testing.T) {
	for _, s := range action.Specs {
		text := strings.ReplaceAll(s.Example, ": …", ": pass")
		text = strings.ReplaceAll(text, "…", "None")
		if _, err := (&syntax.FileOptions{}).Parse(s.Name, "def prescript(ctx):\n    "+text+"\n", 0); err != nil {
			t.Errorf("the example of %s: %v", s.Name, err)
		}
		if !strings.Contains(s.Example, s.Name+"(") {
			t.Errorf("the example of %s does not use it: %s", s.Name, s.Example)
		}
	}
}

// What the declaration says of parameters is what unpack goes by: a required one
// after an optional one, or two that take the rest, could not be given.
func TestDeclarationsCanBeUnpacked(t *testing.T) {
	for _, s := range action.Specs {
		optional, rest := false, 0
		for _, p := range s.Params {
			if p.Rest || p.AnyName {
				rest++
			}
			if !p.KeywordOnly && !p.Rest && !p.AnyName {
				if p.Required && optional {
					t.Errorf("%s: %s is required after an optional one", s.Name, p.Name)
				}
				optional = optional || !p.Required
			}
		}
		if rest > 1 {
			t.Errorf("%s: %d parameters take the rest", s.Name, rest)
		}
	}
}

// A struct that a word returns has the fields that the declaration says, in that order.
func TestRecordsAreWhatWordsReturn(t *testing.T) {
	for word, record := range map[string]string{"try_sql": "Answer", "exec_as": "Output", "try_exec_as": "Output"} {
		i := slices.IndexFunc(action.Records, func(r action.Record) bool { return r.Name == record })
		if i < 0 || action.LookupSpec(word).Stub != record {
			t.Errorf("%s returns %s, want %s, one of action.Records", word, action.LookupSpec(word).Stub, record)
			continue
		}
		var names []string
		for _, f := range action.Records[i].Fields {
			names = append(names, f.Name)
		}
		if want := "struct(" + strings.Join(names, ", ") + ")"; !strings.HasPrefix(action.LookupSpec(word).Returns, want) {
			t.Errorf("%s returns %s, want %s", word, action.LookupSpec(word).Returns, want)
		}
		args := map[bool]string{true: `"SELECT 1"`, false: `"u", ["/p"], undo = None`}[word == "try_sql"]
		source := "API = 1\ndef prescript(ctx):\n    return dir(" + word + "(" + args + "))\n"
		s, err := interp.New(t.Context(), interp.Options{Name: "x.star", Words: New("mysql"), Source: []byte(source)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
			return action.Result{State: action.Applied, Exit: &action.Exit{}}, nil
		}))
		slices.Sort(names)
		var fields []string
		for _, item := range got.Items() {
			fields = append(fields, item.Text())
		}
		if err != nil || !slices.Equal(fields, names) {
			t.Errorf("%s returns a struct of %q, %v, want %q", word, fields, err, names)
		}
	}
}

// A run calls the phases that are declared, in that order.
func TestPhasesAreDeclared(t *testing.T) {
	var declared []string
	for _, p := range action.PhaseSpecs {
		declared = append(declared, p.Name)
	}
	if !slices.Equal(declared, interp.Phases[:]) {
		t.Errorf("action.PhaseSpecs declares %q, a run calls %q", declared, interp.Phases)
	}
}
