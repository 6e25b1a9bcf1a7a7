package builtins_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
)

// called runs one expression as the body of a prescript, and returns the value and
// the actions that it made.
func called(t *testing.T, expression string, ex action.Executor) (action.Value, []action.Action, error) {
	t.Helper()
	s, err := interp.New(t.Context(), interp.Options{
		Name: "x.star", Words: builtins.New("mysql"),
		Source: []byte("API = 1\ndef prescript(ctx):\n    return " + expression + "\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var made []action.Action
	v, err := s.Call(t.Context(), "prescript", action.Dict(), action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
		made = append(made, a)
		return ex.Do(ctx, a)
	}))
	return v, made, err
}

// nothing answers every action with an empty success.
var nothing = action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
	return action.Result{State: action.Applied}, nil
})

// TestActions shows the action that a call is.
func TestActions(t *testing.T) {
	for _, c := range []struct{ call, want string }{
		{`sql("SELECT 1")`, `{"sql":{"session":"main","query":"SELECT 1"},"word":"sql"}`},
		{
			`sql("F", 1, None, 2.5, b"x", secret("pw"), session = "s2", hold = "lock", undo = "U", scope = "server", timeout = 1.5)`,
			`{"sql":{"session":"s2","query":"F","params":[1,null,2.5,{"$bytes":"eA=="},{"$secret":"pw"}]},"word":"sql","hold":"lock",` +
				`"scope":"server","undo":[{"sql":{"session":"s2","query":"U"}}],"undo_given":true,"timeout":1500000000}`,
		},
		{`sql("F", undo = None)`, `{"sql":{"session":"main","query":"F"},"word":"sql","undo_given":true}`},
		{`sql("F", hold = None, timeout = None)`, `{"sql":{"session":"main","query":"F"},"word":"sql"}`},
		{`sql("U", releases = "lock", timeout = 1e-12)`, `{"sql":{"session":"main","query":"U"},"word":"sql","releases":"lock","timeout":1}`},
		{
			`sql("F", undo = ["A", undo.sql("B", 1, session = "s2", when = "SELECT 1"), undo.any("C", undo.exec_as("u", ["/p"]))])`,
			`{"sql":{"session":"main","query":"F"},"word":"sql","undo":[{"sql":{"session":"main","query":"A"}},` +
				`{"sql":{"session":"s2","query":"B","params":[1],"when":"SELECT 1"}},` +
				`{"any_of":[{"sql":{"session":"main","query":"C"}},{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null,"ok":[0]}}]}],"undo_given":true}`,
		},
		{`try_sql("SELECT 1").rows`, `{"sql":{"session":"main","query":"SELECT 1"},"word":"try_sql"}`},
		{
			`exec_as("u", ["/p", "a b"], stdin = "in", env = {"K": "v", "S": secret("pw")}, ok = [0, 3], undo = undo.sql("U")).code`,
			`{"exec":{"user":"u","argv":["/p","a b"],"stdin":"in","env":{"K":"v","S":{"$secret":"pw"}},"ok":[0,3]},"word":"exec_as",` +
				`"undo":[{"sql":{"session":"main","query":"U"}}],"undo_given":true}`,
		},
		{
			`exec_as("u", ["/p"], leave = True, undo = undo.exec_as("u", ["/q"], leave = True)).code`,
			`{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null,"ok":[0],"leave":true},"word":"exec_as",` +
				`"undo":[{"exec":{"user":"u","argv":["/q"],"stdin":null,"env":null,"ok":[0],"leave":true}}],"undo_given":true}`,
		},
		{`try_exec_as("u", ["/p"], leave = True, undo = None).stdout`, `{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null,"leave":true},"word":"try_exec_as","undo_given":true}`},
		{
			`try_exec_as("u", ["/p"], stdin = ["me\n", secret("pw"), b"\n"], undo = None).stdout`,
			`{"exec":{"user":"u","argv":["/p"],"stdin":["me\n",{"$secret":"pw"},{"$bytes":"Cg=="}],"env":null},"word":"try_exec_as","undo_given":true}`,
		},
		{`try_exec_as("u", ["/p"], leave = False, undo = None).stdout`, `{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null},"word":"try_exec_as","undo_given":true}`},
		{`try_exec_as("u", ["/p"], undo = None).stdout`, `{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null},"word":"try_exec_as","undo_given":true}`},
		{
			`try_exec_as("u", ["/p"], releases = "pair", undo = None).code`, // only 0 gives it back
			`{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null,"ok":[0]},"word":"try_exec_as","releases":"pair","undo_given":true}`,
		},
		{
			`exec_as("u", ["/p"], undo = undo.exec_as("u", ["/q"], timeout = 2.5)).code`,
			`{"exec":{"user":"u","argv":["/p"],"stdin":null,"env":null,"ok":[0]},"word":"exec_as",` +
				`"undo":[{"exec":{"user":"u","argv":["/q"],"stdin":null,"env":null,"ok":[0],"timeout":2500000000}}],"undo_given":true}`,
		},
		{`freeze("/var/lib/mysql/", "/a/../b")`, `{"freeze":{"paths":["/var/lib/mysql","/b"]},"word":"freeze"}`},
		{`freeze()`, `{"freeze":{"paths":[]},"word":"freeze"}`},
		{`thaw("a", "b")`, `{"thaw":{"holds":["a","b"]},"word":"thaw"}`},
		{`thaw()`, `{"thaw":{},"word":"thaw"}`},
		{`emit("done", z = 1, a = [struct(b = (1,))])`, `{"emit":{"event":"done","data":{"z":1,"a":[{"b":[1]}]}},"word":"emit"}`},
		{`sleep(0.5)`, `{"sleep":{"seconds":0.5},"word":"sleep"}`},
	} {
		_, made, err := called(t, c.call, nothing)
		if err != nil || len(made) != 1 {
			t.Errorf("%s made %v, %v", c.call, made, err)
			continue
		}
		if pos := made[0].Pos; !strings.HasPrefix(pos, "x.star:3:") {
			t.Errorf("%s: position %q", c.call, pos)
		}
		made[0].Pos = ""
		if got, _ := json.Marshal(made[0]); string(got) != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.call, got, c.want)
		}
	}
}

// TestAnswers shows what a script gets from the answer to an action.
func TestAnswers(t *testing.T) {
	table := action.Rows{Columns: []string{"b", "a"}, Rows: [][]action.Value{{action.Int(1), action.String("x")}}}
	refusal := &action.Fault{Kind: action.KindScript, Code: action.Int(1223), Message: "no"}
	for _, c := range []struct {
		expression string
		res        action.Result
		want       string
	}{
		{`sql("Q")`, action.Result{Rows: &table}, `[{"b":1,"a":"x"}]`},
		{`sql("Q")`, action.Result{}, `[]`},
		{`sql_one("Q")`, action.Result{Rows: &table}, `{"b":1,"a":"x"}`},
		{`try_sql("Q")`, action.Result{Rows: &table}, `{"ok":true,"rows":[{"b":1,"a":"x"}],"code":null,"message":null}`},
		{`try_sql("Q")`, action.Result{Err: refusal}, `{"ok":false,"rows":[],"code":1223,"message":"no"}`},
		{`try_sql("Q").code`, action.Result{Err: &action.Fault{Kind: action.KindTimeout, Message: "slow"}}, `null`},
		{
			`exec_as("u", ["/p"], undo = None)`,
			action.Result{Exit: &action.Exit{Code: 2, Stdout: "o", Stderr: "e", Truncated: true}},
			`{"code":2,"stdout":"o","stderr":"e","truncated":true}`,
		},
		{`try_exec_as("u", ["/p"], undo = None).code`, action.Result{Exit: &action.Exit{Code: 3}, Err: refusal}, `3`},
		{`freeze("/a")`, action.Result{Mounts: []string{"/"}}, `["/"]`},
		{`thaw()`, action.Result{Undone: []string{"b", "a"}}, `["b","a"]`},
		{`[emit("x"), sleep(1)]`, action.Result{}, `[null,null]`},
		{"quote_name(\"a`b\")", action.Result{}, "\"`a``b`\""},
		{`str([secret("pw"), undo.sql("U"), undo.exec_as("u", ["/p"])])`, action.Result{}, `"[secret(\"pw\"), undo.sql(U), undo.exec_as(u: [\"/p\"])]"`},
	} {
		v, _, err := called(t, c.expression, action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) { return c.res, nil }))
		if err != nil || v.String() != c.want {
			t.Errorf("%s: got %v, %v\nwant %s", c.expression, v, err, c.want)
		}
	}
}

// A script cannot change what a word has returned.
func TestAnswersAreFrozen(t *testing.T) {
	for _, change := range []string{`sql("Q").append(1)`, `thaw().clear()`, `try_sql("Q").rows.append(1)`} {
		if _, _, err := called(t, change, nothing); err == nil || !strings.Contains(err.Error(), "frozen") {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// The kind of a fault, and the fault itself, come through to whoever called the script.
func TestFaultsKeepTheirKind(t *testing.T) {
	fault := &action.Fault{Kind: action.KindFreeze, Message: "EBUSY"}
	_, _, err := called(t, `freeze("/a")`, action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		return action.Result{State: action.NotApplied, Err: fault}, nil
	}))
	script, got := (*action.ScriptError)(nil), (*action.Fault)(nil)
	if !errors.As(err, &script) || script.Kind != action.KindFreeze || !errors.As(err, &got) || got != fault {
		t.Errorf("got %v", err)
	}
}

// An error of the executor itself ends the script whatever the word.
func TestBrokenWaistIsFatal(t *testing.T) {
	broken := errors.New("pipe gone")
	for _, call := range []string{`try_sql("Q")`, `try_exec_as("u", ["/p"], undo = None)`, `emit("x")`} {
		_, _, err := called(t, call, action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) { return action.Result{}, broken }))
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// A panic below a word is an internal error with the stack of the script.
func TestPanicKeepsTheScriptsStack(t *testing.T) {
	_, _, err := called(t, `[sql("Q") for _ in "x".elems()]`, action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) { panic("boom") }))
	script := (*action.ScriptError)(nil)
	if !errors.As(err, &script) || script.Kind != action.KindInternal || script.Error() != "x.star:3:16: sql: panic in the host: boom" {
		t.Fatalf("got %v", err)
	}
	if script.Stack[0].Func != "prescript" || !strings.Contains(script.Stack[0].Source, "sql(") {
		t.Errorf("stack %+v", script.Stack)
	}
	withStack := interface{ GoStack() string }(nil)
	if !errors.As(err, &withStack) || !strings.Contains(withStack.GoStack(), "calls_test.go") {
		t.Errorf("no stack of the goroutine in %v", err)
	}
}
