//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/mysqlwire"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// mysql8 is a stand-in for MySQL 8 or 9, which cannot be had here: it rests on the manual.
// The real command speaks to it by the real driver, and freezes a real filesystem.
type mysql8 struct {
	*command
	t    *testing.T
	wire *mysqlwire.Server
	fs   *testfs.FS
}

func newMySQL8(t *testing.T, world, more string, fault func(*mysqlwire.Server, string) mysqlwire.Fault) *mysql8 {
	t.Helper()
	fs := testfs.New(t, "ext4", 32)
	if err := os.Mkdir(filepath.Join(fs.Dir, "sys"), 0o750); err != nil { // the world has a table there
		t.Fatal(err)
	}
	variables := []action.Entry{}
	for name, value := range map[string]string{
		"datadir": fs.Dir + "/", "log_bin_basename": fs.Dir + "/binlog", "relay_log_basename": fs.Dir + "/relay",
	} {
		variables = append(variables, action.Entry{Key: name, Value: action.String(value)})
	}
	server, err := worlds.New(world, action.Dict(
		action.Entry{Key: "variables", Value: action.Dict(variables...)},
		action.Entry{Key: "replica", Value: action.List(action.String(""), action.String("east"))},
		action.Entry{Key: "innodb_flush_log_at_trx_commit", Value: action.Int(2)},
		action.Entry{Key: "read_only", Value: action.Bool(true)},
	))
	if err != nil {
		t.Fatal(err)
	}
	m := &mysql8{t: t, fs: fs, wire: mysqlwire.Start(t, server, mysqlwire.Options{User: "starhost", Password: password, Fault: fault})}
	m.command = newCommand(t, configFor("mysql", "mysql", m.wire.Socket+"&connect_timeout=1", more+"\n[settings \"orders\"]\nstop_replica = true\n"))
	return m
}

// held is what the server holds now.
func (m *mysql8) held() (held []string) {
	m.wire.Do(func(w worlds.Server) { held = w.Held() })
	return held
}

func (m *mysql8) nothingHeld(what string) {
	m.t.Helper()
	eventually(m.t, 5*time.Second, what+": nothing is held", func() bool { return len(m.held()) == 0 })
	if err := testfs.CanWrite(m.t, m.fs.Dir, time.Second); err != nil {
		m.t.Errorf("%s: %v", what, err)
	}
}

// quiesced is what must be held at the server during the snapshot.
var quiesced = []string{
	"backup lock", "global innodb_flush_log_at_trx_commit = 1, was 2", "global read lock",
	"replica SQL thread stopped", "replica SQL thread stopped of east",
}

func TestRunOnMySQL8StandIn(t *testing.T) {
	for _, world := range []string{"mysql-8.0", "mysql-8.4", "mysql-9"} {
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			m := newMySQL8(t, world, "", nil)
			inside, leave := filepath.Join(m.dir, "inside"), filepath.Join(m.dir, "leave")
			done := make(chan outcome, 1)
			go func() {
				done <- m.run("run", "--json", "--", "sh", "-c", "touch "+inside+"; until [ -e "+leave+" ]; do sleep 0.01; done")
			}()
			eventually(t, 20*time.Second, "the snapshot", func() bool {
				_, err := os.Stat(inside)
				return err == nil || len(done) > 0
			})
			if held := m.held(); !slices.Equal(held, quiesced) {
				t.Errorf("held in the window: %q, want %q", held, quiesced)
			}
			write(t, leave, "")
			got := (<-done).want(t, run.ExitDone)
			m.nothingHeld("after the run")
			point := got.report.Members[0].RecoveryPoint.Before
			if got.report.Verdict != run.Application || point.Get("position").Get("file").Text() != "binlog.000003" ||
				!strings.Contains(point.Get("log_status").Get("LOCAL").Text(), "binlog.000003") || len(point.Get("replica").Items()) != 2 {
				t.Errorf("verdict %q, recovery point %s", got.report.Verdict, point)
			}
		})
	}
}

// After a kill -9 of everybody the locks are gone with their session, and the rest is
// undone by recover, once.
func TestKilledOnMySQL8StandIn(t *testing.T) {
	t.Parallel()
	m := newMySQL8(t, "mysql-8.4", "", nil)
	m.env = []string{deathEnv + "=snapshot+0ms supervisor,watchdog KILL", faultTime + "=" + filepath.Join(m.dir, "struck")}
	m.command.run("run", "--", "sleep", "1000")
	m.env = nil
	want := quiesced[1:2:2]
	want = append(want, quiesced[3:]...)
	eventually(t, 5*time.Second, "the sessions end", func() bool { return slices.Equal(m.held(), want) })
	m.command.run("recover").want(t, run.ExitDone)
	m.nothingHeld("after recover")
	m.command.run("recover").want(t, run.ExitNothing)
}

// A server that hangs holds up the run for no longer than its limits, and is given
// everything back when it goes on.
func TestMySQL8StandInHangs(t *testing.T) {
	for name, hangs := range map[string]string{"when it is locked": "FLUSH TABLES WITH READ LOCK", "when it is verified": "CREATE DATABASE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var paused atomic.Bool
			m := newMySQL8(t, "mysql-8.4", "timeout = 3\nprescript_timeout = 2\npostscript_timeout = 1\n", func(s *mysqlwire.Server, query string) mysqlwire.Fault {
				if strings.HasPrefix(query, hangs) && !paused.Swap(true) {
					s.Pause()
				}
				return mysqlwire.None
			})
			got := m.run("run", "--json", "--", "true")
			if got.report == nil || got.report.Verdict == run.Application || got.exit != run.ExitHeld || got.took > 30*time.Second {
				t.Errorf("exit status %d after %v, report %+v, %s", got.exit, got.took, got.report, got.stderr)
			}
			if err := testfs.CanWrite(t, m.fs.Dir, time.Second); err != nil {
				t.Error(err)
			}
			m.wire.Resume()
			m.run("recover").want(t, run.ExitDone)
			m.nothingHeld("after recover")
		})
	}
}

// A connection that is cut in mid-statement leaves nobody knowing whether the statement was
// made. The run does not believe that it was, and undoes it as if it were.
func TestMySQL8StandInIsCut(t *testing.T) {
	for name, c := range map[string]struct {
		at      string
		fault   mysqlwire.Fault
		exit    int
		verdict run.Verdict
	}{
		"after the applier was stopped":   {"STOP REPLICA", mysqlwire.CutAfter, run.ExitPrescript, run.NoVerdict},
		"after the global was set":        {"SET GLOBAL innodb", mysqlwire.CutAfter, run.ExitPrescript, run.NoVerdict},
		"before the lock was taken":       {"FLUSH TABLES WITH READ LOCK", mysqlwire.CutBefore, run.ExitPrescript, run.NoVerdict},
		"when the lock is to be verified": {"CREATE DATABASE", mysqlwire.CutBefore, run.ExitVerdict, run.Filesystem},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cut atomic.Bool
			m := newMySQL8(t, "mysql-8.4", "", func(_ *mysqlwire.Server, query string) mysqlwire.Fault {
				if strings.HasPrefix(query, c.at) && !cut.Swap(true) {
					return c.fault
				}
				return mysqlwire.None
			})
			got := m.run("run", "--json", "--", "true").want(t, c.exit)
			if got.report.Verdict != c.verdict || len(got.report.Held) > 0 || !cut.Load() {
				t.Errorf("verdict %q, held %q, want %q", got.report.Verdict, got.report.Held, c.verdict)
			}
			m.nothingHeld(name)
		})
	}
}
