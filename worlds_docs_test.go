package starhost_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/starhost/starhost/scripttest/worlds"
)

// TestWorldsReference holds docs/worlds.md to what the worlds say of themselves.
func TestWorldsReference(t *testing.T) {
	want := worldsReference()
	if *update {
		if err := os.WriteFile("docs/worlds.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "docs/worlds.md"); got != want {
		t.Error("docs/worlds.md is not what worlds.All says: go test . -run Reference -update")
	}
}

// worldsReference is docs/worlds.md.
func worldsReference() string {
	var b strings.Builder
	b.WriteString(`# Worlds

<!-- Made from worlds.All by: go test . -run Reference -update -->

The servers that are ready-made for [tests of scripts](testing-scripts.md), by
` + "`t.world(NAME, option = …)`" + ` and ` + "`starhost prove SCRIPT --world NAME`" + `. Each is a state machine that
answers the statements by which a server is quiesced as the product does. Checked means
that the gate of this project makes the statements on the real server too, and compares.

| world | product | checked |
|---|---|---|
`)
	for _, w := range worlds.All() {
		checked := "with " + w.Checked
		if w.Checked == "" {
			checked = "no: it rests on the manual"
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", "`"+w.Name+"`", strings.ReplaceAll(w.Name, ".", ""), w.Doc, checked)
	}
	for _, w := range worlds.All() {
		spoken := "Database `" + w.Database + "`."
		if w.Database == "" {
			spoken = "A stand-in: programs alone speak to it."
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s. %s\n\n| option | default | meaning |\n|---|---|---|\n", w.Name, w.Doc, spoken)
		for _, o := range w.Options {
			value := o.Default.String()
			if len(value) > 60 {
				value = "see the server"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", o.Name, strings.ReplaceAll(value, "|", `\|`), strings.ReplaceAll(o.Doc, "|", `\|`))
		}
	}
	return b.String()
}
