package recording_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/recording"
	"github.com/starhost/starhost/undo"
)

// host answers everything in one way.
type host struct{ run.Host }

func (host) Do(context.Context, action.Action) (action.Result, error) {
	return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"n"}, Rows: [][]action.Value{{action.Int(7)}}}}, nil
}

func (host) Undo(context.Context, undo.Hold, action.Op) (action.State, string) {
	return journal.Done, "gone"
}

func statement(query string) action.Op {
	return action.Op{SQL: &action.SQL{Session: "main", Query: query, Params: []action.Value{action.Secret("key")}}}
}

// record writes down two members, each with an action and an undo.
func record(t *testing.T) []byte {
	t.Helper()
	var text bytes.Buffer
	r := recording.NewRecorder(&text)
	for _, name := range []string{"orders", "users"} {
		r.Begin(name, recording.Member{Script: "x.star", Database: "mysql", Context: action.Dict(action.Entry{Key: "workload", Value: action.String(name)})})
		h := r.Host(name, host{})
		if _, err := h.Do(t.Context(), action.Action{Op: statement("LOCK " + name), Hold: "lock", Undo: []action.Op{statement("UNLOCK")}}); err != nil {
			t.Fatal(err)
		}
		if state, _ := h.Undo(t.Context(), undo.Hold{}, statement("UNLOCK")); state != journal.Done {
			t.Fatal(state)
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return text.Bytes()
}

// What was written down is read again, by member; a secret is its name.
func TestReadWhatWasWritten(t *testing.T) {
	text := record(t)
	for workload, want := range map[string]string{"": "LOCK orders", "orders": "LOCK orders", "users": "LOCK users"} {
		lines, err := recording.Read(text, workload)
		if err != nil || len(lines) != 3 {
			t.Fatalf("%q: %d lines, %v", workload, len(lines), err)
		}
		a, res := lines[1].Action, lines[1].Result
		if a.SQL.Query != want || a.Hold != "lock" || a.SQL.Params[0].Kind() != action.SecretKind || !res.Rows.Rows[0][0].Equal(action.Int(7)) {
			t.Errorf("%q: %+v, %+v", workload, a, res)
		}
		if lines[2].Undo.SQL.Query != "UNLOCK" || lines[2].State != journal.Done || lines[0].Member.Script != "x.star" {
			t.Errorf("%q: %+v", workload, lines)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := string(record(t))
	first, _, _ := strings.Cut(good, "\n")
	for text, want := range map[string]string{
		"":                       `it is no recording of a workload ""`,
		"hello":                  "line 1: ",
		first + "\n{}\n":         "line 2: neither a member nor an action nor an undo",
		first + "\n{\"x\":1}\n":  "line 2: ",
		first + "\n" + first[:9]: "line 2: ",
		strings.Replace(good, `"version":1`, `"version":9`, 1):                          "it has version 9, this starhost reads 1",
		first + "\n" + `{"workload":"orders","action":{},"result":{"state":"applied"}}`: "line 2: ",
	} {
		if _, err := recording.Read([]byte(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
	if _, err := recording.Read([]byte(good), "other"); err == nil || !strings.Contains(err.Error(), `no recording of a workload "other"`) {
		t.Errorf("another workload: %v", err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

// A run goes on when it cannot be written down.
func TestCannotWrite(t *testing.T) {
	r := recording.NewRecorder(full{})
	res, err := r.Host("orders", host{}).Do(t.Context(), action.Action{Op: statement("SELECT 1")})
	if err != nil || res.State != action.Applied || r.Err() == nil {
		t.Errorf("%v, %v, %v", res.State, err, r.Err())
	}
}

func FuzzRead(f *testing.F) {
	var text bytes.Buffer
	r := recording.NewRecorder(&text)
	r.Begin("orders", recording.Member{Script: "x.star", Database: "mysql"})
	f.Add(text.Bytes(), "")
	f.Add([]byte(`{"workload":"o","undo":{"sql":{"session":"main","query":"x"}},"state":"done"}`), "o")
	f.Fuzz(func(t *testing.T, text []byte, workload string) {
		lines, err := recording.Read(text, workload)
		if err == nil && (len(lines) == 0 || lines[0].Member == nil) {
			t.Errorf("no member, and no error: %d lines", len(lines))
		}
	})
}
