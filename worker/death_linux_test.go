package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/worker"
)

// endless ignores being cancelled: one instruction that takes years.
const endless = "x = ()\nfor _ in range(60):\n    x = (x, x)\nsql('NOW')\nd = {x: 1}"

func mustFail(t *testing.T, err error, kind action.Kind, fragment string) *action.ScriptError {
	t.Helper()
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a script error with %q", err, fragment)
	}
	if e.Kind != kind || !strings.Contains(e.Msg, fragment) {
		t.Errorf("got %s: %v\nwant %s: … %s …", e.Kind, e, kind, fragment)
	}
	return e
}

// when does something to the worker when its script makes an action.
func when(do func()) action.Executor {
	return action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		do()
		return action.Result{State: action.Applied}, nil
	})
}

func TestErrorHasTheStack(t *testing.T) {
	opts := prescript("inner()")
	opts.Source = append([]byte("load('lib.star', 'inner')\n"), opts.Source...)
	opts.Load = func(name string) ([]byte, error) { return []byte("def inner():\n    sql('Q')\n"), nil }
	printed := ""
	opts.Print = func(pos, text string) { printed = pos + " " + text }
	refused := &action.Fault{Kind: action.KindRefused, Message: "no"}
	_, err := start(t, opts).Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		return action.Result{State: action.NotApplied, Err: refused}, nil
	}))
	e := mustFail(t, err, action.KindRefused, "sql: no")
	want := "  x.star:4:10: in prescript\n    inner()\n  lib.star:2:8: in inner\n    sql('Q')\nsql: no"
	if e.Backtrace() != want || !errors.Is(err, refused) {
		t.Errorf("got\n%s\nwant\n%s", e.Backtrace(), want)
	}
	opts = prescript("print('hello')\nreturn ctx.n")
	opts.Print = func(pos, text string) { printed = pos + " " + text }
	w := start(t, opts)
	got, err := w.Call(t.Context(), "prescript", action.Dict(action.Entry{Key: "n", Value: action.Int(7)}), &asks{})
	if err != nil || got.String() != "7" || printed != "x.star:3:10 hello" || len(w.Info().SHA256) != 64 {
		t.Errorf("got %v, %v, printed %q", got, err, printed)
	}
}

func TestErrorOfLoading(t *testing.T) {
	opts := prescript("pass")
	opts.Source = []byte("x = 1 // 0\n")
	w, err := worker.Start(t.Context(), opts)
	if e := mustFail(t, err, action.KindScript, "division by zero"); w != nil || e.Stack[0].Pos != "x.star:1:7" {
		t.Errorf("got %v, stack %v", w, e.Stack)
	}
	opts.Limits.Start = 50 * time.Millisecond
	opts.Source = []byte("def f():\n    x = ()\n    for _ in range(60):\n        x = (x, x)\n    return x\nx = f()\n")
	_, err = worker.Start(t.Context(), opts)
	mustFail(t, err, action.KindTimeout, "x.star took longer than 50ms to load")
}

// TestEnds ends a worker in every way, while its script is busy.
func TestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *worker.Worker)
		kind action.Kind
		want string
	}{
		"SIGKILL":  {func(w *worker.Worker) { _ = unix.Kill(w.PID(), unix.SIGKILL) }, action.KindKilled, "killed by SIGKILL, and not by us"},
		"SIGSTOP":  {func(w *worker.Worker) { _ = unix.Kill(w.PID(), unix.SIGSTOP) }, action.KindKilled, "stopped by somebody, so it was killed"},
		"SIGQUIT":  {func(w *worker.Worker) { _ = unix.Kill(w.PID(), unix.SIGQUIT) }, action.KindKilled, "ended by itself, with status 2: SIGQUIT"},
		"nothing":  {func(*worker.Worker) {}, action.KindTimeout, "too long; the script did not stop, and its process was killed"},
		"our Kill": {func(w *worker.Worker) { w.Kill() }, action.KindKilled, "killed by its host"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, prescript(endless))
			limit := 10 * time.Second // for what needs none
			if c.kind == action.KindTimeout {
				limit = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), limit, &action.Fault{Kind: action.KindTimeout, Message: "too long"})
			defer cancel()
			_, err := w.Call(ctx, "prescript", action.Dict(), when(func() { c.do(w) }))
			mustFail(t, err, c.kind, c.want)
			select {
			case <-w.Gone():
			case <-time.After(time.Second):
				t.Error("it is not gone")
			}
			again, cancelAgain := context.WithTimeout(t.Context(), time.Second)
			defer cancelAgain()
			if _, next := w.Call(again, "verify", action.Dict(), &asks{}); !errors.Is(next, err) {
				t.Errorf("the next call answers %v", next)
			}
		})
	}
}

// A worker that dies while nothing is asked of it is noticed.
func TestGoneWhileIdle(t *testing.T) {
	w := start(t, prescript("pass"))
	_ = unix.Kill(w.PID(), unix.SIGKILL)
	select {
	case <-w.Gone():
	case <-time.After(time.Second):
		t.Fatal("it is not gone after a second")
	}
	_, err := w.Call(t.Context(), "prescript", action.Dict(), &asks{})
	mustFail(t, err, action.KindKilled, "killed by SIGKILL, and not by us")
}

func TestProcessorTime(t *testing.T) {
	opts := prescript(endless)
	opts.Limits.CPU = time.Second
	began := time.Now()
	_, err := start(t, opts).Call(t.Context(), "prescript", action.Dict(), &asks{})
	mustFail(t, err, action.KindTimeout, "more than 1s of processor time")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// A script that was cancelled says where it was, and its worker can be used again.
func TestCancelled(t *testing.T) {
	w := start(t, prescript("for _ in range(1000000):\n    for _ in range(1000000):\n        pass"))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, &action.Fault{Kind: action.KindTimeout, Message: "too long"})
	defer cancel()
	_, err := w.Call(ctx, "prescript", action.Dict(), &asks{})
	if e := mustFail(t, err, action.KindTimeout, "too long"); len(e.Stack) != 1 || e.Stack[0].Func != "prescript" {
		t.Errorf("stack %v", e.Stack)
	}
	if _, err := w.Call(t.Context(), "verify", action.Dict(), &asks{}); err != nil {
		t.Error(err)
	}
}

// hostName is argv[0] of a copy of this test that starts a worker and is killed.
const hostName = "starhost-host"

// host starts a worker that computes for ever and says its process id.
func host() {
	if os.Args[0] != hostName {
		return
	}
	w, err := worker.Start(context.Background(), prescript(endless))
	if err == nil {
		_, err = w.Call(context.Background(), "prescript", action.Dict(), when(func() { fmt.Println(w.PID()) }))
	}
	panic(err)
}

// TestHostKilled kills a host with SIGKILL: its worker, which would not notice the
// end of its pipe, dies with it.
func TestHostKilled(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = hostName
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	text := make([]byte, 20)
	n, err := out.Read(text)
	pid, convErr := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || convErr != nil {
		_ = cmd.Process.Kill()
		t.Fatalf("it said %q, %v", text[:n], err)
	}
	worker, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(worker)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	fds := []unix.PollFd{{Fd: int32(worker), Events: unix.POLLIN}}
	polled, err := unix.Poll(fds, 2000)
	for errors.Is(err, unix.EINTR) { // a signal of the runtime
		polled, err = unix.Poll(fds, 2000)
	}
	if polled != 1 || err != nil {
		t.Errorf("the worker %d still runs: %v", pid, err)
		_ = unix.PidfdSendSignal(worker, unix.SIGKILL, nil, 0)
	}
}

// Many workers leave no goroutine, no descriptor and no process.
func TestNothingIsLeft(t *testing.T) {
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	_ = start(t, prescript("pass")).Close() // the poller
	before := count()
	for range 5 {
		w := start(t, prescript("pass"))
		if _, err := w.Call(t.Context(), "prescript", action.Dict(), &asks{}); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
