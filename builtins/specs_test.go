package builtins

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
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
