package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/run"
)

func TestTickets(t *testing.T) {
	runtimeDir := t.TempDir()
	if list, err := Tickets(runtimeDir); err != nil || len(list) != 0 {
		t.Errorf("without a directory: %v, %v", list, err)
	}
	dir := dirOf(runtimeDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	one := Ticket{ID: "one", Claim: Claim{Workloads: []string{"orders", "billing"}}, Run: "R", Kept: true, dir: dir}
	if err := one.write(); err != nil {
		t.Fatal(err)
	}
	one.Ending = &Ending{Report: &run.Report{Run: "R", Exit: 4}, Kept: true}
	if err := one.write(); err != nil {
		t.Fatal(err)
	}
	list, err := Tickets(runtimeDir)
	if err != nil || len(list) != 1 || list[0].Ending == nil || list[0].Ending.Report.Exit != 4 || list[0].dir != dir {
		t.Fatalf("%+v, %v", list, err)
	}
	for workload, want := range map[string]bool{"orders": true, "billing": true, "other": false} {
		if got := one.Concerns([]string{workload}); got != want {
			t.Errorf("Concerns(%s) = %t", workload, got)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "torn.json"), []byte(`{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := Tickets(runtimeDir); err == nil || len(list) != 1 {
		t.Errorf("with a torn ticket: %d, %v", len(list), err)
	}
	for range 2 {
		if err := one.Remove(); err != nil {
			t.Error(err)
		}
	}
}

func TestLinesAreBounded(t *testing.T) {
	l := &lines{}
	for i := range maxLines + 3 {
		_, _ = fmt.Fprintf(l, "%d %s\n", i, strings.Repeat("x", 2*maxLine))
	}
	list := l.take()
	if len(list) != maxLines+1 || !strings.HasPrefix(list[0], "3 older") || !strings.HasPrefix(list[1], "3 ") || len(list[1]) != maxLine {
		t.Errorf("%d lines: %.40q, %.40q", len(list), list[0], list[1])
	}
	if list := l.take(); len(list) != 0 {
		t.Errorf("taken twice: %d", len(list))
	}
}

// A report that is too long for a message goes without its actions.
func TestFit(t *testing.T) {
	r := &run.Report{Members: []run.MemberReport{{Workload: "orders", Actions: []run.ActionReport{{Text: "SELECT 1"}}}}}
	if fit(r) != r {
		t.Error("a short report was changed")
	}
	r.Members[0].Actions[0].Text = strings.Repeat("x", maxReport)
	if got := fit(r); len(got.Members[0].Actions) != 0 || len(r.Members[0].Actions) != 1 {
		t.Error("the actions of a long report: sent, or lost to its owner")
	}
}
