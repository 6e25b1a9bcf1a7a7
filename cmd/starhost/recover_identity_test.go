//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

// identified is a server on which each run holds a table, a global and a lock, and
// which writes down what it is told.
type identified struct {
	*observer
	script string
}

const (
	markers = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'marker'"
	global  = "SELECT @@global.max_connect_errors"
	// What a driver says to find out who a server is.
	ours = "argument REGEXP '^(SET NAMES|SELECT CONNECTION_ID|SELECT VERSION\\\\(|SHOW GLOBAL VARIABLES LIKE .server_uuid|SHOW GLOBAL STATUS LIKE .Uptime)'"
	log  = "FROM mysql.general_log WHERE user_host LIKE '%starhost%' AND command_type "
)

func newIdentified(t *testing.T) *identified {
	server := testdb.MariaDB(t, testdb.Options{Args: []string{"--log-output=TABLE", "--max-connect-errors=100"}})
	i := &identified{observe(t, server), filepath.Join(t.TempDir(), "marker.star")}
	write(t, i.script, `API = 1

def prescript(ctx):
    sql("CREATE TABLE test.marker (id INT)", hold = "marker", undo = "DROP TABLE test.marker")
    sql("SET GLOBAL max_connect_errors = 77", hold = "global", undo = "SET GLOBAL max_connect_errors = 100")
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")

def verify(ctx):
    pass
`)
	return i
}

// died is a run that died while it held everything.
func (i *identified) died(t *testing.T) *command {
	t.Helper()
	i.t = t
	c := newCommand(t, configFor("mariadb", "mysql", i.server.Socket, "fs_freeze = off\nscript = "+i.script+"\n"))
	killedWhileFrozen(t, c)
	eventually(t, 5*time.Second, "the sessions of the run have ended", func() bool { return i.sessions() == 0 })
	return c
}

// listen forgets what the server was told so far.
func (i *identified) listen() {
	i.t.Helper()
	i.exec("SET GLOBAL general_log = OFF")
	i.exec("TRUNCATE mysql.general_log")
	i.exec("SET GLOBAL general_log = ON")
}

// heard checks what the server was told since then: whether it was connected to, and
// which statements were made that are not about who it is.
func (i *identified) heard(connected bool, statements string) {
	i.t.Helper()
	if got := i.value("SELECT COUNT(*) > 0 " + log + "= 'Connect'"); got != map[bool]string{false: "0", true: "1"}[connected] {
		i.t.Errorf("the server was connected to: %s, want %v", got, connected)
	}
	got := i.value("SELECT COALESCE(GROUP_CONCAT(REGEXP_REPLACE(argument, 'KILL CONNECTION [0-9]+', 'KILL') ORDER BY event_time SEPARATOR '; '), '') " + log + "= 'Query' AND NOT " + ours)
	if got != statements {
		i.t.Errorf("the server was told %q, want %q", got, statements)
	}
}

// reset makes the server as it was before the run.
func (i *identified) reset() {
	i.t.Helper()
	i.exec("SET GLOBAL general_log = OFF")
	i.exec("DROP TABLE IF EXISTS test.marker")
	i.exec("SET GLOBAL max_connect_errors = 100")
}

// What recover does depends on whom it finds: to a server that is not the recorded
// one nothing is said, and after a boot, or on another machine, only what is allowed.
func TestRecoverByIdentity(t *testing.T) {
	t.Parallel()
	i := newIdentified(t)
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		t.Skip("the machine has no id: ", err)
	}
	const undone = "SET GLOBAL max_connect_errors = 100; DROP TABLE test.marker"
	anotherMachine := []string{strings.TrimSpace(string(machine)), "another-machine"}
	anotherServer := []string{`"server":"`, `"server":"another-`}
	remote := []string{`,"local":true`, ""}
	for _, tt := range []struct {
		name       string
		boot       bool     // the machine has booted since
		rewrite    []string // of the journal: old, new
		args       string
		exit       int
		says       string
		connected  bool
		statements string
	}{
		{"the same", false, nil, "", run.ExitDone, "", true, "KILL; undone"},
		{"the same, said to be a copy", false, nil, "--restored-copy", run.ExitHeld, "recover without --restored-copy", false, ""},
		{"another machine", false, anotherMachine, "", run.ExitHeld, "say --same-disks", false, ""},
		{"another machine, a copy", false, anotherMachine, "--restored-copy", run.ExitDone, "", false, ""},
		{"another server", false, anotherServer, "", run.ExitHeld, "another server answers", true, ""},
		{"another server, all is said", false, anotherServer, "--same-disks --remote", run.ExitHeld, "another server answers", true, ""},
		{"booted, another server", true, anotherServer, "--same-disks", run.ExitHeld, "another server answers", true, ""},
		{"booted, remote", true, remote, "", run.ExitHeld, "say --same-disks", false, ""},
		{"booted, remote, same disks", true, remote, "--same-disks", run.ExitHeld, "say --remote", false, ""},
		{"booted, remote, both", true, remote, "--same-disks --remote", run.ExitDone, "", true, "undone"},
		{"booted, remote, a copy", true, remote, "--restored-copy", run.ExitDone, "", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := i.died(t)
			if tt.boot {
				bootSince(t, c)
			}
			if tt.rewrite != nil {
				rewriteJournals(t, c, tt.rewrite[0], tt.rewrite[1])
			}
			i.listen()
			got := c.run(append([]string{"recover"}, strings.Fields(tt.args)...)...).want(t, tt.exit)
			i.heard(tt.connected, strings.ReplaceAll(tt.statements, "undone", undone))
			if !strings.Contains(got.stderr, tt.says) {
				t.Errorf("it does not say %q: %s", tt.says, got.stderr)
			}
			if want := map[bool]string{true: "0", false: "1"}[strings.Contains(tt.statements, "undone")]; i.value(markers) != want {
				t.Errorf("%s tables are there, want %s", i.value(markers), want)
			}
			i.reset()
		})
	}
}

// A restarted server has ended the lock and the global by itself: what somebody has
// set since is left alone. The table is there and is undone.
func TestRecoverAfterServerRestart(t *testing.T) {
	t.Parallel() // it waits for most of the time
	i := newIdentified(t)
	eventually(t, 10*time.Second, "the life of the server can be told from the next one", func() bool {
		return i.value("SELECT variable_value > 4 FROM information_schema.global_status WHERE variable_name = 'uptime'") == "1"
	})
	c := i.died(t)
	i.server.Kill(t)
	i.server.Start(t)
	i.exec("SET GLOBAL max_connect_errors = 55")
	i.listen()
	c.run("recover").want(t, run.ExitDone)
	i.heard(true, "DROP TABLE test.marker")
	if got := i.value(global) + " " + i.value(markers); got != "55 0" {
		t.Errorf("global and tables are %s, want 55 0", got)
	}
}

// Another server where the recorded one was: it is asked who it is, and nothing else,
// however often. The recorded one is served when it is back.
func TestRecoverFindsAnotherServer(t *testing.T) {
	i, other := newIdentified(t), newIdentified(t)
	c := i.died(t)
	other.exec("CREATE TABLE test.marker (id INT)")
	i.server.Kill(t)
	_ = os.Remove(i.server.Socket) // a server that was killed leaves it
	if err := os.Symlink(other.server.Socket, i.server.Socket); err != nil {
		t.Fatal(err)
	}
	other.listen()
	for _, args := range [][]string{{"recover"}, {"recover", "--same-disks", "--remote"}, {"run", "--", "true"}} {
		if got := c.run(args...).want(t, run.ExitHeld); !strings.Contains(got.stderr, "another server answers") {
			t.Errorf("%v does not say who answers: %s", args, got.stderr)
		}
	}
	other.heard(true, "")
	if got := other.value(markers); got != "1" {
		t.Errorf("the table of the other server: %s", got)
	}
	if err := os.Remove(i.server.Socket); err != nil {
		t.Fatal(err)
	}
	i.server.Start(t)
	c.run("recover").want(t, run.ExitDone)
	if got := i.value(markers); got != "0" {
		t.Errorf("the table of the recorded server: %s", got)
	}
}

// A journal on a copied disk: closing the copy says nothing to the server, and leaves
// the original for who has it.
func TestRecoverOnCopiedDisk(t *testing.T) {
	i := newIdentified(t)
	c := i.died(t)
	copied := newCommand(t, configFor("mariadb", "mysql", i.server.Socket, "fs_freeze = off\nscript = "+i.script+"\n"))
	if err := os.CopyFS(copied.stateDir, os.DirFS(c.stateDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(copied.stateDir, "runs"), 0o700); err != nil {
		t.Fatal(err)
	}
	bootSince(t, copied) // whoever started the copy
	i.listen()
	copied.run("status").want(t, run.ExitHeld)
	copied.run("recover").want(t, run.ExitHeld)
	copied.run("run", "--", "true").want(t, run.ExitHeld)
	copied.run("recover", "--restored-copy").want(t, run.ExitDone)
	copied.run("recover").want(t, run.ExitNothing)
	copied.run("status").want(t, run.ExitDone)
	i.heard(false, "")
	if got := i.value(global) + " " + i.value(markers); got != "77 1" {
		t.Errorf("global and tables are %s, want 77 1", got)
	}
	c.run("status").want(t, run.ExitHeld)
	c.run("recover").want(t, run.ExitDone)
	if got := i.value(global) + " " + i.value(markers); got != "100 0" {
		t.Errorf("global and tables are %s, want 100 0", got)
	}
}
