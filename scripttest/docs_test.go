package scripttest

import (
	"os"
	"strings"
	"testing"

	"go.starlark.net/starlark"
)

// TestDocumented has everything that a test can say, of t, of a server, of a result, and
// every kind of fault, in the document.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/testing-scripts.md")
	if err != nil {
		t.Fatal(err)
	}
	has := func(want string) {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/testing-scripts.md does not tell of %s", want)
		}
	}
	members := func(v starlark.Value) []string { return v.(starlark.HasAttrs).AttrNames() }
	words := (&test{settings: new(starlark.Dict), params: new(starlark.Dict), context: new(starlark.Dict), secrets: new(starlark.Dict)}).value()
	for _, name := range members(words) {
		has("`t." + name)
	}
	for _, name := range members(newServerValue(nil, nil)) {
		has("`server." + name)
	}
	o := live(t.Context(), plan{stage: &stage{}, script: empty(t)})
	for _, name := range members(o.result()) {
		if name != "transcript" { // by t.transcript
			has("`" + name + "`")
		}
	}
	for _, kind := range Kinds {
		has("| " + string(kind) + " |")
	}
}
