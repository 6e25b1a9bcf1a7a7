package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// update renews what tests make for the documentation.
var update = flag.Bool("update", false, "write the tables that tests make into the documentation")

// Between these lines the documentation has the table.
const (
	outcomesBegin = "<!-- outcomes -->\n"
	outcomesEnd   = "<!-- end of outcomes -->\n"
)

// compareOutcomes compares the table of a document with the one that was made, or renews
// it.
func compareOutcomes(t *testing.T, path, table string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), outcomesBegin)
	was, after, ended := strings.Cut(rest, outcomesEnd)
	if !ok || !ended {
		t.Fatalf("%s has no place for the table: want the lines %q and %q", path, outcomesBegin, outcomesEnd)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+outcomesBegin+table+outcomesEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table {
		t.Errorf("%s has another table; look why, then renew it: go test ./cmd/starhost -run %s -update\ngot\n%s\nwant\n%s", path, t.Name(), was, table)
	}
}
