package worlds_test

import (
	"testing"

	"github.com/starhost/starhost/action"
)

// Options may be given in any order, although one speaks of what another one has made.
func TestOptionsHaveNoOrder(t *testing.T) {
	one, file := strs("A"), strs("/a.dbf")
	for _, c := range []struct {
		world          string
		what, speaksOf action.Entry
		held           string // empty: that it is made is enough
	}{
		{"iris-2024", option("suspended", one), option("instances", one), "write daemon of A suspended"},
		{"oracle-19c", option("read_only", file), option("data_files", file), ""},
	} {
		world := newWorld(t, c.world, c.what, c.speaksOf)
		if c.held != "" {
			wantHeld(t, world, c.held)
		}
	}
}
