//go:build unix

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/tns"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// oracleServer is a stand-in with the world of an Oracle 19c, whose files would be on tmpfs.
func oracleServer(t testing.TB, cfg tns.Config) *tns.Listener {
	t.Helper()
	dir := memoryDir(t)
	var options []action.Entry
	for _, option := range []string{"data_files", "control_files", "log_files"} {
		options = append(options, action.Entry{Key: option, Value: action.List(action.String(filepath.Join(dir, option)))})
	}
	world, err := worlds.New("oracle-19c", action.Dict(options...))
	if err != nil {
		t.Fatal(err)
	}
	cfg.World, cfg.Users = world, map[string]string{"KEEPER": password}
	l, err := tns.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func oracleConfig(l *tns.Listener) string {
	return fmt.Sprintf("[workload]\nworkload_name = oracle\nconnection = %s?privilege=sysbackup\npassword_file = PASSWORD_FILE\nfs_freeze = snapshot\n", l.URL("keeper"))
}

// TestOracleConnection has a whole run over the network: backup mode is begun once and ended
// once, and nothing but the report is on standard output, although the library prints.
func TestOracleConnection(t *testing.T) {
	t.Parallel()
	l := oracleServer(t, tns.Config{Expiring: true})
	c := newCommand(t, oracleConfig(l))
	o := c.run("--json", "run", "--", "true")
	if o.exit != run.ExitDone || o.report == nil || o.report.Verdict != run.Application {
		t.Fatalf("exit %d, report %+v\n%s%s", o.exit, o.report, o.stdout, o.stderr)
	}
	if strings.Contains(o.stdout, "28002") || !strings.Contains(o.stderr, "28002") {
		t.Errorf("the library's warning is not on standard error alone:\nstdout %s\nstderr %s", o.stdout, o.stderr)
	}
	for _, statement := range []string{"ALTER DATABASE BEGIN BACKUP", "ALTER DATABASE END BACKUP"} {
		if n := l.Count(statement); n != 1 {
			t.Errorf("%s was made %d times", statement, n)
		}
	}
	l.With(func(w worlds.Server) {
		if held := w.Held(); len(held) > 0 {
			t.Errorf("still held: %q", held)
		}
	})
	if sessions := l.Sessions(); len(sessions) > 0 {
		t.Errorf("sessions are left: %+v", sessions)
	}
}
