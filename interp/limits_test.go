package interp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

func TestSourceSize(t *testing.T) {
	f := script("pass")
	f["main.star"] += strings.Repeat("#", interp.MaxSource-len(f["main.star"]))
	if _, err := load(t.Context(), f); err != nil {
		t.Error(err)
	}
	f["main.star"] += "#"
	_, err := load(t.Context(), f)
	mustFail(t, err, action.KindScript, "main.star has 65537 bytes, at most 65536 are allowed")

	f = script("pass")
	f["main.star"] += "load('lib.star', 'x')"
	f["lib.star"] = strings.Repeat("#", interp.MaxSource+1)
	_, err = load(t.Context(), f)
	mustFail(t, err, action.KindScript, "lib.star has 65537 bytes")
}

func TestNumberOfFiles(t *testing.T) {
	f := files{}
	name := func(i int) string { return fmt.Sprintf("f%d.star", i) }
	chain := func(n int) files { // main.star and n-1 more, each loading the next
		f["main.star"] = "load('" + name(1) + "', x1 = 'x')\n" + script("pass")["main.star"]
		for i := 1; i < n; i++ {
			f[name(i)] = "x = 1\n"
			if i < n-1 {
				f[name(i)] = fmt.Sprintf("load(%q, y = 'x')\nx = y\n", name(i+1))
			}
		}
		return f
	}
	if _, err := load(t.Context(), chain(interp.MaxFiles)); err != nil {
		t.Error(err)
	}
	_, err := load(t.Context(), chain(interp.MaxFiles+1))
	mustFail(t, err, action.KindScript, "a script has at most 16 files")
}

func TestLoad(t *testing.T) {
	for name, c := range map[string]struct {
		f    files
		want string
		// stack is where the error is, outermost first.
		stack []string
	}{
		"itself":  {files{"main.star": "load('main.star', 'x')"}, "load each other in a circle", []string{"main.star:1:1"}},
		"circle":  {files{"main.star": "load('a.star', 'x')", "a.star": "load('b.star', 'x')", "b.star": "load('a.star', 'x')"}, "load each other in a circle", []string{"main.star:1:1", "a.star:1:1", "b.star:1:1"}},
		"missing": {files{"main.star": "\nload('a.star', 'x')"}, `cannot load a.star: there is no file "a.star"`, []string{"main.star:2:1"}},
		"no name": {files{"main.star": "load('a.star', 'x')", "a.star": "y = 1"}, "name x not found in module a.star", []string{"main.star:1:1"}},
		"private": {files{"main.star": "load('a.star', '_x')", "a.star": "_x = 1"}, "names with leading underscores are not exported", []string{"main.star:1:17"}},
		"syntax":  {files{"main.star": "load('a.star', 'x')", "a.star": "x = 1\nx = "}, "got end of file", []string{"main.star:1:1", "a.star:2:5"}},
		"error":   {files{"main.star": "load('a.star', 'x')", "a.star": "def f(): return 1 // 0\nx = f()"}, "floored division by zero", []string{"main.star:1:1", "a.star:2:6", "a.star:1:19"}},
	} {
		_, err := load(t.Context(), c.f)
		e := mustFail(t, err, action.KindScript, c.want)
		var at []string
		for _, frame := range e.Stack {
			at = append(at, frame.Pos)
		}
		if fmt.Sprint(at) != fmt.Sprint(c.stack) {
			t.Errorf("%s: stack %v, want %v", name, at, c.stack)
		}
	}
	_, err := interp.New(t.Context(), interp.Options{Name: "main.star", Source: []byte("load('a.star', 'x')")})
	mustFail(t, err, action.KindScript, "load is not possible here")
}

// A file that two others load is run once.
func TestLoadedOnce(t *testing.T) {
	reads := 0
	_, err := interp.New(t.Context(), interp.Options{
		Name: "main.star", Source: []byte("load('a.star', 'x')\nload('b.star', 'y')\n" + script("pass")["main.star"]),
		Load: func(module string) ([]byte, error) {
			reads++
			return []byte(map[string]string{"a.star": "load('b.star', 'y')\nx = y", "b.star": "y = 1"}[module]), nil
		},
	})
	if err != nil || reads != 2 {
		t.Errorf("%d reads, %v", reads, err)
	}
}

func TestSteps(t *testing.T) {
	_, err := prescript(t.Context(), script(endless), idle)
	mustFail(t, err, action.KindScript, "more than 50000000 steps: the script loops for too long")
}

func TestRange(t *testing.T) {
	for _, bomb := range []string{
		"list(range(1 << 40))", "enumerate(range(1 << 40))", "sorted(range(1000001))", "max(range(1 << 62))", "range(0, 1 << 40, 2)",
		"range(1000001, 0, -1)", "act(*range(1 << 40))",
	} {
		_, err := prescript(t.Context(), script(bomb), idle)
		mustFail(t, err, action.KindScript, "elements, at most 1000000 are allowed")
	}
	_, err := prescript(t.Context(), script("range('a')"), idle)
	mustFail(t, err, action.KindScript, "got string, want int")
	if v, err := prescript(t.Context(), script("return [len(range(1000000)), range(3)[1], list(range(4, 0, -2))]"), idle); err != nil || v.String() != "[1000000,1,[4,2]]" {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestLongErrorIsCut(t *testing.T) {
	_, err := prescript(t.Context(), script("fail('x' * (1 << 20))"), idle)
	if e := mustFail(t, err, action.KindScript, "… (cut)"); len(e.Msg) > interp.MaxError+20 {
		t.Errorf("%d bytes", len(e.Msg))
	}
}

// endless loops for as long as the budget of steps lets it, which is longer than
// any of these tests waits.
const endless = "for _ in range(1000000):\n    for _ in range(1000000):\n        pass"

// Cancelling ends a loop within 100 ms, with the kind and the message of its cause.
func TestCancelInALoop(t *testing.T) {
	for _, c := range []struct {
		cause error
		kind  action.Kind
		want  string
	}{
		{&action.Fault{Kind: action.KindAborted, Message: "ended by SIGTERM"}, action.KindAborted, "ended by SIGTERM"},
		{errors.New("no reason"), action.KindTimeout, "no reason"},
		{nil, action.KindTimeout, "context canceled"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		var cancelled time.Time
		// The script itself says when it is about to loop.
		_, err := prescript(ctx, script("act()\n"+endless), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
			cancelled = time.Now()
			cancel(c.cause)
			return action.Result{State: action.Applied}, nil
		}))
		if late := time.Since(cancelled); late > 100*time.Millisecond {
			t.Errorf("ended %v after it was cancelled", late)
		}
		e := mustFail(t, err, c.kind, c.want)
		if strings.Contains(e.Msg, "Starlark computation") || len(e.Stack) == 0 {
			t.Errorf("got %q at %v", e.Msg, e.Stack)
		}
	}
}

// A deadline ends what a file does while it loads.
func TestCancelWhileLoading(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, &action.Fault{Kind: action.KindTimeout, Message: "took too long to load"})
	defer cancel()
	f := files{"main.star": "load('lib.star', 'x')", "lib.star": "def f():\n    " + strings.ReplaceAll(endless, "\n", "\n    ") + "\nx = f()"}
	_, err := load(ctx, f)
	mustFail(t, err, action.KindTimeout, "took too long to load")
}

// An action that is cancelled ends the script, whatever its answer.
func TestCancelDuringAnAction(t *testing.T) {
	for name, answer := range map[string]action.Result{
		"fault":   {State: action.Unknown, Err: &action.Fault{Kind: action.KindScript, Message: "the statement was ended at the server"}},
		"success": {State: action.Applied},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := 0
		_, err := prescript(ctx, script("act()\nact()"), action.ExecutorFunc(func(ctx context.Context, _ action.Action) (action.Result, error) {
			calls++
			cancel(&action.Fault{Kind: action.KindAborted, Message: "ended by SIGTERM"})
			<-ctx.Done()
			return answer, nil
		}))
		if name == "fault" {
			mustFail(t, err, action.KindAborted, "ended at the server")
		} else if err != nil { // the cancellation reaches the thread a moment later
			mustFail(t, err, action.KindAborted, "ended by SIGTERM")
		}
		if name == "fault" && calls != 1 {
			t.Errorf("%d actions were made", calls)
		}
	}
}
