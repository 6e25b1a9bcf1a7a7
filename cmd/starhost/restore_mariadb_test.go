//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
)

// engines are the storage engines whose tables must be alike in a snapshot.
var engines = []string{"InnoDB", "Aria", "MyISAM"}

// lossy makes a loss show: MariaDB flushes its redo every second by itself.
const lossy = "--innodb-flush-log-at-timeout=30"

// A snapshot of the disk of a busy server has every row that was acknowledged
// before it and none that was acknowledged after it, whatever the server promises
// about its redo log.
func TestRestoredMariaDB(t *testing.T) {
	t.Parallel()
	for _, fstype := range []string{"xfs", "ext4"} {
		for _, commit := range []string{"0", "1", "2"} {
			t.Run(fstype+"/trx_commit="+commit, func(t *testing.T) {
				r := snapshotUnderLoad(t, fstype, commit, "")
				for _, engine := range engines {
					before, after := r.acks[engine].around(r.from, r.to)
					if got := r.rows[engine]; got != before {
						t.Errorf("%s: the copy has %d rows; %d were acknowledged before the snapshot, %d after", engine, got, before, after)
					}
					if before == 0 || after == 0 {
						t.Errorf("%s: %d rows before and %d after: the writer was idle", engine, before, after)
					}
				}
			})
		}
	}
}

// Without the redo step of the script the same test loses rows: it can fail.
func TestRestoredMariaDBWithoutRedoStep(t *testing.T) {
	t.Parallel()
	source, err := scripts.Source("mysql.star")
	if err != nil {
		t.Fatal(err)
	}
	step := "    _make_redo_durable(ctx.settings[\"lock_wait\"])\n"
	crippled := strings.Replace(string(source), step, "", 1)
	if crippled == string(source) {
		t.Fatal("the script has no redo step any more")
	}
	path := filepath.Join(t.TempDir(), "crippled.star")
	write(t, path, crippled)
	r := snapshotUnderLoad(t, "ext4", "0", "script = "+path+"\n")
	before, _ := r.acks["InnoDB"].around(r.from, r.to)
	if r.rows["InnoDB"] >= before {
		t.Errorf("the copy has all %d rows although the redo log was not made durable: this test proves nothing", before)
	}
}

// restored is what came out of a snapshot of a busy server.
type restored struct {
	acks     map[string]*acks
	rows     map[string]int // in the copy
	from, to time.Time      // of the snapshot
}

func snapshotUnderLoad(t *testing.T, fstype, commit, more string) restored {
	fs := testfs.New(t, fstype, 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{lossy, "--innodb-flush-log-at-trx-commit=" + commit}})
	o := observe(t, server, fs.Dir)
	r := restored{acks: map[string]*acks{}, rows: map[string]int{}}
	stop := r.startWriters(t, o)
	image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
	t.Cleanup(func() { _ = os.Remove(image) })

	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, more))
	got := c.run("run", "--json", "--", "cp", "--sparse=always", fs.Image, image).want(t, run.ExitDone)
	r.reachMore(t)
	stop()
	o.nothingHeld("after the run")
	if got.report.Verdict != run.Application || got.report.FrozenMS <= 0 {
		t.Errorf("verdict %q, frozen for %v ms", got.report.Verdict, got.report.FrozenMS)
	}
	r.from, r.to = snapshotTimes(t, c, got.report.Run)
	r.checkRate(t)
	server.Stop(t)
	fs.Unmount(t) // the copy has the same UUID

	copied := testfs.MountCopy(t, image, fstype)
	checkPosition(t, filepath.Join(copied, "data"), got.report.Members[0].RecoveryPoint)
	checkCarried(t, c, copied, got.report.Run)
	again := testdb.MariaDB(t, testdb.Options{Dir: copied}).DB(t)
	for _, engine := range engines {
		var rows, last int
		if err := again.QueryRowContext(t.Context(), "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM test."+engine).Scan(&rows, &last); err != nil {
			t.Fatal(err)
		}
		if rows != last {
			t.Errorf("%s: %d rows up to id %d: there is a gap", engine, rows, last)
		}
		r.rows[engine] = rows
	}
	return r
}

// acks are the times at which commits were acknowledged to one writer.
type acks struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *acks) add() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, time.Now())
}

func (a *acks) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.times)
}

// around counts the commits before from and after to. What was acknowledged in
// between counts as neither; nothing may be.
func (a *acks) around(from, to time.Time) (before, after int) {
	for _, at := range a.times {
		switch {
		case at.Before(from):
			before++
		case at.After(to):
			after++
		}
	}
	return before, after
}

// startWriters starts a writer for each engine, which stops when stop is called.
func (r *restored) startWriters(t *testing.T, o *observer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for _, engine := range engines {
		o.exec(fmt.Sprintf("CREATE TABLE test.%s (id INT PRIMARY KEY, at VARCHAR(40)) ENGINE=%s", engine, engine))
		a := &acks{}
		r.acks[engine] = a
		conn, err := o.db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		writers.Go(func() {
			defer conn.Close()
			for id := 1; ctx.Err() == nil; id++ {
				if _, err := conn.ExecContext(ctx, fmt.Sprintf("INSERT INTO test.%s VALUES (%d, NOW(6))", engine, id)); err != nil {
					if ctx.Err() == nil {
						t.Errorf("writer of %s: %v", engine, err)
					}
					return
				}
				a.add()
			}
		})
	}
	eventually(t, 20*time.Second, "the writers are busy", func() bool { return r.total() >= 600 })
	return func() { cancel(); writers.Wait() }
}

func (r *restored) total() int {
	n := 0
	for _, a := range r.acks {
		n += a.count()
	}
	return n
}

// checkCopy makes sure that a server on a copy of the data has what was acknowledged
// before the snapshot, and nothing else.
func (r *restored) checkCopy(t *testing.T, dir string) {
	t.Helper()
	db := testdb.MariaDB(t, testdb.Options{Dir: dir}).DB(t)
	for _, engine := range engines {
		rows := 0
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM test."+engine).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if before, after := r.acks[engine].around(r.from, r.to); rows != before || before == 0 || after == 0 {
			t.Errorf("%s: the copy has %d rows; %d were acknowledged before the snapshot, %d after", engine, rows, before, after)
		}
	}
}

// reachMore waits until every writer has gone on.
func (r *restored) reachMore(t *testing.T) {
	t.Helper()
	for engine, a := range r.acks {
		n := a.count()
		eventually(t, 10*time.Second, "the writer of "+engine+" goes on", func() bool { return a.count() > n+5 })
	}
}

// checkRate makes sure that the server was busy before the snapshot.
func (r *restored) checkRate(t *testing.T) {
	t.Helper()
	n, first := 0, r.from
	for _, a := range r.acks {
		before, _ := a.around(r.from, r.to)
		n += before
		if a.times[0].Before(first) {
			first = a.times[0]
		}
	}
	rate := float64(n) / r.from.Sub(first).Seconds()
	t.Logf("%.0f commits a second, %d before the snapshot", rate, n)
	if rate < 300 {
		t.Errorf("%.0f commits a second, want 300: the snapshot was not taken under load", rate)
	}
}

// snapshotTimes reads from the journal when the snapshot began and ended. No commit
// can be acknowledged in between, so reading the phases is exact enough.
func snapshotTimes(t *testing.T, c *command, id string) (from, to time.Time) {
	t.Helper()
	return snapshotPhase(t, c, id, "thaw")
}

// snapshotPhase is snapshotTimes with the phase that follows the snapshot.
func snapshotPhase(t *testing.T, c *command, id, next string) (from, to time.Time) {
	t.Helper()
	path, err := journal.Path(filepath.Join(c.stateDir, "runs"), id)
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := journal.Read(journal.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Type == journal.TypePhase {
			switch r.Phase {
			case "snapshot":
				from = r.Time
			case next:
				to = r.Time
			}
		}
	}
	if from.IsZero() || !to.After(from) {
		t.Fatalf("the journal has a snapshot from %v to %v", from, to)
	}
	return from, to
}

// checkPosition compares the recorded position with the binary log of the copy.
func checkPosition(t *testing.T, data string, p run.RecoveryPoint) {
	t.Helper()
	position := p.Before.Get("position")
	st, err := os.Stat(filepath.Join(data, position.Get("file").Text()))
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := position.Get("position").AsInt(); st.Size() != want {
		t.Errorf("the binary log of the copy ends at %d, recorded is %s", st.Size(), position)
	}
}

// checkCarried reads the recovery point from the copy of the disk.
func checkCarried(t *testing.T, c *command, dir, id string) {
	t.Helper()
	if got := c.run("recovery-point", dir).want(t, run.ExitDone); !strings.Contains(got.stdout, id) {
		t.Errorf("the copy carries another recovery point: %s", got.stdout)
	}
}
