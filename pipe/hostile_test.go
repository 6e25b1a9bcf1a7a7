package pipe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// raw frames a text, whatever it is.
func raw(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// hostile is a worker that was taken over: it is ready, answers a load, and sends
// this when it is called.
func hostile(send ...[]byte) func(net.Conn) {
	return func(conn net.Conn) {
		c := codec{r: conn, w: conn}
		_ = c.write(&frame{Ready: &ready{map[string]string{}}})
		_, _ = c.read()
		_ = c.write(&frame{Loaded: &loaded{Info: Info{Name: "x.star"}}})
		_, _ = c.read()
		for _, b := range send {
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
		_, _ = c.read() // a result, or the end
		_, _ = c.read()
	}
}

func repeat(n int, b []byte) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// TestHostileWorker sends what no honest worker sends: it is killed, and nothing of
// it reaches the executor.
func TestHostileWorker(t *testing.T) {
	do := func(text string) [][]byte { return [][]byte{raw(`{"do":` + text + `}`)} }
	sql := `{"sql":{"session":"main","query":"Q"}}`
	for name, c := range map[string]struct {
		send [][]byte
		want string
	}{
		"empty frame":        {[][]byte{raw("")}, "a frame of 0 bytes"},
		"long frame":         {[][]byte{{0, 0x10, 0, 1}}, "a frame of 1048577 bytes"},
		"longest frame":      {[][]byte{{0xff, 0xff, 0xff, 0xff}}, "a frame of 4294967295 bytes"},
		"no JSON":            {[][]byte{raw("hello")}, "a frame that is not one"},
		"null":               {[][]byte{raw("null")}, "exactly one type"},
		"nothing":            {[][]byte{raw("{}")}, "exactly one type"},
		"two types":          {[][]byte{raw(`{"do":` + sql + `,"return":{"value":1}}`)}, "exactly one type"},
		"unknown type":       {[][]byte{raw(`{"exec":{}}`)}, `unknown field "exec"`},
		"unknown field":      {do(`{"sql":{"session":"main","query":"Q","raw":true}}`), `unknown field "raw"`},
		"something behind":   {[][]byte{raw(`{"return":{"value":1}} {}`)}, "something behind it"},
		"not UTF-8":          {do("{\"sql\":{\"session\":\"main\",\"query\":\"\xff\"}}"), "not UTF-8"},
		"deep":               {[][]byte{raw(`{"return":{"value":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}}`)}, "nested deeper than 48"},
		"deep value":         {[][]byte{raw(`{"return":{"value":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`)}, "nested deeper than 16"},
		"deep choice":        {do(strings.Repeat(`{"any_of":[`, 30) + sql + strings.Repeat(`]}`, 30)), "nested deeper than 48"},
		"many items":         {[][]byte{raw(`{"return":{"value":[` + strings.Repeat("0,", 400000) + `0]}}`)}, "more than 65536 items"},
		"secret":             {[][]byte{raw(`{"return":{"value":{"$secret":"pw"}}}`)}, "a secret cannot be recorded"},
		"ready twice":        {[][]byte{raw(`{"ready":{}}`)}, "it sent ready in a call"},
		"module in a call":   {[][]byte{raw(`{"module":{"name":"x.star"}}`)}, "it sent module in a call"},
		"loaded in a call":   {[][]byte{raw(`{"loaded":{}}`)}, "it sent loaded in a call"},
		"result":             {[][]byte{raw(`{"result":{"state":"applied"}}`)}, "it sent result in a call"},
		"call":               {[][]byte{raw(`{"call":{"phase":"prescript","in":null}}`)}, "it sent call in a call"},
		"two operations":     {do(`{"sql":{"session":"main","query":"Q"},"sleep":{"seconds":1}}`), "2 kinds, want exactly one"},
		"no operation":       {do(`{"hold":"lock"}`), "0 kinds, want exactly one"},
		"freeze":             {do(`{"fs":{"device":"8:1","mountpoint":"/"}}`), "fsfreeze, which no script can say"},
		"end":                {do(`{"end":{"session":"main","server":"s","id":"1"}}`), "end_session, which no script can say"},
		"end in an undo":     {do(`{"sql":{"session":"main","query":"Q"},"undo_given":true,"undo":[{"any_of":[{"end":{"session":"m","server":"s","id":"1"}}]}]}`), "end_session, which no script can say"},
		"empty undo":         {do(`{"sql":{"session":"main","query":"Q"},"undo_given":true,"undo":[{}]}`), "0 kinds, want exactly one"},
		"undo not given":     {do(`{"sql":{"session":"main","query":"Q"},"undo":[` + sql + `]}`), "an undo that was not given"},
		"choice":             {do(`{"any_of":[` + sql + `]}`), "only an undo can be one"},
		"negative timeout":   {do(`{"sql":{"session":"main","query":"Q"},"timeout":-1}`), "negative timeout"},
		"long position":      {do(`{"sql":{"session":"main","query":"Q"},"pos":"` + strings.Repeat("x", 600) + `"}`), "a name of more than 512 bytes"},
		"unknown scope":      {do(`{"sql":{"session":"main","query":"Q"},"scope":"forever"}`), `got "forever", want`},
		"unknown kind":       {[][]byte{raw(`{"return":{"value":null,"err":{"kind":"fine","msg":""}}}`)}, `unknown kind "fine"`},
		"long error":         {[][]byte{raw(`{"return":{"value":null,"err":{"kind":"script","msg":"` + strings.Repeat("x", MaxError+1) + `"}}}`)}, "an error of more than 65536 bytes"},
		"long stack":         {[][]byte{raw(`{"return":{"value":null,"err":{"kind":"script","msg":"","stack":[` + strings.Repeat(`{"pos":"","func":""},`, 64) + `{"pos":"","func":""}]}}}`)}, "65 frames"},
		"long line of stack": {[][]byte{raw(`{"return":{"value":null,"err":{"kind":"script","msg":"","stack":[{"pos":"","func":"` + strings.Repeat("x", 600) + `"}]}}}`)}, "a line of more than 512 bytes"},
		"many prints":        {repeat(5000, raw(`{"print":{"pos":"","text":""}}`)), "it printed more than 65536 bytes"},
		"long print":         {[][]byte{raw(`{"print":{"pos":"","text":"` + strings.Repeat("x", MaxPrint) + `"}}`)}, "it printed more than 65536 bytes"},
		"end of the pipe":    {nil, "it closed its pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			worker := hostile(c.send...)
			if c.send == nil {
				worker = func(conn net.Conn) {
					short, closing := conn.(interface{ SetReadDeadline(time.Time) error }), hostile()
					_ = short.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // it reads, then it is gone
					closing(conn)
				}
			}
			f := open(t, worker)
			begin(t, f)
			_, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(_ context.Context, a action.Action) (action.Result, error) {
				t.Errorf("the executor was asked for %v", a)
				return action.Result{}, nil
			}))
			mustBeKilled(t, f, err, c.want)
		})
	}
}

// begin brings a hostile worker to where it is called.
func begin(t *testing.T, f *fixture) {
	t.Helper()
	if _, err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Load(t.Context(), "x.star", "", nil, nil); err != nil {
		t.Fatal(err)
	}
}

func mustBeKilled(t *testing.T, f *fixture, err error, want string) {
	t.Helper()
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) || e.Kind != action.KindKilled || !strings.Contains(e.Msg, want) {
		t.Errorf("got %v, want %q", err, want)
	}
	again, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := f.Call(again, "verify", action.Dict(), nil); !errors.Is(err, e) {
		t.Errorf("the next call answers %v", err)
	}
	if n := f.ended.Load(); n != 1 {
		t.Errorf("the worker was ended %d times", n)
	}
	select {
	case <-f.Gone():
	default:
		t.Error("the worker is not gone")
	}
}

// A second action before the first one is answered, and frames while nothing is
// under way.
func TestOutOfTurn(t *testing.T) {
	do := raw(`{"do":{"sql":{"session":"main","query":"Q"}}}`)
	f := open(t, hostile(do, do))
	begin(t, f)
	_, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(ctx context.Context, _ action.Action) (action.Result, error) {
		<-ctx.Done() // the action ends when the worker is found out
		return action.Result{State: action.Unknown}, nil
	}))
	mustBeKilled(t, f, err, "it sent do while it waited for a result")

	f = open(t, hostile(raw(`{"return":{"value":1}}`), do))
	begin(t, f)
	if v, err := f.Call(t.Context(), "prescript", action.Dict(), nil); err != nil || v.String() != "1" {
		t.Fatalf("got %v, %v", v, err)
	}
	<-f.Gone()
	_, err = f.Call(t.Context(), "verify", action.Dict(), nil)
	mustBeKilled(t, f, err, "it sent do while idle")
}

func TestManyActions(t *testing.T) {
	f := open(t, func(conn net.Conn) {
		hostile()(scripted{conn, raw(`{"do":{"sleep":{"seconds":1}}}`)})
	})
	begin(t, f)
	calls := 0
	_, err := f.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		calls++
		return action.Result{State: action.Applied}, nil
	}))
	mustBeKilled(t, f, err, "it made more than 10000 actions")
	if calls != MaxActions {
		t.Errorf("%d actions were made", calls)
	}
}

// scripted is a connection that answers everything it reads after the first two
// frames with the same.
type scripted struct {
	net.Conn
	answer []byte
}

func (s scripted) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	for err == nil && n > 0 && strings.Contains(string(p[:n]), `"call"`) {
		c := codec{r: s.Conn, w: s.Conn}
		for err == nil {
			if _, err = s.Write(s.answer); err == nil {
				_, err = c.read()
			}
		}
	}
	return n, err
}

// Modules are given while the script loads, and not without end.
func TestManyModules(t *testing.T) {
	for _, name := range []string{"lib.star", strings.Repeat("x", 600)} {
		f := open(t, func(conn net.Conn) {
			c := codec{r: conn, w: conn}
			_ = c.write(&frame{Ready: &ready{}})
			_, err := c.read()
			for err == nil {
				if err = c.write(&frame{Module: &module{name}}); err == nil {
					_, err = c.read()
				}
			}
		})
		if _, err := f.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := f.Load(t.Context(), "x.star", "", nil, modules)
		if err == nil || f.ended.Load() != 1 || !strings.Contains(err.Error(), "it asked for") {
			t.Errorf("%.20s: %v", name, err)
		}
	}
}
