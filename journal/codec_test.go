package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

func TestRoundTripOfEveryType(t *testing.T) {
	d := &disk{}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Type]bool{}
	for _, r := range sample() {
		seen[r.Type] = true
		if _, err := w.Append(r, true); err != nil {
			t.Fatal(err)
		}
	}
	recs, tail, err := Read(d, w.Path())
	if err != nil || !reflect.DeepEqual(tail, Tail{}) {
		t.Fatalf("tail %+v, %v; want a journal in order", tail, err)
	}
	if got, want := texts(t, recs), texts(t, w.Records()); !slices.Equal(got, want) {
		t.Errorf("read\n%s\nwrote\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !reflect.DeepEqual(recs[3], w.Records()[3]) {
		t.Error("the intent is not what was appended")
	}
	for i, r := range recs {
		if r.N != i+1 || r.Time.Location() != time.UTC {
			t.Errorf("record %d has n %d and time %v", i, r.N, r.Time)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for _, typ := range []Type{
		TypeBegin, TypeSession, TypeIntent, TypeResult, TypeUndo, TypeUndone,
		TypePhase, TypeRecoveryPoint, TypeNote, TypeEnd,
	} {
		if !seen[typ] {
			t.Errorf("the sample lacks a %s record", typ)
		}
	}
}

// The format is a promise to administrators and to later versions: this line is
// compared byte by byte, and its checksum is computed independently.
func TestFormat(t *testing.T) {
	got := string(journalOf(t, Record{Type: TypeNote, Member: "orders", Note: "a<b"}))
	body := `{"n":1,"type":"note","time":"2026-01-02T02:04:06.000000006Z","member":"orders","note":"a<b"`
	sum := crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli))
	if want := fmt.Sprintf("%s,\"sum\":\"%08x\"}\n", body, sum); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	for line := range strings.Lines(string(journalOf(t, sample()...))) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	sql := func(query string) *action.Action {
		return &action.Action{Op: action.Op{SQL: &action.SQL{Query: query}}}
	}
	tests := []struct {
		name string
		rec  Record
		want string
	}{
		{"no type", Record{}, "type"},
		{"unknown type", Record{Type: "maybe"}, "not known"},
		{"begin without run", Record{Type: TypeBegin}, "run is missing"},
		{"session without id", Record{Type: TypeSession, Session: &Session{Name: "main"}}, "session"},
		{"intent without action", Record{Type: TypeIntent}, "action is missing"},
		{"intent of nothing", Record{Type: TypeIntent, Action: &action.Action{}}, "0 kinds"},
		{"undo of nothing", Record{Type: TypeIntent, Action: &action.Action{Op: sql("x").Op, Undo: []action.Op{{}}}}, "step 0 of the undo"},
		{"result of itself", Record{Type: TypeResult, Of: 1, State: action.Applied}, "earlier intent"},
		{"undo without try", Record{Type: TypeUndo}, "earlier intent"},
		{"phase unknown", Record{Type: TypePhase, Phase: "lunch"}, "lunch"},
		{"note without text", Record{Type: TypeNote}, "note is missing"},
		{"foreign member", Record{Type: TypeNote, Note: "x", Of: 1}, "another type"},
		{"not UTF-8", Record{Type: TypeIntent, Action: sql("SELECT '\xff'")}, "not UTF-8"},
		{"not UTF-8 in a value", Record{Type: TypeRecoveryPoint, Value: action.String("\xff")}, "not UTF-8"},
		{"not a number", Record{Type: TypeRecoveryPoint, Value: action.Float(1).With("a", action.Float(inf()))}, "recorded"},
		{"too long", Record{Type: TypeIntent, Action: sql(strings.Repeat("x", MaxRecord))}, "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &disk{}
			w, err := Create(d, "dir", "run", tick())
			if err != nil {
				t.Fatal(err)
			}
			n, err := w.Append(tt.rec, true)
			if n != 0 || err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, ErrBroken) {
				t.Errorf("got %d, %v; want an error about %q", n, err, tt.want)
			}
			if n, err := w.Append(Record{Type: TypeNote, Note: "ok"}, true); n != 1 || err != nil {
				t.Errorf("the next record: %d, %v; want number 1", n, err)
			}
			if err := w.Close(); err != nil || d.count("write") != 1 {
				t.Errorf("%d writes, %v; want 1", d.count("write"), err)
			}
		})
	}
}

func inf() float64 {
	zero := 0.0
	return 1 / zero
}

func TestLongMessagesAreClipped(t *testing.T) {
	long := strings.Repeat("é", MaxRecord)
	recs, _ := read(t, journalOf(t, Record{Type: TypeNote, Note: long}, Record{Type: TypeNote, Note: "bad \xff"}))
	if got := recs[0].Note; len(got) > MaxText || !strings.HasSuffix(got, "…") {
		t.Errorf("the note has %d bytes and ends in %q", len(got), got[len(got)-3:])
	}
	if recs[1].Note != "bad ?" {
		t.Errorf("got %q", recs[1].Note)
	}
}

// seal makes a line of any JSON object, as another version might have written it.
func seal(object string) string {
	body := strings.TrimSuffix(object, "}")
	return body + trailer([]byte(body)) + "\n"
}

func TestNewerVersions(t *testing.T) {
	const head = `{"n":1,"type":"intent","time":"2026-01-02T02:04:06Z","action":`
	tests := []struct {
		name, line string
		want       Tail
	}{
		{"new member", head + `{"sql":{"session":"","query":"x"}},"mood":1}`, Tail{Newer: []int{1}}},
		{"new operation", head + `{"teleport":{},"undo":[{"sql":{"session":"","query":"x"}}]}}`, Tail{Newer: []int{1}}},
		{"new guard", head + `{"sql":{"session":"","query":"x"},"undo":[{"sql":{"session":"","query":"x","unless":"y"}}]}}`, Tail{Newer: []int{1}}},
		{"new undo", head + `{"sql":{"session":"","query":"x"},"undo":[{"teleport":{}}]}}`, Tail{
			Torn: true, Line: 1, Reason: "intent record: step 0 of the undo: an operation has 0 kinds, want exactly one",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs, tail := read(t, []byte(seal(tt.line)))
			if !reflect.DeepEqual(tail, tt.want) || len(recs) == 0 != tt.want.Torn {
				t.Errorf("%d records, tail %+v; want %+v", len(recs), tail, tt.want)
			}
		})
	}
}
