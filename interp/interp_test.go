package interp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// files are the files of a script by name; main.star is the script.
type files map[string]string

// words has one word, act(), that makes an action.
func words() starlark.StringDict {
	return starlark.StringDict{"act": starlark.NewBuiltin("act", func(t *starlark.Thread, _ *starlark.Builtin, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		ctx, ex, err := interp.Actions(t)
		if err != nil {
			return nil, fmt.Errorf("act: %w", err)
		}
		res, err := ex.Do(ctx, action.Action{Word: "act", Pos: interp.Caller(t)})
		if err == nil && res.Err != nil {
			err = res.Err
		}
		return starlark.None, err
	})}
}

func load(ctx context.Context, f files) (*interp.Script, error) {
	return interp.New(ctx, interp.Options{
		Name: "main.star", Source: []byte(f["main.star"]), Words: words(),
		Load: func(module string) ([]byte, error) {
			if text, ok := f[module]; ok {
				return []byte(text), nil
			}
			return nil, fmt.Errorf("there is no file %q", module)
		},
	})
}

// script is a script of one file whose prescript has this body.
func script(body string) files {
	return files{"main.star": "API = 1\ndef prescript(ctx):\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n"}
}

var idle = action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
	return action.Result{State: action.Applied}, nil
})

func prescript(ctx context.Context, f files, ex action.Executor) (action.Value, error) {
	s, err := load(ctx, f)
	if err != nil {
		return action.Value{}, err
	}
	return s.Call(ctx, "prescript", action.Dict(action.Entry{Key: "run", Value: action.String("r")}, action.Entry{Key: "timeout", Value: action.Int(9)}), ex)
}

func mustFail(t *testing.T, err error, kind action.Kind, fragment string) *action.ScriptError {
	t.Helper()
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a script error with %q", err, fragment)
		return &action.ScriptError{}
	}
	if e.Kind != kind || !strings.Contains(e.Error(), fragment) {
		t.Errorf("got %s: %v\nwant %s: … %s …", e.Kind, e, kind, fragment)
	}
	return e
}

// TestDialect shows what is not part of the language.
func TestDialect(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"def f():\n    while True:\n        pass", "main.star:2:5: this Starlark dialect does not support while loops"},
		{"if True:\n    x = 1", "main.star:1:1: if statement not within a function"},
		{"for i in [1]:\n    pass", "main.star:1:1: for loop not within a function"},
		{"x = 1\nx = 2", "main.star:2:1: cannot reassign global x"},
		{"def f(:", "main.star:1:8: got ':', want ')'"},
		{"x = open", "main.star:1:5: undefined: open"},
		{"x = time.now()", "main.star:1:5: undefined: time"},
		{"x = json", "main.star:1:5: undefined: json"},
		{"load(x, 'y')", "first operand of load statement must be a string literal"},
		{"def f(): return f()\nx = f()", "main.star:1:17: function f called recursively"},
	} {
		_, err := load(t.Context(), files{"main.star": c.source})
		mustFail(t, err, action.KindScript, c.want)
	}
}

func TestSetsAreAllowed(t *testing.T) {
	v, err := prescript(t.Context(), script("return sorted(set([2, 1, 2]))"), idle)
	if err != nil || v.String() != "[1,2]" {
		t.Errorf("got %v, %v", v, err)
	}
}

// TestDescription shows what a script must say of itself.
func TestDescription(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", "main.star does not say API = 1"},
		{"API = 2\ndef prescript(ctx): pass", "main.star does not say API = 1"},
		{"API = True\ndef prescript(ctx): pass", "main.star does not say API = 1"},
		{"API = 1", "main.star does not define prescript(ctx)"},
		{"API = 1\nprescript = 1", "main.star does not define prescript(ctx)"},
		{"API = 1\ndef prescript(): pass", "main.star:2:1: prescript must have one parameter, ctx"},
		{"API = 1\ndef prescript(ctx): pass\ndef verify(a, b): pass", "main.star:3:1: verify must have one parameter, ctx"},
		{"API = 1\nSETTINGS = []\ndef prescript(ctx): pass", "SETTINGS must be a dict"},
		{"API = 1\nSETTINGS = {1: 2}\ndef prescript(ctx): pass", "SETTINGS must be a dict"},
		{"API = 1\nSETTINGS = {'f': len}\ndef prescript(ctx): pass", "SETTINGS must be a dict"},
	} {
		_, err := load(t.Context(), files{"main.star": c.source})
		mustFail(t, err, action.KindScript, c.want)
	}
}

func TestInfo(t *testing.T) {
	f := files{
		"main.star": "\n\"\"\"Quiesces a thing.\n\nMore.\"\"\"\nload('lib.star', 'x')\nAPI = 1\nSETTINGS = {'wait': 10, 'mode': 'auto'}\n" +
			"def prescript(ctx): pass\ndef postscript(ctx): pass\n",
		"lib.star": "x = 1",
	}
	s, err := load(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	info := s.Info()
	if info.Name != "main.star" || info.Doc != "Quiesces a thing." || fmt.Sprint(info.Phases) != "[prescript postscript]" ||
		info.Settings.String() != `{"wait":10,"mode":"auto"}` || len(info.SHA256) != 64 {
		t.Errorf("got %+v", info)
	}
	f["lib.star"] = "x = 2"
	other, err := load(t.Context(), f)
	if err != nil || other.Info().SHA256 == info.SHA256 {
		t.Errorf("the sum does not cover what is loaded: %v", err)
	}
	if again, _ := load(t.Context(), f); again.Info().SHA256 != other.Info().SHA256 {
		t.Error("the sum of one script differs from load to load")
	}
}

func TestPhases(t *testing.T) {
	s, err := load(t.Context(), files{"main.star": "API = 1\ndef prescript(ctx): return ctx.run\ndef verify(ctx): return False"})
	if err != nil {
		t.Fatal(err)
	}
	in := action.Dict(action.Entry{Key: "run", Value: action.String("r")})
	for phase, want := range map[string]string{"prescript": `"r"`, "verify": "false", "postscript": "null"} {
		if v, err := s.Call(t.Context(), phase, in, idle); err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", phase, v, err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Nothing goes from one phase to the next but what the host passes in.
func TestNoStateBetweenPhases(t *testing.T) {
	for _, body := range []string{"seen.append(1)", "seen[0] = 1", "seen.clear()"} {
		f := script(body)
		f["main.star"] = "seen = [0]\n" + f["main.star"]
		_, err := prescript(t.Context(), f, idle)
		mustFail(t, err, action.KindScript, "frozen list")
	}
	f := script("lib.append(1)")
	f["main.star"] = "load('lib.star', 'lib')\n" + f["main.star"]
	f["lib.star"] = "lib = [0]"
	_, err := prescript(t.Context(), f, idle)
	mustFail(t, err, action.KindScript, "frozen list")
}

// An action has a position, and is refused while any file loads.
func TestActionsWhileLoading(t *testing.T) {
	for _, f := range []files{
		{"main.star": "act()"},
		{"main.star": "def f(): act()\nx = f()"},
		{"main.star": "load('lib.star', 'x')", "lib.star": "x = act()"},
		{"main.star": "x = sorted([1], key = lambda i: act())"},
	} {
		_, err := load(t.Context(), f)
		if !errors.Is(err, interp.ErrLoading) {
			mustFail(t, err, action.KindScript, interp.ErrLoading.Error())
		}
	}
	pos := ""
	f := script("helper()")
	f["main.star"] = "load('lib.star', 'helper')\n" + f["main.star"]
	f["lib.star"] = "def helper():\n    [act() for _ in [1]]"
	_, err := prescript(t.Context(), f, action.ExecutorFunc(func(_ context.Context, a action.Action) (action.Result, error) {
		pos = a.Pos
		return action.Result{}, nil
	}))
	if err != nil || pos != "lib.star:2:9" {
		t.Errorf("position %q, %v", pos, err)
	}
}

func TestPrintIsCut(t *testing.T) {
	var pos, text string
	s, err := interp.New(t.Context(), interp.Options{
		Name: "main.star", Source: []byte(script(`print("é" * 4000, 1)`)["main.star"]),
		Print: func(p, s string) { pos, text = p, s },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(t.Context(), "prescript", action.Dict(), idle); err != nil {
		t.Fatal(err)
	}
	if pos != "main.star:3:10" || len(text) > interp.MaxPrint+20 || !strings.HasSuffix(text, "é… (cut)") {
		t.Errorf("%s: %d bytes, ending in %q", pos, len(text), text[max(0, len(text)-20):])
	}
}
