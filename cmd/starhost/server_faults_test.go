//go:build linux

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

const flushGlobal = "SELECT @@global.innodb_flush_log_at_trx_commit"

// faulted is a window whose server has a global that every run changes, with a
// command for what comes after the fault.
type faulted struct {
	*window
	c *command
}

func newFaulted(t *testing.T, more string) *faulted {
	t.Helper()
	t.Parallel() // its tests wait for most of the time
	w := newWindow(t, "--innodb-flush-log-at-trx-commit=0")
	// A stopped server takes connections and says nothing.
	return &faulted{w, newCommand(t, configFor("mariadb", "mysql", w.server.Socket+"&connect_timeout=1", more))}
}

// lead leads a run with the fault in its window. The filesystem must take writes
// soon after that, however long the rest of the run takes.
func lead(t *testing.T, c *command, fs *testfs.FS, fault func()) *run.Report {
	t.Helper()
	file, err := config.Load(c.config)
	if err != nil {
		t.Fatal(err)
	}
	thawed := make(chan error, 1)
	report, err := starhost.Run(t.Context(), starhost.Options{
		Config: file, StateDir: c.stateDir, RuntimeDir: c.runtimeDir,
		Snapshot: func(context.Context, run.Snapshot) error {
			fault()
			go func() { thawed <- testfs.CanWrite(t, fs.Dir, 1500*time.Millisecond) }()
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict == run.NoVerdict {
		t.Fatalf("there was no snapshot: %+v", report.Error)
	}
	if err := <-thawed; err != nil {
		t.Errorf("the filesystem had to wait for the server: %v", err)
	}
	return report
}

// stillHeld checks the report of a run that could not undo everything, its journal,
// and what status says. Lines of the report that begin with these words are held.
func stillHeld(t *testing.T, c *command, r *run.Report, holds ...string) {
	t.Helper()
	if r.Exit != run.ExitHeld || r.Verdict == run.Application || r.Verdict == run.NoVerdict {
		t.Errorf("exit status %d, verdict %q, want 7 and less than application", r.Exit, r.Verdict)
	}
	if r.Error == nil || !strings.Contains(r.Error.Message, "still held: "+holds[0]) {
		t.Errorf("error %+v", r.Error)
	}
	status := c.run("status").want(t, run.ExitHeld).stdout
	if len(r.Held) != len(holds) || !strings.Contains(status, "DEAD") {
		t.Errorf("held %q, want %q; status says %s", r.Held, holds, status)
	}
	for i, held := range r.Held {
		if !strings.HasPrefix(held, holds[i]) || !strings.Contains(status, "held: "+held) {
			t.Errorf("held %q, want %q; status says %s", held, holds[i], status)
		}
	}
	tries := map[int]int{}
	for _, rec := range journalOf(t, c, r.Run) {
		if rec.Type == journal.TypeUndo {
			tries[rec.Of]++
		}
		if rec.Type == journal.TypeEnd {
			t.Error("the journal was ended")
		}
	}
	if len(tries) < len(holds) || slices.Max(slices.Collect(maps.Values(tries))) < 2 {
		t.Errorf("nothing was tried again: %v", tries)
	}
}

func journalOf(t *testing.T, c *command, id string) []journal.Record {
	t.Helper()
	records, _, err := journal.Read(journal.OS{}, filepath.Join(c.stateDir, "runs", id+".journal"))
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// recovered checks that recover leaves nothing, and finds nothing when called again.
func (f *faulted) recovered(what string) {
	f.t.Helper()
	if got := f.c.run("recover", "--json").want(f.t, run.ExitDone).report; len(got.Held) > 0 {
		f.t.Errorf("%s: held %q", what, got.Held)
	}
	f.nothingHeld(what)
	f.c.run("status").want(f.t, run.ExitDone)
	f.c.run("recover").want(f.t, run.ExitNothing)
}

// kill kills the server as kill -9 does, and does not wait: a process that waits for
// a frozen disk is gone only after the thaw.
func (f *faulted) kill() {
	f.t.Helper()
	if err := syscall.Kill(f.server.Pid(), syscall.SIGKILL); err != nil {
		f.t.Error(err)
	}
}

// A server that is killed while it is held, and stays away: the global cannot be set
// back. A restarted server has ended lock and global by itself.
func TestServerKilledWhileHeld(t *testing.T) {
	f := newFaulted(t, "timeout = 3\n")
	r := lead(t, f.c, f.fs, f.kill)
	stillHeld(t, f.c, r, "orders: redo", "orders: lock")
	if got := f.c.run("recover", "--json").want(t, run.ExitHeld).report; len(got.Held) != 2 {
		t.Errorf("without the server recover left %q", got.Held)
	}
	f.c.run("run", "--", "true").want(t, run.ExitHeld)
	f.server.Kill(t)
	f.server.Start(t)
	f.recovered("after the server is back")
}

// A server that is back before the snapshot has ended holds nothing of the run any
// more, and what was changed in its new life is not touched.
func TestServerRestartedWhileHeld(t *testing.T) {
	f := newFaulted(t, "timeout = 8\nfs_freeze = off\n")
	eventually(t, 10*time.Second, "the life of the server can be told from the next one", func() bool {
		return f.value("SELECT variable_value > 4 FROM information_schema.global_status WHERE variable_name = 'uptime'") == "1"
	})
	r := lead(t, f.c, f.fs, func() {
		f.server.Kill(t)
		f.server.Start(t)
		f.exec("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
	})
	stillHeld(t, f.c, r, "orders: redo")
	f.globals["innodb_flush_log_at_trx_commit"] = "1"
	f.recovered("after the restart")
}

// A server that is stopped while it is held: nobody can undo anything until it goes on.
func TestServerStoppedWhileHeld(t *testing.T) {
	f := newFaulted(t, "timeout = 5\npostscript_timeout = 1\n")
	r := lead(t, f.c, f.fs, func() { f.server.Pause(t) })
	stillHeld(t, f.c, r, "orders: redo", "orders: lock")
	if got := f.c.run("recover", "--json").want(t, run.ExitHeld).report; len(got.Held) != 2 {
		t.Errorf("of a stopped server recover left %q", got.Held)
	}
	f.server.Resume(t)
	f.recovered("after the server goes on")
	if got := f.value(flushGlobal); got != "0" {
		t.Errorf("the global is %s, was 0", got)
	}
}

// A server that goes on while its run still tries: the run undoes everything itself,
// but does not believe in the quiesce that it could not verify.
func TestServerGoesOnWhileUnwinding(t *testing.T) {
	f := newFaulted(t, "timeout = 30\npostscript_timeout = 1\n")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	resumed := make(chan bool, 1)
	r := lead(t, f.c, f.fs, func() {
		f.server.Pause(t)
		go func() {
			resumed <- failedUndo(ctx, f.c)
			f.server.Resume(t)
		}()
	})
	if !<-resumed {
		t.Error("no undo failed while the server was stopped")
	}
	f.wants(r, run.ExitVerdict, run.Filesystem, "the time for the statement was over")
	f.nothingHeld("after the run")
	f.c.run("status").want(t, run.ExitDone)
	f.c.run("recover").want(t, run.ExitNothing)
}

// failedUndo waits until the journal says that an undo did not work.
func failedUndo(ctx context.Context, c *command) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		files, _ := filepath.Glob(filepath.Join(c.stateDir, "runs", "*.journal"))
		for _, path := range files {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), `"state":"failed"`) {
				return true
			}
		}
		<-tick.C
	}
	return false
}

// The sessions are cut and no new one can be opened: the lock has ended, but nobody
// can prove it, and the global is still changed.
func TestServerOutOfReachWhileHeld(t *testing.T) {
	f := newFaulted(t, "timeout = 3\n")
	moved := f.server.Socket + ".away"
	r := lead(t, f.c, f.fs, func() {
		f.killOurs()
		if err := os.Rename(f.server.Socket, moved); err != nil {
			t.Error(err)
		}
	})
	if err := os.Rename(moved, f.server.Socket); err != nil {
		t.Fatal(err)
	}
	stillHeld(t, f.c, r, "orders: redo", "orders: lock")
	if got := f.value(flushGlobal); got != "1" {
		t.Errorf("the global is %s: the test proves nothing", got)
	}
	f.recovered("after the server is in reach again")
}

// A stopped server that goes on before anybody asks it was never without its lock.
func TestServerStoppedForAMoment(t *testing.T) {
	f := newFaulted(t, "")
	r := lead(t, f.c, f.fs, func() { f.server.Pause(t); f.server.Resume(t) })
	f.wants(r, run.ExitDone, run.Application, "")
	f.nothingHeld("after the run")
}

// What a script made of PostgreSQL that no restart ends is undone when it is back.
func TestPostgresKilledOrStoppedWhileHeld(t *testing.T) {
	t.Parallel() // it waits for most of the time
	fs := testfs.New(t, "ext4", 600)
	server := testdb.Postgres(t, testdb.Options{Dir: fs.Dir, Args: []string{"-c", "fsync=on"}})
	if _, err := server.Pgx(t).Exec(t.Context(), "CREATE ROLE starhost SUPERUSER LOGIN"); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "marker.star")
	write(t, script, `API = 1

def prescript(ctx):
    freeze("`+fs.Dir+`")
    sql("CREATE TABLE marker (id INT)", hold = "marker", undo = "DROP TABLE marker")

def verify(ctx):
    sql("SELECT 1")
`)
	for _, more := range []string{"", "script = " + script + "\n"} {
		for _, fault := range []string{"killed", "stopped"} {
			t.Run(fmt.Sprintf("%s, script %v", fault, more != ""), func(t *testing.T) {
				c := newCommand(t, fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://starhost@localhost/postgres?socket=%s&connect_timeout=1\npassword_file = PASSWORD_FILE\ntimeout = 6\npostscript_timeout = 1\n%s",
					filepath.Dir(server.Socket), more))
				r := lead(t, c, fs, func() {
					if fault == "stopped" {
						server.Pause(t)
					} else {
						server.Kill(t) // backends too: they go on for a while without their parent
					}
				})
				if more != "" {
					stillHeld(t, c, r, "orders: marker")
				} else if r.Exit != run.ExitVerdict || r.Verdict != run.Filesystem || len(r.Held) > 0 {
					t.Errorf("exit status %d, verdict %q, held %q, want 5 and filesystem", r.Exit, r.Verdict, r.Held)
				}
				if server.Resume(t); fault == "killed" {
					server.Start(t)
				}
				want := map[bool]int{false: run.ExitNothing, true: run.ExitDone}[more != ""]
				c.run("recover").want(t, want)
				c.run("status").want(t, run.ExitDone)
				var left int
				err := server.Pgx(t).QueryRow(t.Context(), "SELECT (SELECT count(*) FROM pg_class WHERE relname = 'marker') + (SELECT count(*) FROM pg_stat_activity WHERE usename = 'starhost')").Scan(&left)
				if err != nil || left != 0 {
					t.Errorf("left at the server: %d, %v", left, err)
				}
			})
		}
	}
}
