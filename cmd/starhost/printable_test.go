package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/starhost/starhost/run"
)

// TestPrintable keeps letters of all the world, and what a terminal would obey from it.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\n":               "a\tb\n",
		"Größe ≤ 3, 数":         "Größe ≤ 3, 数",
		"\x1b[2J\x07\r":        `\x1b[2J\a\r`,
		"\u009b2J\u202egnp":    `\u009b2J\u202egnp`,
		"\x7f\x00 \xff \u200b": `\x7f\x00 ` + "\uFFFD" + ` \u200b`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestReportIsPrintable has the words of a server reach the terminal as words alone.
func TestReportIsPrintable(t *testing.T) {
	var out bytes.Buffer
	a := &app{}
	a.stdout = &out
	err := a.report(&run.Report{Exit: run.ExitPrescript, Error: &run.Error{Kind: "refused", Message: "no table \x1b[2J"}})
	if err == nil || !strings.Contains(out.String(), `no table \x1b[2J`) {
		t.Errorf("%v, printed %q", err, out.String())
	}
}
