package main

import (
	"slices"
	"strings"
	"testing"
)

// TestGoFlags has test take the flags of go test, and every other verb what was said: a
// snapshot command may have flags and words of the same names.
func TestGoFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"test -run faults", "test --run faults"},
		{"test -run=faults -update -cover -json .", "test --run=faults --update --cover --json ."},
		{"test --run faults -v", "test --run faults -v"},
		{"--json --log-level warn test -run x", "--json --log-level warn test --run x"},
		{"test -- -run", "test -- -run"},
		{"run test -- tool -run test -update", "run test -- tool -run test -update"},
		{"--config test run -- tool -json", "--config test run -- tool -json"},
		{"", ""},
	} {
		if got := goFlags(strings.Fields(c.args)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}
