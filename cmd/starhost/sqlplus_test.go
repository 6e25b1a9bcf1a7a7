//go:build linux

package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// A whole run by sqlplus, which logs in by the operating system: as whom, with which
// environment, and what is left of it.
func TestSqlplusRun(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	c := newCommand(t, w.erp("instances = TEST\ncredString = / as sysdba\nrole = master\nipc_folder = /var/lib/none\n"))
	got := c.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	w.nothingHeld("after the run")
	if text := members(got); text != "erp.TEST application" {
		t.Errorf("members: %s", text)
	}
	if n := len(w.oracle["ORCL"].Asked()); n > 0 {
		t.Errorf("%d programs spoke to the instance that was not chosen", n)
	}
	asked := w.oracle["TEST"].Asked()
	if len(asked) < 10 {
		t.Fatalf("%d programs were run", len(asked))
	}
	for _, p := range asked {
		if p.User != w.owner || p.Env["ORACLE_SID"] != "TEST" || p.Env["ORACLE_HOME"]+"/bin/sqlplus" != p.Argv[0] || !strings.HasSuffix(p.Env["NLS_LANG"], ".AL32UTF8") {
			t.Errorf("as %s, %q, %q", p.User, p.Argv, p.Env)
		}
		if !slices.Equal(p.Argv[1:], []string{"-S", "-L", "-R", "2", "/nolog"}) || !strings.Contains(p.Stdin, "CONNECT / AS SYSDBA\n") || !strings.Contains(p.Stdin, "WHENEVER SQLERROR EXIT") {
			t.Errorf("%q reads\n%s", p.Argv, p.Stdin)
		}
	}
	if begins, ends := count(asked, quiesces), count(asked, gives); begins != 1 || ends != 1 {
		t.Errorf("backup mode was begun %d times and ended %d times", begins, ends)
	}
	check := c.run("check").want(t, run.ExitDone)
	if want := w.owner + ": " + asked[0].Argv[0]; !strings.Contains(check.stdout, want) {
		t.Errorf("check does not say %q:\n%s", want, check.stdout)
	}
}

func count(list []worlds.Program, is func(worlds.Program) bool) (n int) {
	for _, p := range list {
		if is(p) {
			n++
		}
	}
	return n
}

// late is when a run must be over whose program would take an hour, on a busy machine.
const late = 30 * time.Second

// What is not right with an instance ends the run in time, says why, and leaves nothing.
func TestSqlplusRefused(t *testing.T) {
	t.Parallel()
	connects := func(p worlds.Program) bool { return strings.Contains(p.Stdin, "CONNECT ") }
	archives := func(p worlds.Program) bool { return strings.Contains(p.Stdin, "ARCHIVE LOG CURRENT") }
	hangs := func(is func(worlds.Program) bool) func(worlds.Program) time.Duration {
		return func(p worlds.Program) time.Duration {
			if is(p) {
				return time.Hour
			}
			return 0
		}
	}
	for _, tt := range []struct {
		name, more, says string
		spoil            change
		takes            func(worlds.Program) time.Duration
	}{
		{name: "not in the group", spoil: change{"login": false}, says: "ORA-01017"},
		{name: "a stranger", spoil: change{"user": "somebody"}, says: "ORA-01017"},
		{name: "down", spoil: change{"sid": "OTHER"}, says: "ORA-01034"},
		{name: "mounted", spoil: change{"status": "MOUNTED"}, says: "mounted and not open"},
		{name: "another home", spoil: change{"home": "/u01/other"}, says: "SP2-0667"},
		{name: "more files than are kept of its output", spoil: change{"data_files": slices.Repeat([]string{"/srv/" + strings.Repeat("x", 200)}, 1500)}, says: "sqlplus wrote more than is kept"},
		{name: "no room for archived logs", spoil: change{"archiver_hangs": true}, says: "ORA-19809"},
		{name: "the archiver hangs", takes: hangs(archives), more: "[settings \"erp\"]\nswitch_wait = 1\n", says: "sqlplus"},
		{name: "the logon hangs", takes: hangs(connects), more: "prescript_timeout = 1\n", says: "prescript"},
		{name: "the end of the begin is not heard of", takes: hangs(quiesces), more: "prescript_timeout = 2\n", says: "prescript"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newClinic(t)
			alter(w.oracle["ORCL"], tt.spoil)
			w.set(tt.takes)
			c := newCommand(t, w.erp("instances = ORCL\n"+tt.more))
			c.plainly(true)
			got := c.run("run", "--json", "--", "true").want(t, run.ExitPrescript)
			w.nothingHeld(tt.name)
			if !strings.Contains(got.report.Error.Message, tt.says) {
				t.Errorf("error %+v, want %s", got.report.Error, tt.says)
			}
			if got.took > late {
				t.Errorf("the run took %v", got.took)
			}
		})
	}
}

// Backup mode of both instances outlives everybody who is killed, and the machine. The
// next one to come ends each, once.
func TestSqlplusRecover(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{"no boot": "recover erp", "a boot": "recover erp --same-disks"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newClinic(t)
			c := newCommand(t, w.erp(""))
			c.plainly(true)
			killedWhileFrozen(t, c)
			if held := w.held(); len(held) != 2 {
				t.Fatalf("held after the kill: %q", held)
			}
			eventually(t, 20*time.Second, "the watchdog has died, too", func() bool {
				got := c.run("status")
				return got.exit == run.ExitHeld && strings.Contains(got.stdout, "held: erp.ORCL: backup") && strings.Contains(got.stdout, "held: erp.TEST: backup")
			})
			if name == "a boot" {
				bootSince(t, c)
				c.run("recover", "erp").want(t, run.ExitHeld)
			}
			c.run(strings.Fields(args)...).want(t, run.ExitDone)
			c.run(strings.Fields(args)...).want(t, run.ExitNothing)
			w.nothingHeld("after recover")
			w.endedOnce()
		})
	}
}

// endedOnce fails the test unless each instance of Oracle was told once to end backup mode.
func (c *clinic) endedOnce() {
	c.t.Helper()
	for sid, one := range c.oracle {
		if n := count(one.Asked(), gives); n != 1 {
			c.t.Errorf("%s: backup mode was ended %d times", sid, n)
		}
	}
}

// Its watchdog ends backup mode by itself when the process that leads a run is killed.
func TestSqlplusLeaderDies(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	c := newCommand(t, w.erp(""))
	c.plainly(true)
	cmd := c.frozen()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, 20*time.Second, "the watchdog ends backup mode", func() bool { return len(w.held()) == 0 })
	eventually(t, 20*time.Second, "its journal is ended", func() bool { return c.run("recover").exit == run.ExitNothing })
	w.endedOnce()
}

// pre and post work with instances: a section stands for all of them.
func TestSqlplusPrePost(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	c := newSupervised(t, w.erp(""))
	c.run("pre", "--json", "erp").want(t, run.ExitDone)
	if held := w.held(); len(held) != 2 {
		t.Errorf("held by pre: %q", held)
	}
	if got := c.run("post", "erp.ORCL").want(t, run.ExitUsage); !strings.Contains(got.stderr, "erp.ORCL, erp.TEST are one run") {
		t.Errorf("post of one of two: %s", got.stderr)
	}
	got := c.run("post", "--json", "erp").want(t, run.ExitDone).report
	w.nothingHeld("after post")
	if text := members(got); text != "erp.ORCL application, erp.TEST application" {
		t.Errorf("members: %s", text)
	}
}

// A line that the oratab loses while its instance is held changes nothing for post.
func TestOratabChangesWhileHeld(t *testing.T) {
	t.Parallel()
	w := newClinic(t)
	c := newSupervised(t, w.erp(""))
	c.run("pre", "erp").want(t, run.ExitDone)
	text, err := os.ReadFile(w.oratab)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w.oratab, string(text)[:strings.Index(string(text), "TEST:")])
	c.run("post").want(t, run.ExitDone)
	w.nothingHeld("after post")
}
