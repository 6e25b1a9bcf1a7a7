package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

func label(name string) action.Value {
	return action.Dict(action.Entry{Key: name, Value: action.String("START WAL LOCATION")})
}

func returns(v action.Value) phase {
	return func(*calling) (action.Value, error) { return v, nil }
}

// What verify returns is on the disk before postscript is called, postscript is told of
// it, and whatever becomes of that it stays a part of the recovery point.
func TestVerified(t *testing.T) {
	for name, c := range map[string]struct {
		postscript      phase
		exit            int
		kind            action.Kind
		message, archiv string
	}{
		"postscript adds to it":        {returns(label("archived")), ExitDone, "", "", "START WAL LOCATION"},
		"postscript returns nothing":   {returns(action.Value{}), ExitDone, "", "", ""},
		"postscript fails":             {fails("not archived"), ExitPostscript, action.KindScript, "not archived", ""},
		"postscript returns the same":  {returns(label("label")), ExitPostscript, action.KindInternal, `postscript returned "label", which verify returned already`, ""},
		"postscript returns something": {returns(action.Int(1)), ExitPostscript, action.KindInternal, "postscript returned 1, want None or a dict", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.scripts["orders"]["verify"] = returns(label("label"))
			path := filepath.Join(f.RecoveryPoints, "01J.json")
			f.scripts["orders"]["postscript"] = func(in *calling) (action.Value, error) {
				if text := read(t, path); !strings.Contains(text, `"label": "START WAL LOCATION"`) {
					t.Errorf("on the disk when postscript begins: %s", text)
				}
				if !in.in.Get("verified").Equal(label("label")) {
					t.Errorf("postscript gets %s", in.in)
				}
				return c.postscript(in)
			}
			r := f.do()
			f.want(r, c.exit, Application, c.kind, c.message)
			after := r.Members[0].RecoveryPoint.After
			if after.Get("label").Text() != "START WAL LOCATION" || after.Get("archived").Text() != c.archiv {
				t.Errorf("after the run: %s", after)
			}
			if text := read(t, path); !strings.Contains(text, `"label": "START WAL LOCATION"`) {
				t.Errorf("on the disk after the run: %s", text)
			}
		})
	}
}

// What verify returned and nobody can keep proves nothing.
func TestVerifiedIsNotKept(t *testing.T) {
	for name, breaks := range map[string]func(f *fixture) error{
		"its file cannot be written": func(f *fixture) error {
			err := os.RemoveAll(f.RecoveryPoints)
			blocked(f, f.RecoveryPoints)
			return err
		},
		"the journal cannot be written": func(f *fixture) error { f.disk.broken.Store(true); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.scripts["orders"]["verify"] = func(*calling) (action.Value, error) {
				return label("label"), breaks(f)
			}
			f.want(f.do(), ExitVerdict, Filesystem, action.KindVerify, "what verify returned cannot be kept, and the copy needs it")
		})
	}
}

// It is in the journal, too, before postscript is called.
func TestVerifiedIsInTheJournal(t *testing.T) {
	f := newFixture(t)
	f.scripts["orders"]["verify"] = returns(label("label"))
	f.scripts["orders"]["postscript"] = func(*calling) (action.Value, error) {
		records, _, err := journal.Read(journal.OS{}, f.Journal.Path())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Type == journal.TypeRecoveryPoint && r.Value.Equal(label("label")) {
				return action.Value{}, nil
			}
		}
		t.Error("the journal on the disk does not have it")
		return action.Value{}, nil
	}
	f.want(f.do(), ExitDone, Application, "", "")
}
