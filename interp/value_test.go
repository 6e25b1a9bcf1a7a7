package interp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// TestReturnedValues shows what survives being a recovery point.
func TestReturnedValues(t *testing.T) {
	for body, want := range map[string]string{
		"return None": `null`,
		"return {'b': 1, 'a': [True, 2.0, 'x', b'\\0']}": `{"b":1,"a":[true,2.0,"x",{"$bytes":"AA=="}]}`,
		"return (1, set([2]), range(2))":                 `[1,[2],[0,1]]`,
		"return struct(a = 1, b = struct())":             `{"a":1,"b":{}}`,
		"return [-(1 << 63), (1 << 64) - 1]":             `[-9223372036854775808,18446744073709551615]`,
		"return ctx":                                     `{"run":"r","timeout":9}`,
	} {
		if v, err := prescript(t.Context(), script(body), idle); err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", body, v, err, want)
		}
	}
}

// TestValuesThatCannotBeRecorded shows the limits, each of which must answer quickly:
// some of these values are small in memory and endless to walk.
func TestValuesThatCannotBeRecorded(t *testing.T) {
	for body, want := range map[string]string{
		"return len":                                              "got builtin_function_or_method, want None, bool",
		"return lambda: 1":                                        "got function",
		"return {1: 2}":                                           "key of a dict: got int, want string",
		"return 1 << 64":                                          "int does not fit 64 bits",
		"return -(1 << 63) - 1":                                   "int does not fit 64 bits",
		"return 1 << 500":                                         "int does not fit 64 bits",
		"return float('nan')":                                     "NaN cannot be recorded",
		"return [float('-inf')]":                                  "-Inf cannot be recorded",
		"x = []\nx.append(x)\nreturn x":                           "nested deeper than 16",
		"x = {}\nx['x'] = [x]\nreturn x":                          "nested deeper than 16",
		"x = []\nx.append(struct(x = x))\nreturn x":               "nested deeper than 16",
		"x = 1\nfor _ in range(17):\n    x = [x]\nreturn x":       "nested deeper than 16",
		"x = 1\nfor _ in range(60):\n    x = [x, x]\nreturn x":    "nested deeper than 16",
		"x = 1\nfor _ in range(16):\n    x = (x, x, x)\nreturn x": "more than 65536 items",
		"x = 1\nfor _ in range(60):\n    x = struct(a = x, b = x)\nreturn x": "nested deeper than 16",
		"return ['x' * 1000000] * 2":                                         "longer than 1048576 bytes",
		"return ['x' * 1000000] * 3":                                         "more than 65536 items or 1048576 bytes",
		"return 'x' * (1 << 20)":                                             "at most 1048576 are allowed",
		"return range(1000000)":                                              "more than 65536 items",
	} {
		start := time.Now()
		_, err := prescript(t.Context(), script(body), idle)
		mustFail(t, err, action.KindScript, want)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v", body, took)
		}
	}
}

// What cannot be recorded is blamed on the function that returned it.
func TestUnrecordableValueHasAPosition(t *testing.T) {
	_, err := prescript(t.Context(), script("return len"), idle)
	e := mustFail(t, err, action.KindScript, "main.star:2:1: prescript returned a value that cannot be recorded")
	if len(e.Stack) != 1 || e.Stack[0].Source != "def prescript(ctx):" {
		t.Errorf("stack %+v", e.Stack)
	}
}

func TestStruct(t *testing.T) {
	for expression, want := range map[string]string{
		"str(struct(a = 1, b = 2))":                           `"struct(a, b)"`,
		"str(ctx)":                                            `"ctx(run, timeout)"`,
		"dir(struct(b = 1, a = 2))":                           `["a","b"]`,
		"struct(a = [1]) == struct(a = [1])":                  `true`,
		"struct(a = 1) != struct(a = 2)":                      `true`,
		"struct(a = 1) == struct(b = 1)":                      `false`,
		"hasattr(ctx, 'run')":                                 `true`,
		"getattr(ctx, 'nope', 7)":                             `7`,
		"bool(struct())":                                      `true`,
		"type(ctx)":                                           `"ctx"`,
		"[s.a for s in [struct(a = 1)]][0] + len([struct()])": `2`,
	} {
		if v, err := prescript(t.Context(), script("return "+expression), idle); err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", expression, v, err, want)
		}
	}
	for body, want := range map[string]string{
		"ctx.nope":                      `ctx has no field "nope", want one of run, timeout`,
		"ctx.timeot":                    "did you mean .timeout?",
		"struct(1)":                     "struct: got a positional argument, want name = value",
		"struct(a = 1) < struct(a = 2)": "struct < struct is not possible",
		"{struct(): 1}":                 "unhashable type: struct",
		"ctx.run = 1":                   "can't assign to .run field of ctx",
		"ctx + ctx":                     "unknown binary op: ctx + ctx",
	} {
		_, err := prescript(t.Context(), script(body), idle)
		mustFail(t, err, action.KindScript, want)
	}
}

// Starlark's own struct overflows the stack of the process, or walks for ever, here.
func TestStructsWithCycles(t *testing.T) {
	for body, want := range map[string]string{
		"x = []\ns = struct(l = x)\nx.append(s)\nprint(s, x)\nreturn str(s)":      `"struct(l)"`,
		"x = []\ns = struct(l = x)\nx.append(s)\nreturn '%s' % x":                 `"[struct(l)]"`,
		"x = 1\nfor _ in range(60):\n    x = struct(a = x, b = x)\nreturn str(x)": `"struct(a, b)"`,
	} {
		if v, err := prescript(t.Context(), script(body), idle); err != nil || v.String() != want {
			t.Errorf("%s: got %v, %v, want %s", body, v, err, want)
		}
	}
	_, err := prescript(t.Context(), script("x = []\ns = struct(l = x)\nx.append(s)\ny = []\nr = struct(l = y)\ny.append(r)\nreturn s == r"), idle)
	mustFail(t, err, action.KindScript, "comparison exceeded maximum recursion depth")

	f := script("return str(x)")
	f["main.star"] = "def f():\n    x = struct()\n    for _ in range(60):\n        x = struct(a = x, b = x)\n    return x\nx = f()\n" + f["main.star"]
	if _, err := prescript(t.Context(), f, idle); err != nil {
		t.Error(err) // freezing it took its time, or did not end
	}
}

// TestErrorsHaveAStack shows the frames of an error that crosses files.
func TestErrorsHaveAStack(t *testing.T) {
	f := script("helper({})")
	f["main.star"] = "load('lib.star', 'helper')\n" + f["main.star"]
	f["lib.star"] = "def helper(d):\n    return sorted([1], key = lambda _: d['missing'])\n"
	_, err := prescript(t.Context(), f, idle)
	e := mustFail(t, err, action.KindScript, `lib.star:2:41: key "missing" not in dict`)
	want := strings.Join([]string{
		"  main.star:4:11: in prescript", "    helper({})",
		"  lib.star:2:18: in helper", "    return sorted([1], key = lambda _: d['missing'])",
		"  lib.star:2:41: in lambda", "    return sorted([1], key = lambda _: d['missing'])",
		`key "missing" not in dict`,
	}, "\n")
	if got := e.Backtrace(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSecretsAreNotRecorded(t *testing.T) {
	in := action.Dict(action.Entry{Key: "password", Value: action.Secret("pw")})
	s, err := load(t.Context(), script("return [ctx.password]"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Call(t.Context(), "prescript", in, idle)
	mustFail(t, err, action.KindScript, "a secret cannot be recorded")
	if got := interp.FromValue(action.Secret("pw")).String(); got != `secret("pw")` {
		t.Errorf("got %s", got)
	}
}
