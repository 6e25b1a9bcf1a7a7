//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/internal/testtable"
	"github.com/starhost/starhost/run"
)

// irisPhases are the moments at which an instance begins to misbehave: before the nth
// program that a run starts.
var irisPhases = []struct {
	name string
	at   int
}{
	{"before", 1},  // the list of instances
	{"freeze", 3},  // after it was asked whether it is suspended
	{"query", 4},   // whether the freeze has worked
	{"verify", 5},  // after, or during, the snapshot
	{"thaw", 6},    // the first rung of the ladder
	{"recover", 0}, // both processes of a run were killed, recover is called
}

// irisRow is a misbehaviour.
type irisRow struct {
	name   string
	what   change
	phases string // at which it may begin
	gate   string // of these, those that the gate has time for
	stuck  bool   // no rung can work, or nobody can prove that one did
	left   bool   // it is suspended still
	app    bool   // it is not wrong to call it application
}

// irisEverywhere are all phases.
const irisEverywhere = "before freeze query verify thaw recover"

// irisRows are all misbehaviours of the stand-in.
func irisRows() []irisRow {
	one := []string{"IRIS"}
	rows := []irisRow{
		{name: "nothing", phases: irisEverywhere, gate: "verify recover", app: true},
		{name: "a session never starts", what: change{"login": "hang"}, phases: irisEverywhere, gate: "verify recover", stuck: true},
		{name: "access denied", what: change{"login": "denied"}, phases: irisEverywhere, gate: "verify", stuck: true},
		{name: "it asks for a password", what: change{"login": "password"}, phases: irisEverywhere, gate: "before", stuck: true},
		{name: "the instance hangs", what: change{"health": "hung"}, phases: irisEverywhere, stuck: true},
		{name: "the instance goes down", what: change{"down": one}, phases: irisEverywhere, gate: "verify", stuck: true},
		{name: "nobody may sign on", what: change{"inhibited": one}, phases: irisEverywhere, stuck: true},
		{name: "the list fails", what: change{"list": "fail"}, phases: "before"},
		{name: "the list hangs", what: change{"list": "hang"}, phases: "before", gate: "before"},
		{name: "suspended by somebody else", what: change{"suspended": one}, phases: "before", gate: "before", left: true},
		{name: "suspended meanwhile, a second freeze fails", what: change{"suspended": one, "double_freeze": "fail"}, phases: "freeze"},
		{name: "suspended meanwhile, a second freeze works", what: change{"suspended": one, "double_freeze": "ok"}, phases: "freeze", app: true},
		{name: "it resumes by itself", what: change{"elapse": 3600}, phases: "verify", gate: "verify"},
		{name: "it has resumed, a thaw of nothing fails", what: change{"elapse": 3600, "thaw_unfrozen": "fail"}, phases: "thaw"},
		{name: "everything fails once", what: change{"query": "exit 1", "thaw": "fail", "resume": "fail", "times": 1}, phases: "freeze verify thaw recover", gate: "thaw"},
	}
	for _, how := range []string{"exit 0", "exit 1", "hang", "die"} {
		gate := map[string]string{"exit 0": "query"}[how]
		rows = append(rows, irisRow{name: "the query: " + how, what: change{"query": how}, phases: irisEverywhere, gate: gate, stuck: true})
	}
	for _, how := range []string{"fail", "hang", "die", "exit 0", "exit 127", "done, fail", "done, hang", "done, die", "done, exit 0", "done, exit 1", "done, exit 127"} {
		gate := map[string]string{"fail": "freeze", "done, hang": "freeze", "done, die": "freeze"}[how]
		rows = append(rows, irisRow{name: "the freeze: " + how, what: change{"freeze": how}, phases: "freeze", gate: gate})
	}
	return append(rows, irisThaws()...)
}

// irisThaws are the misbehaviours of the rungs.
func irisThaws() (rows []irisRow) {
	for _, how := range []string{"fail", "hang", "die", "exit 0", "done, fail", "done, hang", "done, die", "done, exit 127"} {
		done := strings.HasPrefix(how, "done")
		gate := map[string]string{"fail": "thaw", "hang": "recover", "done, die": "thaw"}[how]
		rows = append(rows,
			irisRow{name: "the thaw: " + how, what: change{"thaw": how}, phases: "thaw recover", gate: gate},
			irisRow{name: "the thaw fails; stat -W: " + how, what: change{"thaw": "fail", "resume": how}, phases: "thaw recover", gate: gate, stuck: !done, left: !done})
	}
	return rows
}

// irisDeadline is when anything that is asked of a run must be over, on a busy machine: its
// programs may take 3 s, and the hold 6.
const irisDeadline = 30 * time.Second

// Every misbehaviour in every phase (the gate: those that differ most), by the real command and programs that it runs as a
// real user: it ends in time, it is never called application unless it was suspended all
// the time, and never left suspended while one rung of the ladder works.
func TestIrisMisbehaves(t *testing.T) {
	testfs.RequireRoot(t) // to run programs as another user
	whole := os.Getenv(tortureEnv) != ""
	program := irisProgram(t)
	rows := irisRows()
	cells := make([][]string, len(rows))
	var lock sync.Mutex
	t.Run("cells", func(t *testing.T) {
		for i, row := range rows {
			cells[i] = make([]string, len(irisPhases))
			for j, phase := range irisPhases {
				made := row.gate
				if whole {
					made = row.phases
				}
				if !strings.Contains(made, phase.name) {
					continue
				}
				t.Run(row.name+" "+phase.name, func(t *testing.T) {
					t.Parallel()
					cell := irisCell(t, program, row, phase.name, phase.at)
					lock.Lock()
					defer lock.Unlock()
					cells[i][j] = cell
				})
			}
		}
	})
	var table strings.Builder
	fmt.Fprintf(&table, "%-46s", "begins at")
	for _, phase := range irisPhases {
		fmt.Fprintf(&table, "%-13s", phase.name)
	}
	for i, row := range rows {
		if strings.Join(cells[i], "") == "" {
			continue // the gate has no time for it
		}
		fmt.Fprintf(&table, "\n%-46s", row.name)
		for _, cell := range cells[i] {
			fmt.Fprintf(&table, "%-13s", cell)
		}
	}
	table.WriteString("\n-: no snapshot; app, files, crash: the verdict; ok: recovered; alarm: exit status 7, nobody can prove that it was resumed;\nHELD: it is suspended still, and no rung works; stranger: somebody else has suspended it, and it is left alone\n")
	testtable.Show(t, "iris-misbehaves", table.String())
}

// irisCell makes one run and says what became of it.
func irisCell(t *testing.T, program string, row irisRow, phase string, at int) string {
	h := newIris(t, program, []string{"IRIS"}, nil, change{"then": row.what, "at": at})
	hold := 6
	if phase == "recover" {
		hold = 20 // it must be killed, not run out of time
	}
	c := newCommand(t, h.member("orders", "IRIS", hold))
	c.plainly(true)
	var got outcome
	if phase == "recover" {
		c.env = []string{deathEnv + "=verify+0ms supervisor,watchdog KILL", faultTime + "=" + c.dir + "/struck"}
		if got := c.run("run", "--", "true"); got.exit != -1 || len(h.held()) != 1 {
			t.Fatalf("exit status %d, held %q: it was not killed in time\n%s", got.exit, h.held(), got.stderr)
		}
		c.env = nil
		h.set(row.what)
		got = c.run("recover")
	} else {
		got = c.run("run", "--json", "--", "true")
	}
	held := h.held()
	if got.took > irisDeadline {
		t.Errorf("it took %v", got.took)
	}
	alarm := got.exit == run.ExitHeld
	if alarm != (row.stuck && phase != "before") { // before it is suspended there is nothing to prove
		t.Errorf("exit status %d: the alarm is %v\n%s", got.exit, alarm, got.stderr)
	}
	if len(held) > 0 != row.left {
		t.Errorf("held %q", held)
	}
	cell := irisVerdict(t, got, phase)
	if cell == "app" && !row.app && phase != "thaw" {
		t.Error("it is called application")
	}
	switch {
	case len(held) > 0 && phase == "before":
		return "stranger"
	case len(held) > 0:
		cell += " HELD"
	case alarm:
		cell += " alarm"
	}
	if alarm {
		h.heal()
		c.run("recover").want(t, run.ExitDone)
		if held := h.held(); len(held) > 0 {
			t.Errorf("held after the recovery: %q", held)
		}
	}
	return cell
}

// heal ends all misbehaviour.
func (h *irisHost) heal() {
	h.set(change{
		"login": "os", "health": "ok", "down": []string{}, "inhibited": []string{}, "times": 0,
		"query": "ok", "thaw": "ok", "resume": "ok",
	})
}

// irisVerdict is the verdict in short. It may be application only if nothing has gone
// wrong before the thaw.
func irisVerdict(t *testing.T, got outcome, phase string) string {
	t.Helper()
	if phase == "recover" {
		return "ok"
	}
	if got.report == nil {
		t.Fatalf("no report: exit status %d\n%s", got.exit, got.stderr)
	}
	switch got.report.Verdict {
	case run.NoVerdict:
		return "-"
	case run.Application:
		return "app"
	case run.Filesystem:
		return "files"
	}
	return got.report.Verdict.String()
}
