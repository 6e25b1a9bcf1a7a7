package scripttest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
)

// varied is a script with an action of every kind.
const varied = `
API = 1

def prescript(ctx):
    freeze("/srv/a", "/srv/b")
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")
    exec_as("u", ["/bin/take"], hold = "program", undo = undo.exec_as("u", ["/bin/give"]))
    sleep(1)

def verify(ctx):
    pass

def postscript(ctx):
    thaw()
    print("all given back")
`

// variedPlan is a whole run of it.
func variedPlan(t *testing.T, fsFreeze string) plan {
	t.Helper()
	s, err := interp.New(t.Context(), interp.Options{Name: "varied.star", Source: []byte(varied), Words: builtins.New("mysql")})
	if err != nil {
		t.Fatal(err)
	}
	return plan{script: s, stage: &stage{
		database: "mysql", fsFreeze: fsFreeze, settings: action.Dict(), params: action.Dict(), context: action.Dict(),
		sql: []*sqlStub{
			{pattern: "FLUSH TABLES*", stub: stub{acquires: "lock"}},
			{pattern: "UNLOCK TABLES", stub: stub{releases: "lock"}},
		},
		exec: []*execStub{
			{argv: []string{"/bin/take"}, stub: stub{acquires: "program"}},
			{argv: []string{"/bin/give"}, stub: stub{releases: "program"}},
		},
	}}
}

// outcomes are those of a plan with every fault of these kinds.
func outcomes(t *testing.T, p plan, kinds []Kind) []*outcome {
	clean, others := enumerate(t.Context(), p, kinds, func(o *outcome) *outcome { return o })
	return append([]*outcome{clean}, others...)
}

// TestFaultsAreMade has every fault struck, and be what it is called: no panic but the
// injected one, and nothing heard of a script after its end.
func TestFaultsAreMade(t *testing.T) {
	for _, o := range outcomes(t, variedPlan(t, ""), Kinds) {
		f := o.world.fault
		if len(o.held) > 0 || !o.honest() || o.missed() != "" || len(o.world.surprise) > 0 {
			t.Errorf("%s: held %q, honest %t, %q, %q", f, o.held, o.honest(), o.missed(), o.world.surprise)
		}
		for _, r := range o.records {
			if strings.Contains(r.Err, "panic") && f.Kind != FaultPanic {
				t.Errorf("%s: %s", f, r.Err)
			}
		}
		ends := f.Kind == FaultKilled || f.Kind == FaultCrashBefore || f.Kind == FaultCrashAfter
		if ends && len(o.world.log) > 0 {
			t.Errorf("%s: the script went on: %q", f, o.world.log)
		}
	}
}

// TestCrashOnHold has a host that is killed leave only what was on the disk: nothing of
// what it did while the journal was on hold.
func TestCrashOnHold(t *testing.T) {
	for fsFreeze, phase := range map[string]string{"": "thaw", "caller": "unwind"} {
		seen := false
		for _, o := range outcomes(t, variedPlan(t, fsFreeze), []Kind{FaultCrashAfter}) {
			f := o.world.fault
			if f.Phase != phase || phase == "unwind" && !f.NoSnapshot {
				continue
			}
			seen = true
			if slices.ContainsFunc(o.world.left, func(r journal.Record) bool { return r.Type == journal.TypeUndone }) {
				t.Errorf("%s: the journal has an undo that could not be written", f)
			}
			if len(o.held) > 0 {
				t.Errorf("%s: held %q", f, o.held)
			}
		}
		if !seen {
			t.Errorf("fs_freeze %q: no crash in %s", fsFreeze, phase)
		}
	}
}

// TestCutShort has no script be proven in a proof whose time was over.
func TestCutShort(t *testing.T) {
	source, err := scripts.Source("mysql.star")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	p := Prove(ctx, ProveOptions{Name: "mysql.star", Source: source, Load: scripts.Source, World: "mysql-8.4"})
	if ctx.Err() != nil && p.Proven() {
		t.Errorf("proven by %d faults that were not all made", len(p.Faults))
	}
}

// TestUndoneAll names no hold of which a step is still to be undone.
func TestUndoneAll(t *testing.T) {
	step := action.Op{SQL: &action.SQL{Session: "main", Query: "UNLOCK TABLES"}}
	took := &action.Action{Op: step, Hold: "lock", Undo: []action.Op{step, step}}
	half := []journal.Record{
		{N: 1, Type: journal.TypeIntent, Action: took},
		{N: 2, Type: journal.TypeUndone, Of: 1, Step: 0, State: journal.Done},
		{N: 3, Type: journal.TypeUndone, Of: 1, Step: 1, State: journal.Failed},
	}
	whole := append(slices.Clone(half), journal.Record{N: 4, Type: journal.TypeUndone, Of: 1, Step: 1, State: journal.Done})
	if got := (&outcome{records: half}).undone(); len(got) > 0 {
		t.Errorf("%q with a step that failed", got)
	}
	if got := (&outcome{records: whole}).undone(); !slices.Equal(got, []string{"lock"}) {
		t.Errorf("got %q", got)
	}
}

// TestHonest has a verdict that is better than the truth be called false.
func TestHonest(t *testing.T) {
	for _, tt := range []struct {
		verdict      run.Verdict
		lasted, want bool
	}{{run.Application, true, true}, {run.Application, false, false}, {run.Filesystem, false, true}, {run.NoVerdict, false, true}} {
		o := &outcome{world: &world{lasted: tt.lasted}, report: &run.Report{Verdict: tt.verdict}}
		if got := o.honest(); got != tt.want {
			t.Errorf("%q, lasted %t: got %t", tt.verdict, tt.lasted, got)
		}
	}
}
