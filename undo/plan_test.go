package undo_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// records numbers records as a journal does.
func records(list ...journal.Record) []journal.Record {
	for i := range list {
		list[i].N = i + 1
	}
	return list
}

// intent is an action of member m with n steps of undo; each step says which it is.
func intent(m, hold string, n int) journal.Record {
	a := &action.Action{Op: action.Op{SQL: &action.SQL{Session: "main", Query: "take " + hold}}, Hold: hold, UndoGiven: true}
	for i := range n {
		a.Undo = append(a.Undo, action.Op{SQL: &action.SQL{Session: "main", Query: fmt.Sprintf("give %s %d", hold, i)}})
	}
	return journal.Record{Type: journal.TypeIntent, Member: m, Action: a}
}

func releasing(m, hold string) journal.Record {
	r := intent(m, "", 0)
	r.Action.Releases = hold
	return r
}

func result(of int, s action.State) journal.Record {
	return journal.Record{Type: journal.TypeResult, Of: of, State: s}
}

func undone(of, step int, s action.State) journal.Record {
	return journal.Record{Type: journal.TypeUndone, Of: of, Step: step, State: s}
}

// TestPlan: what is held, newest first, as "member:name[steps to make]".
func TestPlan(t *testing.T) {
	for name, c := range map[string]struct {
		records []journal.Record
		want    string
	}{
		"nothing":                 {nil, ""},
		"applied":                 {records(intent("a", "x", 1), result(1, action.Applied)), "a:x[0]"},
		"unknown":                 {records(intent("a", "x", 1), result(1, action.Unknown)), "a:x[0]"},
		"no result":               {records(intent("a", "x", 1)), "a:x[0]"},
		"not applied":             {records(intent("a", "x", 1), result(1, action.NotApplied)), ""},
		"no undo":                 {records(intent("a", "x", 0), result(1, action.Applied)), ""},
		"newest first":            {records(intent("a", "x", 1), intent("b", "y", 1), intent("a", "z", 1)), "a:z[0] b:y[0] a:x[0]"},
		"name made up":            {records(intent("a", "", 1)), "a:sql#1[0]"},
		"one name twice":          {records(intent("a", "x", 1), intent("a", "x", 1)), "a:x[0] a:x[0]"},
		"host":                    {records(intent("", "filesystem /", 1)), ":filesystem /[0]"},
		"undone":                  {records(intent("a", "x", 1), result(1, action.Applied), undone(1, 0, journal.Done)), ""},
		"already":                 {records(intent("a", "x", 1), undone(1, 0, journal.Already)), ""},
		"failed":                  {records(intent("a", "x", 1), undone(1, 0, journal.Failed)), "a:x[0]"},
		"failed, then done":       {records(intent("a", "x", 1), undone(1, 0, journal.Failed), undone(1, 0, journal.Done)), ""},
		"begun":                   {records(intent("a", "x", 1), journal.Record{Type: journal.TypeUndo, Of: 1, Try: 1}), "a:x[0]"},
		"partly undone":           {records(intent("a", "x", 3), undone(1, 1, journal.Done)), "a:x[0 2]"},
		"released":                {records(intent("a", "x", 1), releasing("a", "x"), result(2, action.Applied)), ""},
		"release unknown":         {records(intent("a", "x", 1), releasing("a", "x"), result(2, action.Unknown)), "a:x[0]"},
		"release not applied":     {records(intent("a", "x", 1), releasing("a", "x"), result(2, action.NotApplied)), "a:x[0]"},
		"release without result":  {records(intent("a", "x", 1), releasing("a", "x")), "a:x[0]"},
		"release of another name": {records(intent("a", "x", 1), releasing("a", "y"), result(2, action.Applied)), "a:x[0]"},
		"release by another":      {records(intent("a", "x", 1), releasing("b", "x"), result(2, action.Applied)), "a:x[0]"},
		"release before":          {records(releasing("a", "x"), result(1, action.Applied), intent("a", "x", 1)), "a:x[0]"},
		"release of the newest":   {records(intent("a", "x", 1), intent("a", "x", 1), releasing("a", "x"), result(3, action.Applied)), "a:x[0]"},
		"release of both":         {records(intent("a", "x", 1), intent("a", "x", 1), releasing("a", "x"), releasing("a", "x"), result(3, action.Applied), result(4, action.Applied)), ""},
		"release skips what was not taken": {
			records(intent("a", "x", 1), intent("a", "x", 1), result(2, action.NotApplied), releasing("a", "x"), result(4, action.Applied)), "",
		},
		"release skips what is given back": {
			records(intent("a", "x", 1), intent("a", "x", 1), undone(2, 0, journal.Done), releasing("a", "x"), result(4, action.Applied)), "",
		},
		"undone record of another": {records(intent("a", "x", 1), intent("a", "y", 1), undone(1, 0, journal.Done)), "a:y[0]"},
	} {
		var got []string
		for _, h := range undo.Plan(c.records) {
			got = append(got, fmt.Sprintf("%s:%s%v", h.Member, h.Name, h.Todo))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %q, want %q", name, s, c.want)
		}
	}
}

// TestPlanProperties: over random journals, nothing certified as not made is ever
// listed, and whatever was or may have been made is listed until all its steps are.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		list := randomRecords(rnd)
		planned := map[int]undo.Hold{}
		last := len(list) + 1
		for _, h := range undo.Plan(list) {
			if h.Of >= last {
				t.Fatalf("seed %d: %d is listed after %d", seed, h.Of, last)
			}
			last, planned[h.Of] = h.Of, h
		}
		for _, r := range list {
			if r.Type != journal.TypeIntent {
				continue
			}
			want := stepsLeft(list, r)
			if h := planned[r.N]; !slices.Equal(h.Todo, want) {
				t.Fatalf("seed %d: intent %d lists %v, want %v", seed, r.N, h.Todo, want)
			}
		}
		// Records of the phases and of the recovery point change nothing; nor does a failed attempt.
		noise := records(append(slices.Clone(list), journal.Record{Type: journal.TypePhase, Phase: "verify"}, undone(1, 0, journal.Failed))...)
		if a, b := fmt.Sprint(undo.Plan(list)), fmt.Sprint(undo.Plan(noise)); a != b {
			t.Fatalf("seed %d: %s became %s", seed, a, b)
		}
	}
}

// randomRecords has no releases: those are in the table above.
func randomRecords(rnd *rand.Rand) []journal.Record {
	states := []action.State{action.Applied, action.NotApplied, action.Unknown}
	ends := []action.State{journal.Done, journal.Already, journal.Failed}
	list := []journal.Record{intent("a", "x0", 1)}
	intents := []int{1}
	for len(list) < 30 {
		of := intents[rnd.IntN(len(intents))]
		switch rnd.IntN(3) {
		case 0:
			list = append(list, intent("a", fmt.Sprint("x", len(list)), rnd.IntN(4)))
			intents = append(intents, len(list))
		case 1:
			if !slices.ContainsFunc(list, func(r journal.Record) bool { return r.Type == journal.TypeResult && r.Of == of }) {
				list = append(list, result(of, states[rnd.IntN(3)]))
			}
		default:
			if steps := len(list[of-1].Action.Undo); steps > 0 {
				list = append(list, undone(of, rnd.IntN(steps), ends[rnd.IntN(3)]))
			}
		}
	}
	return records(list...)
}

// stepsLeft says the same as the planner, in the most stupid way.
func stepsLeft(list []journal.Record, r journal.Record) (left []int) {
	for step := range r.Action.Undo {
		made := false
		for _, o := range list {
			if o.Of == r.N && o.Type == journal.TypeResult && o.State == action.NotApplied {
				return nil
			}
			made = made || o.Of == r.N && o.Type == journal.TypeUndone && o.Step == step && o.State != journal.Failed
		}
		if !made {
			left = append(left, step)
		}
	}
	return left
}

func TestHoldString(t *testing.T) {
	holds := undo.Plan(records(intent("", "filesystem /", 1), intent("orders", "lock", 1)))
	if got := holds[0].String(); got != "orders: lock (take lock)" {
		t.Errorf("got %q", got)
	}
	if got := holds[1].String(); got != "filesystem / (take filesystem /)" {
		t.Errorf("got %q", got)
	}
}
