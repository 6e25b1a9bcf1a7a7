package pipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
)

// fixture is a Remote whose worker is a goroutine of the test.
type fixture struct {
	*Remote
	ended  atomic.Int32 // how often the worker was ended
	prints []string
	died   *action.Fault // what the worker is said to have died of
}

// open connects a Remote to a worker; the test ends it.
func open(t *testing.T, worker func(conn net.Conn)) *fixture {
	t.Helper()
	ours, theirs := net.Pipe()
	f := &fixture{}
	f.Remote = New(ours, Options{
		Print: func(pos, text string) { f.prints = append(f.prints, pos+" "+text) },
		End: func(bool) *action.Fault {
			f.ended.Add(1)
			_ = theirs.Close()
			return f.died
		},
	})
	var running sync.WaitGroup
	running.Go(func() { worker(theirs); _ = theirs.Close() })
	t.Cleanup(func() {
		_ = f.Close()
		_ = theirs.Close()
		running.Wait()
	})
	return f
}

// honest is a worker that does as it should.
func honest(conn net.Conn) {
	_ = Serve(conn, map[string]string{"a": "", "b": "not here"}, compile, nil)
}

func compile(ctx context.Context, src Source) (action.Script, Info, error) {
	s, err := interp.New(ctx, interp.Options{Name: src.Name, Source: src.Text, Load: src.Load, Print: src.Print, Words: builtins.New(src.Database)})
	if err != nil {
		return nil, Info{}, err
	}
	return s, Info(s.Info()), nil
}

// modules is what load() statements of these tests find.
func modules(name string) ([]byte, error) {
	if name != "lib.star" {
		return nil, fmt.Errorf("there is no file %q", name)
	}
	return []byte("def helper(x):\n    return sql(x)\n"), nil
}

// loadedScript returns a fixture with an honest worker whose script has this
// prescript.
func loadedScript(t *testing.T, body string) *fixture {
	t.Helper()
	f := open(t, honest)
	if _, err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context(), "x.star", "mysql", []byte(script(body)), modules); err != nil {
		t.Fatal(err)
	}
	return f
}

func script(body string) string {
	return "load('lib.star', 'helper')\nAPI = 1\ndef prescript(ctx):\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n"
}

// world answers a few statements.
func world(_ context.Context, a action.Action) (action.Result, error) {
	switch a.Text() {
	case "FAIL":
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindRefused, Code: action.Int(1223), Message: "no"}}, nil
	case "BREAK":
		return action.Result{State: action.Unknown}, errBroken
	case "LONG":
		return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"a"}, Rows: [][]action.Value{{action.String(strings.Repeat("x", MaxFrame))}}}}, nil
	case "ROWS":
		return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"a", "b"}, Rows: [][]action.Value{{action.Int(1), action.Bytes([]byte{0, 255})}}}}, nil
	}
	return action.Result{State: action.Applied}, nil
}

var errBroken = errors.New("the journal cannot be written")

// TestSameAsInProcess runs scripts in this process and through a pipe: values,
// errors with their stacks and causes, and actions are the same.
func TestSameAsInProcess(t *testing.T) {
	for _, body := range []string{
		"return [1, 1.5, 'é', b'\\xff', None, True, {'b': 1, 'a': [2]}, ctx.n]",
		"return sql('ROWS')",
		"return try_sql('FAIL').code",
		"sql('FAIL')",
		"helper('FAIL')",
		"helper('BREAK')",
		"try_sql('BREAK')",
		"fail('x' * 100)",
		"fail('x' * 100000)",
		"return 1 // 0",
		"return {1: 2}",
		"return secret('s')",
		"sql('LOCK', hold = 'lock', undo = ['A', undo.any('B', undo.sql('C', 1, when = 'D'))], scope = 'server', timeout = 3)",
		"exec_as('u', ['/bin/x', 'y'], stdin = secret('s'), env = {'A': 'b'})\nfreeze('/a', '/b')\nemit('e', x = [1])\nsleep(1)\nthaw('l')",
		"sql('Q', hold = 'no undo')",
		"sql(*[1, 2, 3])",
	} {
		t.Run(body, func(t *testing.T) {
			in := action.Dict(action.Entry{Key: "n", Value: action.Uint(1 << 63)})
			var here, there []string
			record := func(to *[]string) action.Executor {
				return action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
					*to = append(*to, a.String())
					return world(ctx, a)
				})
			}
			s, err := interp.New(t.Context(), interp.Options{Name: "x.star", Source: []byte(script(body)), Load: modules, Words: builtins.New("mysql")})
			if err != nil {
				t.Fatal(err)
			}
			want, wantErr := s.Call(t.Context(), "prescript", in, record(&here))
			got, err := loadedScript(t, body).Call(t.Context(), "prescript", in, record(&there))
			if !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
			sameError(t, err, wantErr)
			if !reflect.DeepEqual(here, there) {
				t.Errorf("actions\n%s\nwant\n%s", there, here)
			}
		})
	}
}

func sameError(t *testing.T, err, want error) {
	t.Helper()
	if (err == nil) != (want == nil) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want == nil {
		return
	}
	e, w := (*action.ScriptError)(nil), (*action.ScriptError)(nil)
	if !errors.As(err, &e) || !errors.As(want, &w) {
		t.Fatalf("got %T, want %T", err, want)
	}
	if e.Kind != w.Kind || e.Backtrace() != w.Backtrace() {
		t.Errorf("got %s:\n%s\nwant %s:\n%s", e.Kind, e.Backtrace(), w.Kind, w.Backtrace())
	}
	f, wf := (*action.Fault)(nil), (*action.Fault)(nil)
	if errors.As(err, &f) != errors.As(want, &wf) || !reflect.DeepEqual(f, wf) || errors.Is(err, errBroken) != errors.Is(want, errBroken) {
		t.Errorf("caused by %v, want %v", e.Cause, w.Cause)
	}
}

func TestReadyAndLoad(t *testing.T) {
	f := open(t, honest)
	features, err := f.Ready(t.Context())
	if err != nil || features["b"] != "not here" || len(features) != 2 {
		t.Fatalf("got %v, %v", features, err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"syntax":  {"x = ", "x.star:1:5: got end of file, want primary expression"},
		"missing": {"load('none.star', 'y')", `x.star:1:1: cannot load none.star: there is no file "none.star"`},
		"bytes":   {"x = '\xff'", "does not say API"},
		"long":    {strings.Repeat("#", MaxFrame), "bytes, at most 1048576 can be sent"},
	} {
		_, err := f.Load(t.Context(), "x.star", "mysql", []byte(c.text), modules)
		e := (*action.ScriptError)(nil)
		if !errors.As(err, &e) || e.Kind != action.KindScript || !strings.Contains(e.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	info, err := f.Load(t.Context(), "x.star", "mysql", []byte("\"\"\"Doc.\"\"\"\nSETTINGS = {'a': 1}\n"+script("print('hello')")), modules)
	if err != nil || info.Doc != "Doc." || info.Settings.String() != `{"a":1}` || len(info.SHA256) != 64 || fmt.Sprint(info.Phases) != "[prescript]" {
		t.Errorf("got %+v, %v", info, err)
	}
	if _, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(world)); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(f.prints) != "[x.star:6:10 hello]" {
		t.Errorf("printed %q", f.prints)
	}
	if f.ended.Load() != 0 {
		t.Error("the worker was ended although nothing was wrong but scripts")
	}
}

// What does not fit a frame is an error of the script, and what became of the
// action is kept.
func TestLongAnswer(t *testing.T) {
	f := loadedScript(t, "sql('LONG')")
	_, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(world))
	if err == nil || !strings.Contains(err.Error(), "x.star:4:8: sql: the answer cannot be given to the script: ") {
		t.Error(err)
	}
}

func TestLimitsOfAnHonestWorker(t *testing.T) {
	none := action.ExecutorFunc(world)
	f := loadedScript(t, "for _ in range(20000):\n    sql('Q')")
	_, err := f.Call(t.Context(), "prescript", action.Dict(), none)
	if err == nil || !strings.Contains(err.Error(), "x.star:5:12: sql: more than 10000 actions") {
		t.Error(err)
	}
	f = loadedScript(t, "for _ in range(2000):\n    print('x' * 1000)\nreturn 1")
	if got, err := f.Call(t.Context(), "prescript", action.Dict(), none); err != nil || got.String() != "1" {
		t.Errorf("got %v, %v", got, err)
	}
	if n := len(strings.Join(f.prints, "")); n > MaxPrint || n < MaxPrint/2 {
		t.Errorf("printed %d bytes", n)
	}
	deep := "return f0()"
	for i := 199; i >= 0; i-- {
		deep = fmt.Sprintf("def f%d(): return f%d()\n", i, i+1) + deep
	}
	f = loadedScript(t, "def f200(): return 1 // 0\n"+deep)
	_, err = f.Call(t.Context(), "prescript", action.Dict(), none)
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) || len(e.Stack) != maxStack || e.Stack[0].Func != "prescript" || e.Stack[maxStack-1].Func != "f200" || e.Stack[outermost].Func != "139 frames left out" {
		t.Errorf("got %v", e.Backtrace())
	}
	if f.ended.Load() != 0 {
		t.Error("an honest worker was ended")
	}
}

// A script is cancelled with the kind, the message and its stack, and can be
// called again.
func TestCancel(t *testing.T) {
	f := loadedScript(t, "sql('Q')\nfor _ in range(1000000):\n    for _ in range(1000000):\n        pass")
	ctx, cancel := context.WithCancelCause(t.Context())
	var cancelled time.Time
	_, err := f.Call(ctx, "prescript", action.Dict(), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		cancelled = time.Now()
		cancel(&action.Fault{Kind: action.KindAborted, Message: "ended by SIGTERM"})
		return action.Result{State: action.Applied}, nil
	}))
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) || e.Kind != action.KindAborted || e.Msg != "ended by SIGTERM" || len(e.Stack) != 1 || time.Since(cancelled) > Grace {
		t.Errorf("after %v: %v", time.Since(cancelled), err)
	}
	if _, err := f.Call(t.Context(), "verify", action.Dict(), action.ExecutorFunc(world)); err != nil {
		t.Error(err)
	}
	if _, err = f.Call(ctx, "prescript", action.Dict(), nil); !errors.As(err, &e) || e.Kind != action.KindAborted {
		t.Errorf("a call of a context that has ended: %v", err)
	}
}

// An answer that comes when the phase is over does not go on with the script, even
// if the script takes errors for answers.
func TestCancelDuringAnAction(t *testing.T) {
	f := loadedScript(t, "try_sql('Q')\nsql('never')")
	ctx, cancel := context.WithCancelCause(t.Context())
	calls := 0
	_, err := f.Call(ctx, "prescript", action.Dict(), action.ExecutorFunc(func(ctx context.Context, _ action.Action) (action.Result, error) {
		calls++
		cancel(&action.Fault{Kind: action.KindTimeout, Message: "over"})
		<-ctx.Done()
		return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindTimeout, Message: "ended at the server"}}, nil
	}))
	e := (*action.ScriptError)(nil)
	if calls != 1 || !errors.As(err, &e) || e.Kind != action.KindTimeout || len(e.Stack) != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
