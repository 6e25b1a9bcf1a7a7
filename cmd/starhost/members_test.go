//go:build linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/internal/testtable"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// Three databases on two filesystems are quiesced by one call and frozen once: each copy
// has what was acknowledged before the snapshot, and nothing else.
func TestThreeDatabasesInOneRun(t *testing.T) {
	t.Parallel()
	w := newTrio(t)
	c := newCommand(t, w.config())
	got := c.run("run", "--json", "--", "sh", "-c", w.snapshot).want(t, run.ExitDone).report
	w.goOn("after the run")
	w.stop()
	w.check(c, got)
}

func TestThreeDatabasesByPreAndPost(t *testing.T) {
	t.Parallel()
	w := newTrio(t)
	c := newSupervised(t, w.config())
	pre := c.run("pre", "--json").want(t, run.ExitDone).report
	if len(pre.Members) != 3 {
		t.Errorf("pre has %d members", len(pre.Members))
	}
	for i, fs := range w.fs {
		testfs.CopyImage(t, fs, w.images[i])
	}
	got := c.run("post", "--json").want(t, run.ExitDone).report
	w.goOn("after post")
	w.stop()
	w.check(c, got)
}

// One of three that fails releases all: the writers of the others go on, and no snapshot
// is taken.
func TestOneOfThreeFails(t *testing.T) {
	t.Parallel()
	w := newTrio(t)
	locker, err := sql.Open("sqlite", w.file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer locker.Close()
	for _, tt := range []struct {
		name, failing, says string
		config              func() string
		locked              bool
	}{
		{"without privileges", "orders", "lacks RELOAD", func() string { return strings.Replace(w.config(), "mysql://starhost@", "mysql://poor@", 1) }, false},
		{"a prescript that refuses", "ledger", "not today", func() string { return w.withScript("ledger", "postgres", refusing) }, false},
		{"a database that is locked", "stock", "locked", func() string { return w.config() + "[settings \"stock\"]\nbusy_timeout = 300\n" }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t, w.observer.t = t, t
			c := newCommand(t, tt.config())
			unlock := func() {}
			if tt.locked {
				unlock = w.lockStock(locker)
			}
			got := c.run("run", "--json", "--", "touch", filepath.Join(c.dir, "snapshot"))
			unlock()
			got.want(t, run.ExitPrescript)
			w.goOn(tt.name)
			if _, err := os.Stat(filepath.Join(c.dir, "snapshot")); err == nil {
				t.Error("a snapshot was taken")
			}
			if got.report.Error == nil || !strings.Contains(got.report.Error.Message, tt.says) {
				t.Errorf("error %+v, want %s", got.report.Error, tt.says)
			}
			for _, m := range got.report.Members {
				blamed := m.Error != nil && m.Error.Kind != action.KindAborted
				if m.Error == nil || blamed != (m.Workload == tt.failing) {
					t.Errorf("%s: %+v", m.Workload, m.Error)
				}
			}
		})
	}
}

const refusing = "API = 1\n\ndef prescript(_ctx):\n    sql(\"SELECT pg_advisory_lock(1)\", hold = \"advisory\", undo = \"SELECT pg_advisory_unlock(1)\")\n    fail(\"not today\")\n"

// withScript is the config with another script for one workload.
func (w *trio) withScript(workload, name, source string) string {
	path := filepath.Join(w.t.TempDir(), workload+".star")
	write(w.t, path, source)
	return strings.Replace(w.config(), "workload_name = "+name+"\n", "workload_name = "+name+"\nscript = "+path+"\n", 1)
}

// lockStock begins a transaction that nobody ends for some time.
func (w *trio) lockStock(db *sql.DB) (unlock func()) {
	w.t.Helper()
	conn, err := db.Conn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := conn.ExecContext(w.t.Context(), "BEGIN IMMEDIATE"); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(w.t.Context(), "ROLLBACK"); err != nil {
			w.t.Error(err)
		}
		_ = conn.Close()
	}
}

// The window of three together is near that of the slowest alone.
func TestWindowOfThree(t *testing.T) {
	w := newTrio(t)
	w.stop() // a freeze beside writers of another database takes longer, which alone has
	c := newCommand(t, w.config())
	median := func(list []float64) float64 { slices.Sort(list); return list[len(list)/2] }
	window := func(names ...string) (held, frozen float64) {
		var helds, frozens []float64
		for range 5 {
			got := c.run(append(append([]string{"run", "--json"}, names...), "--", "true")...).want(t, run.ExitDone)
			helds, frozens = append(helds, got.report.QuiescedMS), append(frozens, got.report.FrozenMS)
		}
		return median(helds), median(frozens)
	}
	var table strings.Builder
	slowest, sum := 0.0, 0.0
	for _, name := range []string{"orders", "ledger", "stock"} {
		ms, frozen := window(name)
		slowest, sum = max(slowest, ms), sum+ms
		fmt.Fprintf(&table, "%-8s alone     %7.1f ms held, %5.1f frozen (median of 5; one filesystem)\n", name, ms, frozen)
	}
	together, frozen := window()
	fmt.Fprintf(&table, "all      together  %7.1f ms held, %5.1f frozen (two filesystems): %.2f of the slowest alone, %.2f of the sum", together, frozen, together/slowest, together/sum)
	testtable.Show(t, "members-window", table.String())
	w.observer.nothingHeld("after all runs")
}

// marking takes something that outlives its session.
const marking = `API = 1

def prescript(_ctx):
    sql("CREATE TABLE marker (id INT)", hold = "marker", undo = "DROP TABLE marker")

def verify(_ctx):
    pass
`

// When the process that leads a run of three is killed while one server hangs, its
// watchdog keeps nobody else waiting for that one.
func TestLeaderDiesWhileOneOfThreeHangs(t *testing.T) {
	w := newTrio(t)
	c := newSupervised(t, w.withScript("ledger", "postgres", marking))
	pre := c.run("pre", "--json").want(t, run.ExitDone).report
	w.maria.Pause(t)
	c.signal(syscall.SIGKILL)
	records := func() []journal.Record { return recordsOf(t, c, pre.Run) }
	for name, a := range map[string]*acks{"ledger": w.ledger, "stock": w.stock} {
		n := a.count()
		eventually(t, 10*time.Second, "the writer of "+name+" goes on", func() bool { return a.count() > n+5 })
	}
	admin := w.pg.Pgx(t)
	marked := func() (there bool) {
		if err := admin.QueryRow(t.Context(), "SELECT to_regclass('marker') IS NOT NULL").Scan(&there); err != nil {
			t.Error(err)
		}
		return there
	}
	eventually(t, 10*time.Second, "the marker of the ledger is gone", func() bool { return !marked() })
	w.maria.Resume(t)
	eventually(t, 30*time.Second, "the watchdog is done", func() bool { list := records(); return list[len(list)-1].Type == journal.TypeEnd })
	w.goOn("after the watchdog")
	c.run("post", "--json").want(t, run.ExitVerdict)
	// Whichever was taken first: the ledger's is undone before the first try at the server
	// that hangs has come to its end.
	tried := map[string]int{}
	members := map[int]string{}
	for i, r := range records() {
		if r.Type == journal.TypeIntent {
			members[r.N] = r.Member
		}
		if r.Type == journal.TypeUndone && tried[members[r.Of]] == 0 {
			tried[members[r.Of]] = i
		}
	}
	if tried["ledger"] == 0 || tried["orders"] < tried["ledger"] {
		t.Errorf("records of the first undo of each: %v", tried)
	}
}
