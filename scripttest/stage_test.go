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
