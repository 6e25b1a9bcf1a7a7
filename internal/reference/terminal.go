package reference

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/starhost/starhost/action"
)

// width is how long a line on a terminal may be.
const width = 88

// List is everything in one line each, for a terminal.
func List() string {
	var b strings.Builder
	b.WriteString("Words:\n")
	for i := range action.Specs {
		writeLine(&b, action.Specs[i].Name, string(action.Specs[i].Effect), sentence(action.Specs[i].Doc))
	}
	b.WriteString("\nPhases, the functions that a run calls, in this order:\n")
	for _, p := range action.PhaseSpecs {
		writeLine(&b, p.Name, needed(p), sentence(p.Doc))
	}
	b.WriteString("\nFields of ctx, which each phase gets:\n")
	for _, f := range action.ContextFields {
		writeLine(&b, contextTopic+"."+f.Name, "", f.Doc)
	}
	b.WriteString("\nMore about one: starhost doc NAME\n")
	return b.String()
}

// Topic is what there is to say about one name: a word, a module of words, a phase, or
// ctx. It reports false if there is no such name.
func Topic(name string) (string, bool) {
	var b strings.Builder
	switch {
	case action.LookupSpec(name) != nil:
		writeTerminalWord(&b, action.LookupSpec(name))
	case module(name) != nil:
		for _, s := range module(name) {
			writeLine(&b, s.Name, string(s.Effect), sentence(s.Doc))
		}
	case phase(name) != nil:
		writePhase(&b, phase(name))
	case name == contextTopic:
		b.WriteString("ctx\n\n")
		writeWrapped(&b, "  ", "What each phase gets. It is frozen.")
		writeTerminalFields(&b, "\nFields:\n", action.ContextFields)
	default:
		return "", false
	}
	return b.String(), true
}

func needed(p action.PhaseSpec) string {
	if p.Required {
		return "required"
	}
	return ""
}

// writeLine writes a name and, beside it, what it is: one line, for grep.
func writeLine(b *strings.Builder, name, kind, text string) {
	fmt.Fprintf(b, "  %-18s %-8s  %s\n", name, kind, text)
}

func writeTerminalWord(b *strings.Builder, s *action.Spec) {
	for i, line := range wrap(Signature(s), width-4) {
		b.WriteString(strings.Repeat("    ", min(i, 1)) + line + "\n")
	}
	b.WriteString("\n")
	writeWrapped(b, "  ", s.Doc)
	fmt.Fprintf(b, "\nEffect: %s\n", s.Effect)
	if len(s.Params) > 0 {
		b.WriteString("\nParameters:\n")
	}
	for _, p := range s.Params {
		fmt.Fprintf(b, "  %s: %s%s\n", stars(p)+p.Name, p.Type.Name, condition(p))
		writeWrapped(b, "      ", p.Doc)
	}
	b.WriteString("\nReturns:\n")
	writeWrapped(b, "  ", s.Returns)
	writeTerminalFields(b, "", record(s))
	fmt.Fprintf(b, "\nExample:\n  %s\n", s.Example)
}

func condition(p action.Param) string {
	switch {
	case p.Required:
		return "; required"
	case p.Default != "":
		return "; default " + p.Default
	}
	return ""
}

func writeTerminalFields(b *strings.Builder, title string, fields []action.Field) {
	b.WriteString(title)
	for _, f := range fields {
		fmt.Fprintf(b, "  .%s: %s\n", f.Name, f.Type.Name)
		writeWrapped(b, "      ", f.Doc)
	}
}

func writePhase(b *strings.Builder, p *action.PhaseSpec) {
	fmt.Fprintf(b, "def %s(ctx):\n\n", p.Name)
	writeWrapped(b, "  ", p.Doc)
	b.WriteString("\nIt may:\n")
	writeWrapped(b, "  ", p.May)
	b.WriteString("\nReturns:\n")
	writeWrapped(b, "  ", p.Returns)
}

func writeWrapped(b *strings.Builder, indent, text string) {
	for _, line := range wrap(text, width-len(indent)) {
		b.WriteString(indent + line + "\n")
	}
}

// wrap breaks a text at its blanks into lines that are no longer than limit, unless
// one word is. A default stays with its name.
func wrap(text string, limit int) (lines []string) {
	const glue = "\x00"
	line := ""
	for _, word := range strings.Split(strings.ReplaceAll(text, " = ", glue+"="+glue), " ") {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > limit {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	lines = append(lines, line)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], glue, " ")
	}
	return lines
}
