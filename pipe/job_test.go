package pipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// jobber is a worker that does one job.
func jobber(work Work) func(net.Conn) {
	return func(conn net.Conn) { _ = Serve(conn, nil, nil, work) }
}

// ready brings a worker to where it can be given a job.
func (f *fixture) ready(t *testing.T) *fixture {
	t.Helper()
	if _, err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func mustFailJob(t *testing.T, err error, kind action.Kind, want string) {
	t.Helper()
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Msg, want) {
		t.Errorf("got %v, want %s: %s", err, kind, want)
	}
}

func TestJob(t *testing.T) {
	after := make(chan error, 2)
	f := open(t, jobber(func(_ context.Context, j Job) ([]byte, error) {
		text, err := j.Load("a")
		if err == nil {
			err = j.Out(text)
		}
		if j.Name == "late" {
			go func() {
				for j.Out(nil) == nil { // until the job is over
				}
				after <- j.Out(nil)
				_, err := j.Load("a")
				after <- err
			}()
		}
		return append(j.Input, '!'), err
	})).ready(t)
	f.opts.Subject = "job"
	load := func(name string) ([]byte, error) { return []byte("text of " + name), nil }
	for _, name := range []string{"first", "second", "late"} {
		put := ""
		got, err := f.Job(t.Context(), name, []byte(name), load, func(data []byte) error { put += string(data); return nil })
		if err != nil || string(got) != name+"!" || put != "text of a" {
			t.Errorf("got %q, %q, %v", got, put, err)
		}
	}
	for range 2 {
		if err := <-after; !errors.Is(err, errOver) {
			t.Errorf("after the end of the job: %v", err)
		}
	}
	_, err := f.Job(t.Context(), "x", nil, nil, nil)
	mustFailJob(t, err, action.KindInternal, "load is not possible here")
	if n := f.ended.Load(); n != 0 {
		t.Errorf("the worker was ended %d times", n)
	}
}

func TestJobErrors(t *testing.T) {
	for name, c := range map[string]struct {
		work Work
		kind action.Kind
		want string
	}{
		"none":  {nil, action.KindInternal, "this worker does no jobs"},
		"panic": {func(context.Context, Job) ([]byte, error) { panic("at the disco") }, action.KindInternal, `panic in the job "x": at the disco`},
		"script error": {func(context.Context, Job) ([]byte, error) {
			return nil, fmt.Errorf("in a file: %w", &action.ScriptError{Kind: action.KindScript, Msg: "m", Stack: []action.Frame{{Pos: "p"}}})
		}, action.KindScript, "m"},
		"too much": {func(context.Context, Job) ([]byte, error) { return make([]byte, MaxData+1), nil }, action.KindInternal, "the result has 785665 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, jobber(c.work)).ready(t)
			_, err := f.Job(t.Context(), "x", nil, nil, nil)
			mustFailJob(t, err, c.kind, c.want)
			if p := interface{ GoStack() string }(nil); name == "panic" && (!errors.As(err, &p) || !strings.Contains(p.GoStack(), "TestJobErrors")) {
				t.Error("the stack of the goroutine is lost")
			}
		})
	}
}

// TestHostileJob sends what no honest worker sends during a job: it is killed.
func TestHostileJob(t *testing.T) {
	module := raw(`{"module":{"name":"x"}}`)
	for name, c := range map[string]struct {
		send [][]byte
		want string
	}{
		"run":               {[][]byte{raw(`{"do":{"sleep":{"seconds":1}}}`)}, "it sent do in a job"},
		"print":             {[][]byte{raw(`{"print":{"pos":"","text":""}}`)}, "it sent print in a job"},
		"return":            {[][]byte{raw(`{"return":{"value":1}}`)}, "it sent return in a job"},
		"loaded":            {[][]byte{raw(`{"loaded":{}}`)}, "it sent loaded in a job"},
		"job":               {[][]byte{raw(`{"job":{"name":"x","input":""}}`)}, "it sent job in a job"},
		"two requests":      {[][]byte{module, module}, "it sent module while it waited for a file"},
		"output in between": {[][]byte{module, raw(`{"output":{"data":""}}`)}, "it sent output while it waited for a file"},
		"long name":         {[][]byte{raw(`{"module":{"name":"` + strings.Repeat("x", 600) + `"}}`)}, "it asked for 1 files"},
		"much output":       {repeat(100, raw(`{"output":{"data":"`+strings.Repeat("AAAA", 250_000)+`"}}`)), "it put out more than 67108864 bytes"},
		"no base64":         {[][]byte{raw(`{"output":{"data":"%"}}`)}, "a frame that is not one"},
		"numbers":           {[][]byte{raw(`{"output":{"data":[` + strings.Repeat("0,", 400_000) + `0]}}`)}, "more than 65536 items"},
		"unknown kind":      {[][]byte{raw(`{"done":{"data":"","err":{"kind":"fine","msg":""}}}`)}, `unknown kind "fine"`},
		"unknown field":     {[][]byte{raw(`{"done":{"data":"","more":1}}`)}, `unknown field "more"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, func(conn net.Conn) {
				w := codec{r: conn, w: conn}
				_ = w.write(&frame{Ready: &ready{}})
				_, _ = w.read()
				for _, b := range c.send {
					if _, err := conn.Write(b); err != nil {
						return
					}
				}
				_, _ = w.read()
				_, _ = w.read()
			}).ready(t)
			slow := func(string) ([]byte, error) { // until the worker is found out
				select {
				case <-f.Gone():
				case <-time.After(5 * time.Second):
					t.Error("it is not found out")
				}
				return nil, nil
			}
			_, err := f.Job(t.Context(), "x", nil, slow, nil)
			mustBeKilled(t, f, err, c.want)
		})
	}
}

func TestCancelledJob(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	f := open(t, jobber(func(ctx context.Context, j Job) ([]byte, error) {
		_ = j.Out(nil)
		<-ctx.Done()
		return nil, ctx.Err()
	})).ready(t)
	_, err := f.Job(ctx, "x", nil, nil, func([]byte) error {
		cancel(&action.Fault{Kind: action.KindAborted, Message: "no more"})
		return nil
	})
	mustFailJob(t, err, action.KindAborted, "context canceled")
	if n := f.ended.Load(); n != 0 {
		t.Errorf("the worker was ended %d times", n)
	}
}
