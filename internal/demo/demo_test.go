package demo

import (
	"os"
	"testing"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func TestMain(m *testing.M) {
	starhost.Init()
	os.Exit(m.Run())
}

// The demo shows what it says: the copy has every row that was committed before the
// snapshot and none that came after, and as many as the recovery point counted.
func TestRun(t *testing.T) {
	for range 5 {
		res, err := Run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := res.Report
		if r.Verdict != run.Application || r.Exit != run.ExitDone {
			t.Fatalf("verdict %q, exit status %d, %+v", r.Verdict, r.Exit, r.Error)
		}
		if !res.Exact() || res.Restored > res.Acknowledged+1 {
			t.Errorf("intact: %t; %d rows in the copy, %d acknowledged, %d counted", res.Intact, res.Restored, res.Acknowledged, res.Counted)
		}
		if res.After < settle {
			t.Errorf("the writer committed %d rows after the run, want at least %d", res.After, settle)
		}
	}
}
