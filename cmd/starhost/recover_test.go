//go:build linux

package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// killedWhileFrozen kills a run and its watchdog at once, while everything is held.
func killedWhileFrozen(t *testing.T, c *command) {
	t.Helper()
	cmd := c.frozen()
	killBoth(t, cmd.Process.Pid)
	_ = cmd.Wait() // killed
}

// frozen starts a run that holds everything until it is killed.
func (c *command) frozen() *exec.Cmd {
	c.t.Helper()
	marker := filepath.Join(c.dir, "frozen")
	_ = os.Remove(marker)
	cmd := c.process("run", "--", "sh", "-c", "touch "+marker+"; sleep 1000")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, 30*time.Second, "the snapshot command runs", func() bool { _, err := os.Stat(marker); return err == nil })
	return cmd
}

// A run that is killed with its watchdog leaves the filesystem frozen and a global
// changed. Status says so, recover undoes it, and so does the next run by itself.
func TestRecoverAfterKill(t *testing.T) {
	t.Parallel()
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=0"}})
	o := observe(t, server, fs.Dir)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	c.run("recover").want(t, run.ExitNothing)

	killedWhileFrozen(t, c)
	if err := testfs.CanWrite(t, fs.Dir, 300*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("the filesystem is not frozen after the kill: %v", err)
	}
	got := c.run("status").want(t, run.ExitHeld)
	for _, says := range []string{"DEAD", "filesystem " + fs.Dir, "redo", "lock"} {
		if !strings.Contains(got.stdout, says) {
			t.Errorf("status does not say %q:\n%s", says, got.stdout)
		}
	}
	c.run("check").want(t, run.ExitHeld)
	got = c.run("recover", "--json").want(t, run.ExitDone)
	o.nothingHeld("after recover")
	if len(got.report.Held) > 0 {
		t.Errorf("held: %v", got.report.Held)
	}
	c.run("recover").want(t, run.ExitNothing)
	c.run("status").want(t, run.ExitDone)

	killedWhileFrozen(t, c)
	c.run("run", "--", "true").want(t, run.ExitDone)
	o.nothingHeld("after the next run")
}

// While the server cannot be reached what it holds stays in the journal; the rest
// is undone.
func TestRecoverWithoutServer(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=0"}})
	o := observe(t, server, fs.Dir)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	killedWhileFrozen(t, c)
	moved := server.Socket + ".away"
	if err := os.Rename(server.Socket, moved); err != nil {
		t.Fatal(err)
	}
	got := c.run("recover", "--json").want(t, run.ExitHeld)
	if err := testfs.CanWrite(t, fs.Dir, time.Second); err != nil {
		t.Errorf("the filesystem: %v", err)
	}
	if len(got.report.Held) != 2 {
		t.Errorf("held %q, want the lock and the global", got.report.Held)
	}
	if err := os.Rename(moved, server.Socket); err != nil {
		t.Fatal(err)
	}
	c.run("recover").want(t, run.ExitDone)
	o.nothingHeld("after the server is back")
}

// After a boot what outlives one is not undone by itself: the disks may be a copy.
func TestRecoverAfterBoot(t *testing.T) {
	t.Parallel()
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	script := filepath.Join(t.TempDir(), "durable.star")
	write(t, script, `API = 1

def prescript(ctx):
    freeze("`+fs.Dir+`")
    sql("CREATE TABLE test.marker (id INT)", hold = "marker", undo = "DROP TABLE test.marker")

def verify(ctx):
    pass
`)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "script = "+script+"\n"))
	const tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'marker'"
	die := func() {
		killedWhileFrozen(t, c)
		if err := fs.Thaw(); err != nil { // as a boot does
			t.Fatal(err)
		}
		bootSince(t, c)
	}
	die()
	c.run("recover").want(t, run.ExitHeld)
	c.run("run", "--", "true").want(t, run.ExitHeld)
	if o.value(tables) != "1" {
		t.Error("recover undid something on disks that may be a copy")
	}
	c.run("recover", "--restored-copy").want(t, run.ExitDone)
	if o.value(tables) != "1" {
		t.Error("recover --restored-copy undid something")
	}
	o.exec("DROP TABLE test.marker")
	die()
	c.run("recover", "--same-disks").want(t, run.ExitDone)
	if o.value(tables) != "0" {
		t.Error("recover --same-disks left the table")
	}
	o.nothingHeld("at the end")
}

// bootSince makes the journals those of another boot of the machine.
func bootSince(t *testing.T, c *command) {
	t.Helper()
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	rewriteJournals(t, c, strings.TrimSpace(string(boot)), "another-boot")
}

// rewriteJournals puts a text in the place of another one, in every record of the
// journals, and seals the records anew.
func rewriteJournals(t *testing.T, c *command, text, with string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.stateDir, "runs", "*.journal"))
	if err != nil || len(files) == 0 {
		t.Fatal("no journal: ", err)
	}
	found := false
	for _, path := range files {
		journal, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(string(journal), text)
		var sealed strings.Builder
		for line := range strings.Lines(string(journal)) {
			body, _, ok := strings.Cut(line, `,"sum":"`)
			if !ok {
				t.Fatalf("%s: a line without a checksum: %s", path, line)
			}
			body = strings.ReplaceAll(body, text, with)
			fmt.Fprintf(&sealed, "%s,\"sum\":\"%08x\"}\n", body, crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
		}
		write(t, path, sealed.String())
	}
	if !found {
		t.Fatalf("no journal says %q", text)
	}
}
