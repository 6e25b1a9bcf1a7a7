package reference

import (
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
)

// ofTheLanguage are the names of the dialect that Python does not have.
const ofTheLanguage = `
def load(module: str, *names: str, **renamed: str) -> None:
    """Takes names from another file: load("x.star", "f", g = "h")."""
    ...

def fail(*args: object, sep: str = " ") -> NoReturn:
    """Ends the phase with an error."""
    ...

def struct(**fields: Any) -> Any:
    """A record with these fields."""
    ...

class Secret:
    """A secret of the config. A script never sees its text."""

class UndoAction:
    """What compensates an action, as data."""
`

// Stubs are Python type stubs of the words, from which editors complete them:
// docs/editor/starhost.pyi.
func Stubs() string {
	var b strings.Builder
	b.WriteString("# What a script of starhost can say, for editors. Made by: starhost doc --stubs\n\n")
	b.WriteString("from typing import Any, Literal, Mapping, NoReturn\n")
	b.WriteString(ofTheLanguage)
	writeClass(&b, "Context", "What each phase gets as ctx.", action.ContextFields)
	for _, r := range action.Records {
		writeClass(&b, r.Name, r.Doc, r.Fields)
	}
	written := map[string]bool{}
	for i := range action.Specs {
		name, _ := action.Specs[i].Module()
		switch {
		case name == "":
			writeStub(&b, "", &action.Specs[i])
		case !written[name]:
			written[name] = true
			writeModule(&b, name)
		}
	}
	return b.String()
}

func writeClass(b *strings.Builder, name, doc string, fields []action.Field) {
	fmt.Fprintf(b, "\nclass %s:\n    %s\n", name, quoted(doc))
	for _, f := range fields {
		fmt.Fprintf(b, "\n    %s: %s\n    %s\n", f.Name, f.Type.Stub, quoted(f.Doc))
	}
}

// writeModule writes a module as a class, of which there is one value.
func writeModule(b *strings.Builder, name string) {
	class := "_" + strings.ToUpper(name[:1]) + name[1:]
	fmt.Fprintf(b, "\nclass %s:\n", class)
	for i, s := range module(name) {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString("    @staticmethod")
		writeStub(b, "    ", s)
	}
	fmt.Fprintf(b, "\n%s: %s\n", name, class)
}

func writeStub(b *strings.Builder, indent string, s *action.Spec) {
	_, name := s.Module()
	fmt.Fprintf(b, "\n%sdef %s(%s) -> %s:\n", indent, name, parameters(s, stubParam), s.Stub)
	indent += "    "
	fmt.Fprintf(b, "%s\"\"\"%s\n", indent, escaped(s.Doc))
	fmt.Fprintf(b, "\n%sArgs:\n", indent)
	for _, p := range s.Params {
		fmt.Fprintf(b, "%s    %s: %s%s. %s\n", indent, p.Name, escaped(p.Type.Name), escaped(condition(p)), escaped(p.Doc))
	}
	fmt.Fprintf(b, "\n%sReturns:\n%s    %s\n", indent, indent, escaped(s.Returns))
	fmt.Fprintf(b, "\n%sExample:\n%s    %s\n%s\"\"\"\n%s...\n", indent, indent, escaped(s.Example), indent, indent)
}

// stubParam is one parameter by name. None counts as not given.
func stubParam(p action.Param) string {
	text := p.Name + ": " + p.Type.Stub
	if p.Required || p.Rest || p.AnyName {
		return text
	}
	if !strings.HasSuffix(text, "| None") && p.Type.Stub != "object" {
		text += " | None"
	}
	if p.Default != "" {
		return text + " = " + p.Default
	}
	return text + " = ..."
}

func quoted(text string) string { return `"""` + escaped(text) + `"""` }

// escaped is text that can stand in a docstring.
func escaped(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"""`, `\"\"\"`)
}
