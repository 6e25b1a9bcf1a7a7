package scripttest

import (
	"slices"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// TestContext has a script get the fields of ctx that a real run gives it, and no more.
func TestContext(t *testing.T) {
	var want []string
	for _, f := range action.ContextFields {
		want = append(want, f.Name)
	}
	got := (&stage{}).ctx(interp.Info{Settings: action.Dict()}).Keys()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// empty is a script that does nothing.
func empty(t *testing.T) *interp.Script {
	t.Helper()
	s, err := interp.New(t.Context(), interp.Options{Name: "empty.star", Source: []byte("API = 1\n\ndef prescript(_ctx):\n    pass\n")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
