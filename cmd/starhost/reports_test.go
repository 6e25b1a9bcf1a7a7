package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/starhost/starhost/run"
)

// Several runs are one answer: every run for people, one report as JSON, and the exit
// status of the worst.
func TestReportsOfSeveralRuns(t *testing.T) {
	of := func(id string, exit int, held ...string) *run.Report {
		return &run.Report{Run: id, Exit: exit, Held: held, Members: []run.MemberReport{{Workload: "of " + id}}}
	}
	for _, tt := range []struct {
		name string
		list []*run.Report
		exit int
		run  string // that the merged report is of
		held string
	}{
		{"one", []*run.Report{of("A", run.ExitDone)}, run.ExitDone, "A", ""},
		{"the first holds", []*run.Report{of("A", run.ExitHeld, "lock"), of("B", run.ExitDone)}, run.ExitHeld, "A", "lock"},
		{"the last holds", []*run.Report{of("A", run.ExitDone), of("B", run.ExitHeld, "redo")}, run.ExitHeld, "B", "redo"},
		{"both hold", []*run.Report{of("A", run.ExitHeld, "lock"), of("B", run.ExitHeld, "redo")}, run.ExitHeld, "A", "lock redo"},
		{"held counts more than a verdict", []*run.Report{of("A", run.ExitPostscript), of("B", run.ExitVerdict), of("C", run.ExitHeld, "lock")}, run.ExitHeld, "C", "lock"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, asJSON := range []bool{false, true} {
				var out bytes.Buffer
				a := &app{json: asJSON}
				a.stdout = &out
				err := a.reports(tt.list)
				if tt.exit == run.ExitDone && err != nil || tt.exit != run.ExitDone && exitCode(err) != tt.exit {
					t.Errorf("json %t: %v, want exit status %d", asJSON, err, tt.exit)
				}
				for _, r := range tt.list {
					for _, says := range append(r.Held, "of "+r.Run) {
						if n := strings.Count(out.String(), says); n != 1 {
							t.Errorf("json %t: %q stands there %d times:\n%s", asJSON, says, n, out.String())
						}
					}
				}
				if !asJSON {
					continue
				}
				var got run.Report
				if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Run != tt.run || got.Exit != tt.exit || strings.Join(got.Held, " ") != tt.held {
					t.Errorf("run %s, exit status %d, held %q, %v", got.Run, got.Exit, got.Held, err)
				}
			}
		})
	}
}
