//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// dies starts a run that gets a signal as [deathEnv] says, and waits for the signal.
func (c *command) dies(death string, env ...string) *exec.Cmd {
	c.t.Helper()
	marker := filepath.Join(c.dir, "struck")
	cmd := c.process("run", "--", "sleep", "1000")
	cmd.Env = append(append(cmd.Env, deathEnv+"="+death, faultTime+"="+marker), env...)
	cmd.Stderr = c.t.Output()
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, 20*time.Second, "the signal", func() bool { _, err := os.Stat(marker); return err == nil })
	return cmd
}

// A thread of the supervisor sleeps in a write to the frozen filesystem, so the process
// cannot end when it is killed, and its connections stay open: thawed all the same.
func TestKilledInAWrite(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	file := filepath.Join(fs.Dir, "written")
	cmd := c.dies("snapshot+100ms supervisor KILL", writeEnv+"="+file)
	o.nothingHeld("the supervisor was killed in a write")
	_ = cmd.Wait() // killed
	if _, err := os.Stat(file); err != nil {
		t.Errorf("nothing was written, so the test proves nothing: %v", err)
	}
	eventually(t, 5*time.Second, "the watchdog ends", func() bool { return c.run("recover").exit == run.ExitNothing })
}

// A FIFREEZE sleeps in the kernel, because the filesystem that holds the image is
// frozen, and the process that made it is killed: it comes about later. Nothing is
// frozen at the end.
func TestKilledInAFreeze(t *testing.T) {
	for _, targets := range []string{"watchdog", "supervisor", "supervisor,watchdog"} {
		t.Run(targets, func(t *testing.T) {
			outer := testfs.New(t, "ext4", 600)
			inner := outer.Nested(t, "xfs", 0)
			script := filepath.Join(t.TempDir(), "nothing.star")
			write(t, script, "API = 1\n\ndef prescript(ctx):\n    freeze(\""+inner.Dir+"\")\n")
			c := newCommand(t, "[workload \"orders\"]\nworkload_name = nothing\nscript = "+script+"\nfreeze_timeout = 2\ntimeout = 10\n")
			cmd := c.dies("freeze+300ms "+targets+" KILL", outerEnv+"="+outer.Dir)
			if err := testfs.CanWrite(t, outer.Dir, 200*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
				t.Errorf("the outer filesystem is not frozen, so the test proves nothing: %v", err)
			}
			if err := outer.Thaw(); err != nil && !errors.Is(err, syscall.EINVAL) {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed, or with the status of a run that was undone
			eventually(t, 10*time.Second, "the run is over, or recovered", func() bool {
				exit := c.run("recover").exit
				return exit == run.ExitNothing || exit == run.ExitDone
			})
			if err := testfs.CanWrite(t, inner.Dir, time.Second); err != nil {
				t.Errorf("the inner filesystem: %v", err)
			}
		})
	}
}

// A run in the control group of its caller dies with it. Its watchdog has left the
// group, and gives everything back.
func TestRunDiesWithTheCallersGroup(t *testing.T) {
	dir := controlGroup(t)
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, ""))
	marker := filepath.Join(c.dir, "frozen")
	cmd := c.process("run", "--", "sh", "-c", "touch "+marker+"; sleep 1000")
	startIn(t, dir, cmd)
	eventually(t, 10*time.Second, "the snapshot command runs", func() bool { _, err := os.Stat(marker); return err == nil })
	if err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0); errors.Is(err, os.ErrNotExist) {
		t.Skip("this kernel cannot kill a group: Linux 5.14 can")
	} else if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	o.nothingHeld("the control group was killed")
	eventually(t, 5*time.Second, "the watchdog ends", func() bool { return c.run("recover").exit == run.ExitNothing })
}

// Somebody else freezes the filesystem that holds our journal, for longer than the run
// may last: the process that leads it sleeps in a write and can undo nothing. The
// watchdog gives the database back when the time of the run is over.
func TestJournalFrozenForTooLong(t *testing.T) {
	t.Parallel()
	home := testfs.New(t, "ext4", 0)
	server := testdb.MariaDB(t, testdb.Options{Dir: testfs.New(t, "ext4", 600).Dir})
	o := observe(t, server)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "fs_freeze = off\ntimeout = 3\n"))
	c.stateDir = filepath.Join(home.Dir, "state")
	cmd := c.process("run", "--", "fsfreeze", "--freeze", home.Dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	thaw := sync.OnceFunc(func() { _ = home.Thaw() }) // by the end of the test in any case
	defer thaw()
	eventually(t, 10*time.Second, "the journal is frozen", func() bool {
		return errors.Is(testfs.CanWrite(t, home.Dir, 300*time.Millisecond), testfs.ErrBlocked)
	})
	if o.commit(200*time.Millisecond) == nil {
		t.Error("nothing is held, so the test proves nothing")
	}
	eventually(t, 8*time.Second, "the database is given back", func() bool { return o.commit(200*time.Millisecond) == nil })
	if testfs.CanWrite(t, home.Dir, 100*time.Millisecond) == nil {
		t.Error("the journal is not frozen any more, so the test proves nothing")
	}
	thaw()
	_ = cmd.Wait() // killed, or with a status that says what happened
	o.nothingHeld("the run is over")
	eventually(t, 10*time.Second, "the run is over", func() bool { return c.run("recover").exit == run.ExitNothing })
}
