package scripttest

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/recording"
)

// answering is a host that answers everything in one way.
type answering struct {
	run.Host
	state action.State
}

func (a answering) Do(context.Context, action.Action) (action.Result, error) {
	return action.Result{State: a.state}, nil
}

func query(text string, params ...action.Value) action.Op {
	return action.Op{SQL: &action.SQL{Session: "main", Query: text, Params: params}}
}

// recordedWorld is a world in which each action is answered by the state with it.
func recordedWorld(t *testing.T, actions []action.Action, states []action.State) *world {
	t.Helper()
	var text bytes.Buffer
	r := recording.NewRecorder(&text)
	r.Begin("orders", recording.Member{Database: "mysql", Context: action.Dict()})
	for i, a := range actions {
		if _, err := r.Host("orders", answering{state: states[i]}).Do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	p, err := newReplay(text.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(&stage{database: "mysql", replay: p, secrets: map[string]string{}}, Fault{})
}

// TestReplayHeld has what a recorded action took be held if it was made then, and given
// back if that was.
func TestReplayHeld(t *testing.T) {
	take := action.Action{Op: query("LOCK"), Hold: "lock", Undo: []action.Op{query("UNLOCK")}}
	give := action.Action{Op: query("GIVE"), Releases: "lock"}
	w := recordedWorld(t, []action.Action{take, take, give, give},
		[]action.State{action.NotApplied, action.Unknown, action.NotApplied, action.Applied})
	for i, tt := range []struct {
		op   action.Op
		want []string
	}{
		{take.Op, []string{}},
		{take.Op, []string{"lock"}},
		{give.Op, []string{"lock"}},
		{give.Op, []string{}},
		{take.Op, []string{"lock"}}, // again as the last time
		{query("UNLOCK"), []string{}},
	} {
		if _, ok := w.replay.answer(w, tt.op, "1"); !ok || !slices.Equal(w.held(), tt.want) {
			t.Errorf("after %d, %s: answered %t, held %q, want %q", i+1, tt.op.Text(), ok, w.held(), tt.want)
		}
	}
	if _, ok := w.replay.answer(w, query("OTHER"), "1"); ok {
		t.Error("an answer to what was never asked")
	}
}

// TestReplaySecret answers a statement with a secret, whose text no recording has.
func TestReplaySecret(t *testing.T) {
	a := action.Action{Op: query("SET PASSWORD = ?", action.Secret("key"))}
	w := recordedWorld(t, []action.Action{a}, []action.State{action.Applied})
	h := newHost(w)
	if _, _, err := h.Open(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	res, err := h.Do(t.Context(), a)
	if err != nil || res.Err != nil || res.State != action.Applied || len(w.surprise) > 0 {
		t.Errorf("%+v, %v, %q", res, err, w.surprise)
	}
}

// A program is the same whichever codes are a success, and whatever it may leave running.
func TestReplayOfAProgram(t *testing.T) {
	program := func(ok []int, leave bool, argv ...string) *action.Exec {
		return &action.Exec{User: "root", Argv: argv, OK: ok, Leave: leave}
	}
	for name, tt := range map[string]struct {
		asked *action.Exec
		known bool
	}{
		"the same":      {program([]int{0}, false, "/p", "a"), true},
		"other codes":   {program(nil, false, "/p", "a"), true},
		"it may leave":  {program([]int{0}, true, "/p", "a"), true},
		"another one":   {program([]int{0}, false, "/p", "b"), false},
		"nothing alike": {program(nil, true, "/q"), false},
	} {
		w := recordedWorld(t, []action.Action{{Op: action.Op{Exec: program([]int{0}, false, "/p", "a")}}}, []action.State{action.Applied})
		if res := w.exec(tt.asked); (res.Err == nil) != tt.known {
			t.Errorf("%s: %+v, want known %t", name, res, tt.known)
		}
	}
}
