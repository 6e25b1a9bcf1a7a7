package reference

import (
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
)

// Markdown is the page of everything: docs/builtins.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# What a script can say

<!-- Made from package action by: go test . -run Reference -update -->

The phases, ctx and all words. ` + "`starhost doc`" + ` prints the same. How they play together
is told in [Writing scripts](writing-scripts.md).

## Phases

The functions that a run calls, in this order, each with ctx.

| phase | what | it may | returns |
|---|---|---|---|
`)
	for _, p := range action.PhaseSpecs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, cell(p.Doc), cell(p.May), cell(p.Returns))
	}
	b.WriteString("\nOnly prescript is required.\n\n## ctx\n\nWhat a phase gets. It is frozen.\n\n")
	writeFields(&b, action.ContextFields)
	b.WriteString("\n## Words\n\n| word | effect | returns |\n|---|---|---|\n")
	for i := range action.Specs {
		s := &action.Specs[i]
		anchor := strings.ReplaceAll(s.Name, ".", "")
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", "`"+s.Name+"`", anchor, s.Effect, cell(s.Returns))
	}
	b.WriteString(`
The effects: *pure* words answer from their arguments alone, *reads* look at the
world, *changes* touch it, *holds* take something that the host gives back by
itself. A parameter in *italics* is given by its name. An argument of None counts
as not given, except for undo.
`)
	for i := range action.Specs {
		writeWord(&b, &action.Specs[i])
	}
	return b.String()
}

func writeWord(b *strings.Builder, s *action.Spec) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n    %s\n\n", s.Name, s.Doc, s.Example)
	b.WriteString("| parameter | what | default | meaning |\n|---|---|---|---|\n")
	for _, p := range s.Params {
		name, value := p.Name, p.Default
		switch {
		case p.Rest:
			name = "…" + name
		case p.AnyName:
			name = "*any name* =" // the keyword arguments that are not declared
		case p.KeywordOnly:
			name = "*" + name + "*"
		}
		if p.Required {
			value = "required"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, cell(p.Type.Name), cell(value), cell(p.Doc))
	}
	fmt.Fprintf(b, "\nReturns %s.\n", s.Returns)
	if fields := record(s); fields != nil {
		b.WriteString("\n")
		writeFields(b, fields)
	}
}

func writeFields(b *strings.Builder, fields []action.Field) {
	b.WriteString("| field | what | meaning |\n|---|---|---|\n")
	for _, f := range fields {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Name, cell(f.Type.Name), cell(f.Doc))
	}
}

// record returns the fields of the struct that a word returns, nil if it returns none.
func record(s *action.Spec) []action.Field {
	for _, r := range action.Records {
		if r.Name == s.Stub {
			return r.Fields
		}
	}
	return nil
}

// cell is text that can stand in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
