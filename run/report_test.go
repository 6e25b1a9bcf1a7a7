package run

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
)

// times are the numbers of a report that differ from run to run.
var times = regexp.MustCompile(`("(?:\w+_)?ms": )[0-9.]+`)

// goldenReport is the report of the run of [newFixture]; its keys are the interface of
// the command.
const goldenReport = `{
 "run": "01J",
 "verdict": "application",
 "exit": 0,
 "error": null,
 "quiesced_ms": 0,
 "frozen_ms": 0,
 "held": [],
 "phases": [
  {
   "name": "prescript",
   "ms": 0
  },
  {
   "name": "freeze",
   "ms": 0
  },
  {
   "name": "snapshot",
   "ms": 0
  },
  {
   "name": "thaw",
   "ms": 0
  },
  {
   "name": "verify",
   "ms": 0
  },
  {
   "name": "postscript",
   "ms": 0
  }
 ],
 "members": [
  {
   "workload": "orders",
   "script": {
    "name": "x.star",
    "sha256": "e3b0"
   },
   "verdict": "application",
   "error": null,
   "recovery_point": {
    "before": {
     "position": 42
    },
    "after": "after"
   },
   "actions": [
    {
     "n": 3,
     "name": "freeze",
     "text": "[\"/data\"]",
     "state": "applied",
     "undone": false,
     "ms": 0
    },
    {
     "n": 6,
     "name": "sql",
     "text": "FLUSH TABLES WITH READ LOCK",
     "session": "main",
     "state": "applied",
     "hold": "lock",
     "undo": [
      "UNLOCK TABLES"
     ],
     "undone": true,
     "ms": 0
    },
    {
     "n": 17,
     "name": "sql",
     "text": "SHOW MASTER STATUS",
     "session": "main",
     "state": "applied",
     "undone": false,
     "ms": 0
    }
   ]
  }
 ]
}`

func TestReport(t *testing.T) {
	f := newFixture(t)
	r := f.do()
	if r.QuiescedMS <= 0 || r.FrozenMS <= 0 || r.FrozenMS >= r.QuiescedMS {
		t.Errorf("quiesced for %v ms, frozen for %v ms", r.QuiescedMS, r.FrozenMS)
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if got := times.ReplaceAllString(string(text), "${1}0"); got != goldenReport {
		t.Errorf("got %s", got)
	}
	back := &Report{}
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.MarshalIndent(back, "", " "); string(again) != string(text) {
		t.Errorf("came back as %s", again)
	}
}

// Lists are lists and never null, however early a run ended.
func TestReportOfARunThatNeverBegan(t *testing.T) {
	f := newFixture(t)
	f.disk.broken.Store(true)
	text, err := json.Marshal(f.do())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"held":[]`, `"phases":[]`, `"actions":[]`, `"verdict":null`, `"stack":[]`, `"recovery_point":{"before":null,"after":null}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

// The error of a script comes with its stack, in the report and in that of its member;
// an action that failed has its own.
func TestReportOfAnError(t *testing.T) {
	f := newFixture(t)
	f.on["orders: lock"] = refuse(action.KindScript, "access denied")
	f.scripts["orders"]["prescript"] = does(func(c *calling) error {
		err := c.lock("lock")
		return &action.ScriptError{Kind: action.KindScript, Msg: "sql: access denied", Cause: err, Stack: []action.Frame{
			{Pos: "x.star:7:4", Func: "prescript", Source: "_lock()"}, {Pos: "x.star:3:8", Func: "_lock", Source: "sql(…)"},
		}}
	})
	r := f.do()
	f.want(r, ExitPrescript, NoVerdict, action.KindScript, "sql: access denied")
	for _, e := range []*Error{r.Error, r.Members[0].Error} {
		if got := strings.Join(e.Stack, ", "); got != "x.star:7:4: in prescript, x.star:3:8: in _lock" || !strings.Contains(e.Trace, "    sql(…)\nsql: access denied") {
			t.Errorf("stack %s, trace %s", got, e.Trace)
		}
	}
	a := r.Members[0].Actions[0]
	if a.State != action.NotApplied || a.Error != "access denied" || a.Undone || a.Hold != "lock" {
		t.Errorf("action %+v", a)
	}
}
