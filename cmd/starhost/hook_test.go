//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/run"
)

// Every caller may call in any order, any number of times.
func TestHookOrders(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "", "")
		w.wants(t, nothing, w.post)
		if w.abort != nil {
			w.wants(t, nothing, *w.abort)
		}

		w.answers(t, w.pre, platform.Done)
		w.quiesced(t)
		if got := w.run("status").want(t, 0); !strings.Contains(got.stdout, "ALIVE") {
			t.Errorf("status says %s", got.stdout)
		}
		w.answers(t, w.post, platform.Done)
		w.free(t, "after post")
		w.answers(t, w.post, platform.Nothing)

		first := w.wants(t, okay, w.pre, "--json").report
		w.answers(t, w.pre, platform.Open) // its post could be for either
		w.quiesced(t)
		last := w.wants(t, okay, w.post, "--json").report
		if last.Run != first.Run || last.Verdict != run.Application {
			t.Errorf("post ended run %s with verdict %v, want %s", last.Run, last.Verdict, first.Run)
		}
		w.free(t, "after a second pre")

		if w.abort != nil {
			w.wants(t, okay, w.pre)
			w.wants(t, okay, *w.abort)
			w.free(t, "after abort")
			w.wants(t, nothing, w.post)
		}
		w.noFreeze(t)
	})
}

// noFreeze looks into the journals for what a caller that freezes by itself does not
// want of us.
func (w *hookWorld) noFreeze(t *testing.T) {
	t.Helper()
	for _, path := range journalsOf(t, w.command) {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "BEGIN IMMEDIATE") {
			t.Fatalf("%s is not a journal with the part of the database: %v", path, err)
		}
		if strings.Contains(string(text), "fsfreeze") {
			t.Errorf("filesystems were frozen: %s", path)
		}
	}
}

// answers compares the answer for programs: it names caller, word, outcome and status.
func (w *hookWorld) answers(t *testing.T, s said, want platform.Outcome) {
	t.Helper()
	got := w.call(t, s, "--json")
	is := got.report.Caller
	if is.Name != w.caller || is.Word == "" || is.Outcome != want || is.Status != got.exit || (is.Message == "") != (want == platform.Done) {
		t.Errorf("the answer is %+v, exit status %d; want %s", is, got.exit, want)
	}
}

// A pre that fails has undone everything when it returns: most callers call nothing
// then. Those that do find nothing.
func TestHookPreFails(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "", "fails = true\n")
		got := w.wants(t, preFailed, w.pre)
		if w.locked(t) {
			t.Error("the database is locked when pre has returned")
		}
		if !strings.Contains(got.stderr, "as it was told") {
			t.Errorf("it says %s", got.stderr)
		}
		w.wants(t, nothing, w.post)
		w.free(t, "after a pre that failed")

		write(t, w.config, "[workload \"orders\"]\nworkload_name = sqlite\nnonsense = 1\n")
		for _, s := range []said{w.pre, w.post} {
			if got := w.wants(t, misused, s); !strings.Contains(got.stderr, "nonsense") {
				t.Errorf("it says %s", got.stderr)
			}
		}
	})
}

// A post that comes when the hold has ended is told so, once.
func TestHookTooLate(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "timeout = 1\n", "")
		w.wants(t, okay, w.pre)
		eventually(t, 10*time.Second, "the hold ends at its deadline", func() bool { return len(w.sockets()) == 0 })
		w.free(t, "after the deadline")
		if got := w.wants(t, expired, w.post); !strings.Contains(got.stderr, "the window had expired") || !strings.Contains(got.stderr, "timeout") {
			t.Errorf("it says %s", got.stderr)
		}
		w.wants(t, nothing, w.post)
	})
}

// The operator ends the hold of a caller by its run. The caller is told that it comes
// too late.
func TestHookOperatorEndsHold(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "", "")
		for _, verb := range []string{"abort", "post"} {
			id := w.wants(t, okay, w.pre, "--json").report.Run
			const wrong = "01M7YX5NQSTQ28YMP5YKX4CN8B"
			if got := w.run(verb, "--run", wrong).want(t, run.ExitNothing); !strings.Contains(got.stderr, wrong) || !strings.Contains(got.stderr, id+" of "+caller) {
				t.Errorf("%s of another run says %s", verb, got.stderr)
			}
			w.quiesced(t)
			w.run(verb, "--run", id).want(t, run.ExitDone)
			w.free(t, "after "+verb+" by the operator")
			w.run(verb).want(t, run.ExitNothing)
			if got := w.wants(t, expired, w.post); !strings.Contains(got.stderr, "the window had expired") || !strings.Contains(got.stderr, "starhost "+verb) {
				t.Errorf("after %s the caller is told: %s", verb, got.stderr)
			}
			w.wants(t, nothing, w.post)
		}
	})
}

// A hook that ends while it works, or is told to, or is overtaken, leaves nothing.
func TestHookInterrupted(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "", "slow = 60.0\n")
		for i, how := range []string{"SIGKILL", "SIGTERM", "post", "--within"} {
			flags := []string{}
			if how == "--within" {
				flags = []string{"--within", "1200ms"}
			}
			cmd := w.hook(w.pre, flags...)
			var stderr bytes.Buffer
			cmd.Stderr, cmd.WaitDelay = &stderr, 10*time.Second
			start := time.Now()
			w.begin(t, cmd)
			if how != "--within" {
				w.slow(t, i+1)
			}
			switch how {
			case "SIGKILL":
				_ = cmd.Process.Kill()
			case "SIGTERM":
				_ = cmd.Process.Signal(syscall.SIGTERM)
			case "post":
				w.wants(t, preFailed, w.post)
			}
			_ = cmd.Wait()
			exit, took := cmd.ProcessState.ExitCode(), time.Since(start)
			early := how == "--within" && exit == promised(caller, notReady) // on a slow machine
			if want := promised(caller, preFailed); how != "SIGKILL" && exit != want && !early {
				t.Errorf("%s: pre ended with %d, want %d: %s", how, exit, want, stderr.String())
			}
			if said := map[string]string{"SIGTERM": "terminated", "--within": "900ms", "post": "post came before"}[how]; !strings.Contains(stderr.String(), said) {
				t.Errorf("%s: it says %s", how, stderr.String())
			}
			if how == "--within" && took > 5*time.Second {
				t.Errorf("a call with 1.2 s took %v", took)
			}
			if how != "SIGKILL" && w.locked(t) {
				t.Errorf("%s: the database is locked when pre has returned", how)
			}
			eventually(t, 5*time.Second, how+" gives everything back", func() bool { return !w.locked(t) })
			w.free(t, "after "+how)
			w.wants(t, nothing, w.post)
		}
	})
}

// A hook lets go of its caller: streams end when it returns, and the supervisor is in
// a session of its own.
func TestHookLetsGo(t *testing.T) {
	eachCaller(t, func(t *testing.T, caller string) {
		w := newHookWorld(t, caller, "", "")
		r, end, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd := w.hook(w.pre)
		cmd.Stdout, cmd.Stderr, cmd.Stdin = end, end, nil
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err = cmd.Run()
		_ = end.Close()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
		if text, err := io.ReadAll(r); err != nil || len(text) > 0 {
			t.Errorf("the streams of the hook: %v, %s", err, text)
		}
		w.quiesced(t)
		pid := w.supervisor()
		sid, err := unix.Getsid(pid)
		if err != nil || sid == cmd.Process.Pid {
			t.Errorf("the supervisor %d is in the session %d of the hook %d: %v", pid, sid, cmd.Process.Pid, err)
		}
		if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || cwd != "/" {
			t.Errorf("the supervisor is in %s: %v", cwd, err)
		}
		for _, fd := range []string{"0", "1", "2"} {
			if to, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(pid), "fd", fd)); err == nil && strings.HasPrefix(to, "pipe:") {
				t.Errorf("descriptor %s of the supervisor is %s", fd, to)
			}
		}
		w.wants(t, okay, w.post)
	})
}
