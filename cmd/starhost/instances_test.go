//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testtable"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// Two instances of Oracle and two of IRIS, of two sections, are quiesced at the same time
// and given back at the same time: each waits for all the others in the middle of it. So
// the window is that of the slowest, not the sum; the table says what it was. Each begin
// and each end takes its time, those of TEST the longest.
func TestInstancesInParallel(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	begins, ends := gatheringOf(1), gatheringOf(1)
	w.set(func(p worlds.Program) time.Duration {
		switch {
		case quiesces(p):
			begins.wait()
		case gives(p):
			ends.wait()
		default:
			return 0
		}
		if p.Env["ORACLE_SID"] == "TEST" {
			return 400 * time.Millisecond
		}
		return 300 * time.Millisecond
	})
	c := newCommand(t, w.config())
	c.plainly(true)
	var table strings.Builder
	slowest, sum := 0.0, 0.0
	for _, name := range []string{"erp.ORCL", "erp.TEST", "clinic.IRIS", "clinic.HEALTH"} {
		begins.expect(1)
		ends.expect(1)
		ms := c.run("run", "--json", name, "--", "true").want(t, run.ExitDone).report.QuiescedMS
		slowest, sum = max(slowest, ms), sum+ms
		fmt.Fprintf(&table, "%-13s alone     %7.1f ms held\n", name, ms)
	}
	begins.expect(4)
	ends.expect(4)
	got := c.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	begins.took(t, "begins")
	ends.took(t, "ends")
	w.nothingHeld("after the runs")
	const want = "erp.ORCL application, erp.TEST application, clinic.IRIS application, clinic.HEALTH application"
	if text := members(got); text != want {
		t.Errorf("members: %s", text)
	}
	ms := got.QuiescedMS
	fmt.Fprintf(&table, "all           together  %7.1f ms held: %.2f of the slowest alone, %.2f of the sum", ms, ms/slowest, ms/sum)
	testtable.Show(t, "instances-window", table.String())
}

// One instance of four that fails releases all, whichever product it is of: one that is
// refused, or one whose freeze ended in a way that means nothing, while others hold.
func TestOneInstanceFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, failing, says string
		spoil               func(w *clinic)
	}{
		{"the log mode of one", "erp.TEST", "NOARCHIVELOG", func(w *clinic) { alter(w.oracle["TEST"], change{"log_mode": "NOARCHIVELOG"}) }},
		{"the freeze of one", "clinic.", "ended with exit code 7", func(w *clinic) { alter(w.iris, change{"freeze": "done, exit 7", "times": 1}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newClinic(t)
			tt.spoil(w)
			c := newCommand(t, w.config())
			c.plainly(true)
			got := c.run("run", "--json", "--", "touch", filepath.Join(c.dir, "snapshot")).want(t, run.ExitPrescript).report
			w.nothingHeld(tt.name)
			if _, err := os.Stat(filepath.Join(c.dir, "snapshot")); err == nil {
				t.Error("a snapshot was taken")
			}
			if !strings.Contains(got.Error.Message, tt.says) {
				t.Errorf("error %+v, want %s", got.Error, tt.says)
			}
			blamed := ""
			for _, m := range got.Members {
				if m.Error == nil {
					t.Errorf("%s has no error", m.Workload)
				} else if m.Error.Kind != action.KindAborted {
					blamed += m.Workload
				}
			}
			if !strings.HasPrefix(blamed, tt.failing) || strings.Count(blamed, ".") != 1 {
				t.Errorf("blamed is %q, want one of %s", blamed, tt.failing)
			}
		})
	}
}
