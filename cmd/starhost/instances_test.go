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
// and given back at the same time: each waits for all the others in the middle of it.
func TestInstancesInParallel(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	c := newCommand(t, w.config())
	begins, ends := gatheringOf(4), gatheringOf(4)
	w.set(func(p worlds.Program) time.Duration {
		switch {
		case quiesces(p):
			begins.wait()
		case gives(p):
			ends.wait()
		}
		return 0
	})
	got := c.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	begins.took(t, "begins")
	ends.took(t, "ends")
	w.nothingHeld("after the run")
	const want = "erp.ORCL application, erp.TEST application, clinic.IRIS application, clinic.HEALTH application"
	if text := members(got); text != want {
		t.Errorf("members: %s", text)
	}
}

// The window of four together is near that of the slowest alone. Each begin and each end
// takes its time; those of TEST take the longest.
func TestWindowOfInstances(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	w.set(func(p worlds.Program) time.Duration {
		switch slow := p.Env["ORACLE_SID"] == "TEST"; {
		case !quiesces(p) && !gives(p):
			return 0
		case slow:
			return 400 * time.Millisecond
		}
		return 300 * time.Millisecond
	})
	c := newCommand(t, w.config())
	c.plainly(true)
	window := func(names ...string) float64 {
		return c.run(append(append([]string{"run", "--json"}, names...), "--", "true")...).want(t, run.ExitDone).report.QuiescedMS
	}
	var table strings.Builder
	slowest, sum := 0.0, 0.0
	for _, name := range []string{"erp.ORCL", "erp.TEST", "clinic.IRIS", "clinic.HEALTH"} {
		ms := window(name)
		slowest, sum = max(slowest, ms), sum+ms
		fmt.Fprintf(&table, "%-13s alone     %7.1f ms held\n", name, ms)
	}
	together := window()
	fmt.Fprintf(&table, "all           together  %7.1f ms held: %.2f of the slowest alone, %.2f of the sum", together, together/slowest, together/sum)
	testtable.Show(t, "instances-window", table.String())
	w.nothingHeld("after all runs")
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
