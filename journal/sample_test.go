package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// tick returns a clock that advances by a second each time it is asked.
func tick() func() time.Time {
	t := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	return func() time.Time {
		t = t.Add(time.Second)
		return t
	}
}

// sample returns a record of every type, in an order that a run may have.
func sample() []Record {
	lock := &action.Action{
		Op:   action.Op{SQL: &action.SQL{Session: "main", Query: "FLUSH TABLES WITH READ LOCK -- a<b & \u2028 \ufffd \\ufffd"}},
		Word: "sql", Hold: "lock", Scope: action.ScopeSession, Timeout: time.Minute, Pos: "mysql.star:8:5",
		Undo: []action.Op{
			{SQL: &action.SQL{Session: "main", Query: "UNLOCK TABLES", Params: []action.Value{action.Int(1), action.Float(2)}, When: "SELECT 1"}},
			{AnyOf: []action.Op{
				{End: &action.End{Session: "main", Server: "uuid", ID: "7"}},
				{Exec: &action.Exec{User: "mysql", Argv: []string{"/bin/true"}, Stdin: action.Bytes([]byte{0, 0xff})}},
			}},
		},
		UndoGiven: true,
	}
	frozen := &action.Action{
		Op:    action.Op{FS: &action.FS{Device: "8:1", Mountpoint: "/data"}},
		Scope: action.ScopeBoot, Undo: []action.Op{{FS: &action.FS{Device: "8:1", Mountpoint: "/data", Thaw: true}}},
	}
	return []Record{
		{
			Type: TypeBegin, Run: "01J", Boot: "b", Machine: "m", Host: "db1", Version: "1.0",
			Deadline: time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC), Members: []Member{{"orders", "mysql.star", "e3b0"}}, Owner: "qemu-ga", Hold: 90 * time.Second,
		},
		{Type: TypeSession, Member: "orders", Session: &Session{
			Name: "main", ID: "7", Driver: "mysql", Server: "uuid",
			Started: time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC), Address: "/run/mysqld.sock", Local: true,
		}},
		{Type: TypePhase, Member: "orders", Phase: "prescript", Note: "first try"},
		{Type: TypeIntent, Member: "orders", Action: lock},
		{Type: TypeResult, Of: 4, State: action.Applied},
		{Type: TypeRecoveryPoint, Member: "orders", Value: action.Dict(
			action.Entry{Key: "z", Value: action.List(action.Bytes([]byte("\x00\xff")), action.Uint(1<<63))}, action.Entry{Key: "a", Value: action.Float(1)},
		)},
		{Type: TypeIntent, Action: frozen},
		{Type: TypeResult, Of: 7, State: action.Unknown, Err: "timed out"},
		{Type: TypeUndo, Of: 7, Try: 1},
		{Type: TypeUndone, Of: 7, State: Already},
		{Type: TypeUndo, Of: 4, Step: 1, Try: 2},
		{Type: TypeUndone, Of: 4, Step: 1, State: Failed, Err: "gone away"},
		{Type: TypeNote, Note: "recovered"},
		{Type: TypeEnd, Verdict: "crash", Exit: 7, Held: []string{"lock"}},
	}
}

// journalOf returns the text of a journal with these records.
func journalOf(t testing.TB, records ...Record) []byte {
	t.Helper()
	d := &disk{}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if n, err := w.Append(r, false); err != nil || n != i+1 {
			t.Fatalf("Append of a %s record: %d, %v", r.Type, n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return d.content()
}

// read reads a journal from memory.
func read(t testing.TB, text []byte) ([]Record, Tail) {
	t.Helper()
	recs, tail, err := Read(&disk{data: text}, "run")
	if err != nil {
		t.Fatal(err)
	}
	return recs, tail
}

// text returns a record in a form that can be compared.
func text(t testing.TB, r Record) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func texts(t testing.TB, recs []Record) []string {
	t.Helper()
	all := make([]string, 0, len(recs))
	for _, r := range recs {
		all = append(all, text(t, r))
	}
	return all
}
