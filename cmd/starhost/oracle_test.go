//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/tns"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// ledger is a stand-in for an Oracle instance, with a workload on it.
type ledger struct {
	*tns.Listener
	*command
	files []string // its data files
}

const endBackup = "ALTER DATABASE END BACKUP"

func newLedger(t *testing.T, more string) *ledger {
	t.Helper()
	dir := memoryDir(t)
	l := &ledger{files: []string{filepath.Join(dir, "system01.dbf"), filepath.Join(dir, "users01.dbf")}}
	for _, path := range l.files {
		write(t, path, "")
	}
	one := func(name string, paths ...string) action.Entry {
		values := make([]action.Value, len(paths))
		for i, p := range paths {
			values[i] = action.String(p)
		}
		return action.Entry{Key: name, Value: action.List(values...)}
	}
	world, err := worlds.New("oracle-19c", action.Dict(one("data_files", l.files...), one("control_files", l.files[0]), one("log_files", l.files[0])))
	if err != nil {
		t.Fatal(err)
	}
	if l.Listener, err = tns.Listen(tns.Config{World: world, Users: map[string]string{"STARHOST": password}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Listener.Close)
	l.command = newCommand(t, fmt.Sprintf("[workload \"ledger\"]\nworkload_name = oracle\nconnection = %s?privilege=sysbackup\npassword_file = PASSWORD_FILE\nfs_freeze = snapshot\n%s", l.URL("starhost"), more))
	return l
}

// held is what the instance knows to be held.
func (l *ledger) held() (held []string) {
	l.With(func(w worlds.Server) { held = w.Held() })
	return held
}

// others puts files into the backup mode of somebody else.
func (l *ledger) others(w worlds.Server) {
	values := make([]action.Value, len(l.files))
	for i, p := range l.files {
		values[i] = action.String(p)
	}
	if err := w.Set("other_backup", action.List(values...)); err != nil {
		l.t.Error(err)
	}
}

func TestOracleRun(t *testing.T) {
	t.Parallel()
	l := newLedger(t, "")
	got := l.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	if got.Verdict != run.Application || len(l.held()) > 0 || l.Count("ALTER DATABASE BEGIN BACKUP") != 1 || l.Count(endBackup) != 1 {
		t.Errorf("verdict %v, held %q, said %v", got.Verdict, l.held(), l.Statements())
	}
}

// A run that is killed with its watchdog leaves the files in backup mode, for good. Recover
// ends what the run began, once, and nothing else.
func TestOracleRecover(t *testing.T) {
	t.Parallel()
	mode := []string{"backup mode"}
	for _, tt := range []struct {
		name  string
		since func(l *ledger, w worlds.Server) // what has happened since
		boot  bool                             // the machine has booted since
		args  string
		exit  int
		says  string
		ends  int      // how often END BACKUP was said
		held  []string // then
	}{
		{"nothing has happened", nil, false, "", run.ExitDone, "", 1, nil},
		{"somebody has ended it", func(_ *ledger, w worlds.Server) { w.Drop("backup mode") }, false, "", run.ExitDone, "", 0, nil},
		{"somebody has begun another one", func(l *ledger, w worlds.Server) { w.Drop("backup mode"); l.others(w) }, false, "", run.ExitDone, "", 0, nil},
		{"the instance has crashed", func(_ *ledger, w worlds.Server) { w.Restart() }, false, "", run.ExitDone, "", 1, nil},
		{"another database answers", func(l *ledger, w worlds.Server) { l.set(w, "dbid", action.Int(7)) }, false, "", run.ExitHeld, "another server answers", 0, mode},
		{"a boot", nil, true, "", run.ExitHeld, "say --same-disks, or --restored-copy", 0, mode},
		{"a boot, a restored copy", nil, true, "--restored-copy", run.ExitDone, "", 0, mode},
		{"a boot, the same disks", nil, true, "--same-disks", run.ExitDone, "", 1, nil},
		{"no boot, said to be a copy", nil, false, "--restored-copy", run.ExitHeld, "recover without --restored-copy", 0, mode},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, "")
			killedWhileFrozen(t, l.command)
			if !slices.Equal(l.held(), mode) || l.Count(endBackup) > 0 {
				t.Fatalf("after the kill held is %q", l.held())
			}
			if text := l.run("status").want(t, run.ExitHeld).stdout; !strings.Contains(text, "held: ledger: backup") {
				t.Errorf("status says %s", text)
			}
			if tt.since != nil {
				l.With(func(w worlds.Server) { tt.since(l, w) })
			}
			if tt.boot {
				bootSince(t, l.command)
			}
			for again := range 2 {
				got := l.run(append([]string{"recover"}, strings.Fields(tt.args)...)...)
				want := tt.exit
				if again > 0 && want == run.ExitDone {
					want = run.ExitNothing
				}
				if got.want(t, want); !strings.Contains(got.stderr, tt.says) {
					t.Errorf("it does not say %q: %s", tt.says, got.stderr)
				}
				if n := l.Count(endBackup); n != tt.ends || !slices.Equal(l.held(), tt.held) && len(l.held())+len(tt.held) > 0 {
					t.Errorf("END BACKUP was said %d times, want %d; held %q, want %q", n, tt.ends, l.held(), tt.held)
				}
			}
		})
	}
}

func (l *ledger) set(w worlds.Server, name string, value action.Value) {
	if err := w.Set(name, value); err != nil {
		l.t.Error(err)
	}
}

// An undo without a guard meets ORA-01142 if somebody was faster: that counts as done.
func TestOracleAlreadyEnded(t *testing.T) {
	t.Parallel()
	script := filepath.Join(memoryDir(t), "plain.star")
	write(t, script, `API = 1

def prescript(ctx):
    freeze()
    sql("ALTER DATABASE BEGIN BACKUP", hold = "backup", undo = "ALTER DATABASE END BACKUP")

def verify(ctx):
    pass
`)
	l := newLedger(t, "script = "+script+"\n")
	killedWhileFrozen(t, l.command)
	l.With(func(w worlds.Server) { w.Drop("backup mode") })
	l.run("recover").want(t, run.ExitDone)
	l.run("recover").want(t, run.ExitNothing)
	if n := l.Count(endBackup); n != 1 || len(l.held()) > 0 {
		t.Errorf("END BACKUP was said %d times; held %q", n, l.held())
	}
}

// The watchdog ends the backup of a supervisor that is killed.
func TestOracleSupervisorKilled(t *testing.T) {
	t.Parallel()
	l := newLedger(t, "")
	cmd := l.frozen()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, 20*time.Second, "the watchdog has ended the backup", func() bool { return len(l.held()) == 0 })
	if n := l.Count(endBackup); n != 1 {
		t.Errorf("END BACKUP was said %d times", n)
	}
	eventually(t, 20*time.Second, "the watchdog has ended", func() bool { return l.run("recover").exit == run.ExitNothing })
}
