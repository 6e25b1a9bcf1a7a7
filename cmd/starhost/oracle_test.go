//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/standin"
	"github.com/starhost/starhost/internal/tns"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// ledger is a stand-in for an Oracle instance, with a workload on it.
type ledger struct {
	*command
	files []string // its data files
	// With has f look at the instance, or change it.
	With func(f func(worlds.Server))
	// ends is how often END BACKUP was said; nil where nobody sees it.
	ends func() int
}

const endBackup = "ALTER DATABASE END BACKUP"

// oracleWorld makes an instance whose files are there.
func (l *ledger) oracleWorld(more ...action.Entry) worlds.Programs {
	l.t.Helper()
	dir := memoryDir(l.t)
	l.files = []string{filepath.Join(dir, "system01.dbf"), filepath.Join(dir, "users01.dbf")}
	for _, path := range l.files {
		write(l.t, path, "")
	}
	options := append([]action.Entry{
		{Key: "data_files", Value: listOf(l.files...)}, {Key: "control_files", Value: listOf(l.files[0])}, {Key: "log_files", Value: listOf(l.files[0])},
	}, more...)
	world, err := worlds.New("oracle-19c", action.Dict(options...))
	if err != nil {
		l.t.Fatal(err)
	}
	return world.(worlds.Programs)
}

func listOf(texts ...string) action.Value {
	values := make([]action.Value, len(texts))
	for i, text := range texts {
		values[i] = action.String(text)
	}
	return action.List(values...)
}

// newLedger is reached by a connection.
func newLedger(t *testing.T, more string) *ledger {
	t.Helper()
	l := &ledger{command: &command{t: t}}
	listener, err := tns.Listen(tns.Config{World: l.oracleWorld(), Users: map[string]string{"STARHOST": password}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(listener.Close)
	l.With, l.ends = listener.With, func() int { return listener.Count(endBackup) }
	l.command = newCommand(t, fmt.Sprintf("[workload \"ledger\"]\nworkload_name = oracle\nconnection = %s?privilege=sysbackup\npassword_file = PASSWORD_FILE\nfs_freeze = snapshot\n%s", listener.URL("starhost"), more))
	return l
}

// newLocalLedger is reached by sqlplus.
func newLocalLedger(t *testing.T) *ledger {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	home := memoryDir(t)
	if err := errors.Join(os.Chmod(home, 0o755), os.Mkdir(filepath.Join(home, "bin"), 0o755)); err != nil {
		t.Fatal(err)
	}
	l := &ledger{command: &command{t: t}}
	world := l.oracleWorld(action.Entry{Key: "home", Value: action.String(home)}, action.Entry{Key: "user", Value: action.String(me.Username)})
	instance := standin.Start(t, filepath.Join(home, "bin"), world, nil, "sqlplus")
	l.With = func(f func(worlds.Server)) { instance.Do(func(w worlds.Programs) { f(w) }) }
	l.command = newCommand(t, fmt.Sprintf("[workload \"ledger\"]\nworkload_name = oracle\nlinux_user = %s\nfs_freeze = snapshot\n[settings \"ledger\"]\noracle_home = %s\noracle_sid = ORCL\n", me.Username, home))
	return l
}

// held is what the instance knows to be held.
func (l *ledger) held() (held []string) {
	l.With(func(w worlds.Server) { held = w.Held() })
	return held
}

// others puts files into the backup mode of somebody else.
func (l *ledger) others(w worlds.Server) {
	if err := w.Set("other_backup", listOf(l.files...)); err != nil {
		l.t.Error(err)
	}
}

func TestOracleRun(t *testing.T) {
	t.Parallel()
	l := newLedger(t, "")
	got := l.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	if got.Verdict != run.Application || len(l.held()) > 0 || l.ends() != 1 {
		t.Errorf("verdict %v, held %q, ended %d times", got.Verdict, l.held(), l.ends())
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
		local bool     // by sqlplus, too
	}{
		{"nothing has happened", nil, false, "", run.ExitDone, "", 1, nil, true},
		{"somebody has ended it", func(_ *ledger, w worlds.Server) { w.Drop("backup mode") }, false, "", run.ExitDone, "", 0, nil, false},
		{"somebody has begun another one", func(l *ledger, w worlds.Server) { w.Drop("backup mode"); l.others(w) }, false, "", run.ExitDone, "", 0, nil, true},
		{"the instance has crashed", func(_ *ledger, w worlds.Server) { w.Restart() }, false, "", run.ExitDone, "", 1, nil, false},
		{"another database answers", func(l *ledger, w worlds.Server) { l.set(w, "dbid", action.Int(7)) }, false, "", run.ExitHeld, "another server answers", 0, mode, false},
		{"a boot", nil, true, "", run.ExitHeld, "say --same-disks, or --restored-copy", 0, mode, false},
		{"a boot, a restored copy", nil, true, "--restored-copy", run.ExitDone, "", 0, mode, true},
		{"a boot, the same disks", nil, true, "--same-disks", run.ExitDone, "", 1, nil, false},
		{"no boot, said to be a copy", nil, false, "--restored-copy", run.ExitHeld, "recover without --restored-copy", 0, mode, false},
	} {
		died := func(t *testing.T, l *ledger) {
			killedWhileFrozen(t, l.command)
			if !slices.Equal(l.held(), mode) {
				t.Fatalf("after the kill held is %q", l.held())
			}
			eventually(t, 10*time.Second, "the watchdog has died, too", func() bool {
				got := l.run("status")
				return got.exit == run.ExitHeld && strings.Contains(got.stdout, "held: ledger: backup")
			})
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
				if l.ends != nil && l.ends() != tt.ends {
					t.Errorf("END BACKUP was said %d times, want %d", l.ends(), tt.ends)
				}
				if held := l.held(); !slices.Equal(held, tt.held) && len(held)+len(tt.held) > 0 {
					t.Errorf("held %q, want %q", held, tt.held)
				}
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			died(t, newLedger(t, ""))
		})
		if tt.local {
			t.Run(tt.name+", by sqlplus", func(t *testing.T) {
				t.Parallel()
				died(t, newLocalLedger(t))
			})
		}
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
	eventually(t, 10*time.Second, "the watchdog has died, too", func() bool { return l.run("status").exit == run.ExitHeld })
	l.With(func(w worlds.Server) { w.Drop("backup mode") })
	l.run("recover").want(t, run.ExitDone)
	l.run("recover").want(t, run.ExitNothing)
	if n := l.ends(); n != 1 || len(l.held()) > 0 {
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
	if n := l.ends(); n != 1 {
		t.Errorf("END BACKUP was said %d times", n)
	}
	eventually(t, 20*time.Second, "the watchdog has ended", func() bool { return l.run("recover").exit == run.ExitNothing })
}
