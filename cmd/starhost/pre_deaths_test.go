//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// newSupervised is newCommand for tests of pre: at their end neither a supervisor nor a
// socket may be there.
func newSupervised(t *testing.T, config string) *command {
	t.Helper()
	c := newCommand(t, config)
	t.Cleanup(func() {
		c.waitGone(2 * time.Second) // post answers before it ends
		left := c.supervisors()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGCONT)
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		if len(left) > 0 {
			t.Errorf("supervisors are left: %v", left)
			c.waitGone(5 * time.Second) // the servers that they speak to are stopped next
		}
		if files, _ := filepath.Glob(filepath.Join(c.runtimeDir, "pre", "*")); len(files) > 0 && !t.Failed() {
			t.Errorf("left in the runtime directory: %v", files)
		}
	})
	return c
}

// supervisors are the processes that have something open in our runtime directory, which
// has another path in front for those whose root is another one.
func (c *command) supervisors() (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		pid, perr := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil || perr != nil || pid == os.Getpid() || !strings.Contains(to, c.runtimeDir+"/pre/") {
			continue
		}
		pids = append(pids, pid)
	}
	return pids
}

// waitGone waits until there is no supervisor. Unlike eventually it works in a cleanup.
func (c *command) waitGone(within time.Duration) {
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(c.supervisors()) > 0 {
		select {
		case <-end.C:
			return
		case <-tick.C:
		}
	}
}

// supervisor is the one that there is.
func (c *command) supervisor() int {
	c.t.Helper()
	pids := c.supervisors()
	if len(pids) != 1 {
		c.t.Fatalf("supervisors: %v, want one", pids)
	}
	return pids[0]
}

// signal sends a signal to the supervisor, and waits until it is gone if it is to end.
func (c *command) signal(s syscall.Signal) {
	c.t.Helper()
	pid := c.supervisor()
	if err := syscall.Kill(pid, s); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, 5*time.Second, "the supervisor ends", func() bool { return len(c.supervisors()) == 0 })
}

// supervised is a window with a command for pre.
func supervised(t *testing.T, more string) (*window, *command) {
	t.Helper()
	w := newWindow(t)
	return w, newSupervised(t, configFor("mariadb", "mysql", w.server.Socket, more))
}

func (w *window) frozen() {
	w.t.Helper()
	if err := testfs.CanWrite(w.t, w.fs.Dir, 200*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		w.t.Errorf("the filesystem is not frozen: %v", err)
	}
}

// A pre that dies, or is told to end, before it has answered leaves nothing.
func TestPreEndsBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	w, c := supervised(t, "")
	slow := filepath.Join(c.dir, "slow.star")
	write(t, slow, `API = 1

def prescript(ctx):
    freeze("`+w.fs.Dir+`")
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")
    sleep(30)
`)
	slowConfig := filepath.Join(c.dir, "slow.conf")
	text, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, slowConfig, string(text)+"script = "+slow+"\n")
	locked := func() bool { return w.commit(100*time.Millisecond) != nil }

	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		post   bool
		exit   int // of pre; -1 is by a signal
	}{{"killed", syscall.SIGKILL, false, -1}, {"terminated", syscall.SIGTERM, false, run.ExitPrescript}, {"post comes", 0, true, run.ExitPrescript}} {
		t.Run(tt.name, func(t *testing.T) {
			c.t, w.t, w.observer.t = t, t, t
			cmd := c.process("--config", slowConfig, "pre", "--json")
			var stdout bytes.Buffer
			cmd.Stdout, cmd.WaitDelay = &stdout, time.Second
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, 10*time.Second, "the server is locked", locked)
			if tt.post {
				got := c.run("post", "--json").want(t, run.ExitPrescript).report
				w.wants(got, run.ExitPrescript, run.NoVerdict, "post came before")
			} else if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // by a signal, or a status that is looked at
			if got := cmd.ProcessState.ExitCode(); got != tt.exit {
				t.Errorf("pre ended with %d, want %d: %s", got, tt.exit, stdout.String())
			}
			eventually(t, 2*time.Second, "the supervisor ends", func() bool { return len(c.supervisors()) == 0 })
			w.nothingHeld(tt.name)
			c.run("post").want(t, run.ExitNothing)
		})
	}
	c.t = t
	t.Run("nobody reads the answer", func(t *testing.T) { nobodyReads(t, w, c) })
}

// nobodyReads kills a pre whose answer waits in a pipe that is full: everything is
// held, and nobody has been told.
func nobodyReads(t *testing.T, w *window, c *command) {
	c.t, w.t, w.observer.t = t, t, t
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_ = out.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	_, err = out.Write(make([]byte, 1<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the pipe is not full: ", err)
	}
	cmd := c.process("pre")
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = out.Close()
	eventually(t, 10*time.Second, "the filesystem is frozen", func() bool {
		return errors.Is(testfs.CanWrite(t, w.fs.Dir, 100*time.Millisecond), testfs.ErrBlocked)
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, 2*time.Second, "the supervisor ends", func() bool { return len(c.supervisors()) == 0 })
	w.nothingHeld("pre was killed in its answer")
	c.run("post").want(t, run.ExitNothing)
}

// A supervisor that dies in the hold, or is stopped: its watchdog undoes what it left.
// One that is told to end gives everything back itself.
func TestSupervisorDies(t *testing.T) {
	t.Parallel()
	w, c := supervised(t, "")
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		verb   string // that comes first
		exit   int    // of it
		post   int    // of a post after that
	}{
		{"killed, then post", syscall.SIGKILL, "post", run.ExitVerdict, run.ExitNothing},
		{"killed, then abort", syscall.SIGKILL, "abort", run.ExitDone, run.ExitNothing},
		{"killed, then recover", syscall.SIGKILL, "recover", run.ExitNothing, run.ExitVerdict},
		{"stopped, then post", syscall.SIGSTOP, "post", run.ExitVerdict, run.ExitNothing},
		{"terminated, then post", syscall.SIGTERM, "post", run.ExitVerdict, run.ExitNothing},
		{"interrupted, then post", syscall.SIGINT, "post", run.ExitVerdict, run.ExitNothing},
		{"hung up, then abort", syscall.SIGHUP, "abort", run.ExitNothing, run.ExitNothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t, w.t, w.observer.t = t, t, t
			c.run("pre").want(t, run.ExitDone)
			w.frozen()
			c.signal(tt.signal)
			w.nothingHeld("the supervisor is gone")
			c.run("status").want(t, run.ExitDone)
			got := c.run(tt.verb, "--json").want(t, tt.exit)
			w.nothingHeld(tt.name)
			if tt.exit == run.ExitVerdict {
				w.wants(got.report, tt.exit, run.Crash, "not to be trusted")
				c.remembers(got.report)
			}
			c.run("post").want(t, tt.post)
			c.run("status").want(t, run.ExitDone)
			if left := c.supervisors(); len(left) > 0 {
				t.Errorf("supervisors are left: %v", left)
			}
		})
	}
	c.t = t
}

// remembers fails the test unless status and the report that is kept say of a run whose
// snapshot is not to be trusted what post has said.
func (c *command) remembers(r *run.Report) {
	c.t.Helper()
	if r.QuiescedMS <= 0 || r.FrozenMS <= 0 || r.FrozenMS > r.QuiescedMS {
		c.t.Errorf("quiesced for %v ms, frozen for %v ms", r.QuiescedMS, r.FrozenMS)
	}
	if got := c.run("status").want(c.t, run.ExitDone); !regexp.MustCompile(r.Run + `.*  crash, exit status 5\n`).MatchString(got.stdout) {
		c.t.Errorf("status says of run %s:\n%s", r.Run, got.stdout)
	}
	var kept run.Report
	text, err := os.ReadFile(filepath.Join(c.stateDir, "runs", r.Run+".report.json"))
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil || kept.Exit != r.Exit || kept.Verdict != r.Verdict || kept.QuiescedMS != r.QuiescedMS || kept.FrozenMS != r.FrozenMS {
		c.t.Errorf("the report that is kept: %+v, %v", kept, err)
	}
}

// While the server cannot be reached what a supervisor left that was killed with its
// watchdog cannot be undone.
// Post says so, and goes on when it is called again.
func TestPostCannotRecover(t *testing.T) {
	w, c := supervised(t, "")
	c.run("pre").want(t, run.ExitDone)
	killBoth(t, c.supervisor())
	eventually(t, 5*time.Second, "the supervisor ends", func() bool { return len(c.supervisors()) == 0 })
	moved := w.server.Socket + ".away"
	if err := os.Rename(w.server.Socket, moved); err != nil {
		t.Fatal(err)
	}
	got := c.run("post", "--json").want(t, run.ExitHeld).report
	if len(got.Held) == 0 {
		t.Error("nothing is held, says the report")
	}
	if err := os.Rename(moved, w.server.Socket); err != nil {
		t.Fatal(err)
	}
	c.run("post").want(t, run.ExitVerdict)
	w.nothingHeld("after the second post")
}
