//go:build linux

package main

import (
	"testing"

	"github.com/starhost/starhost/run"
)

// A hundred runs of tests print the same, byte for byte, faults and coverage included.
func TestTestsPrintTheSame(t *testing.T) {
	t.Parallel()
	c := newCommand(t, "")
	c.plainly(true)
	for name, args := range map[string][]string{
		"text": {"test", root + "/scripts/sqlite_test.star", "-v", "--cover"},
		"json": {"test", root + "/scripts/sqlite_test.star", "--json", "-run", "whole|wrote"},
	} {
		first := c.run(args...).want(t, run.ExitDone).stdout
		if len(first) < 100 {
			t.Fatalf("%s: %q", name, first)
		}
		for range 99 {
			if again := c.run(args...).want(t, run.ExitDone).stdout; again != first {
				t.Fatalf("%s: another time\n%s\nthe first time\n%s", name, again, first)
			}
		}
	}
	c.plainly(false)
	c.run("test", root+"/scripts/sqlite_test.star").want(t, run.ExitDone)
}
