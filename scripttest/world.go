package scripttest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/scripttest/worlds"
)

// errDead is what the rest of a process sees that was killed: it is not there any more.
var errDead = errors.New("the host was killed")

// errWorker ends a script whose process was killed.
var errWorker = &action.Fault{Kind: action.KindKilled, Message: "the worker was killed"}

// world is what one run meets. It belongs to the run, which makes one thing after the
// other.
type world struct {
	*stage
	fault   Fault
	journal func() []journal.Record

	server   worlds.Server
	sessions map[string]*session // by id
	nextID   int
	life     int  // of a server that is stubs alone: how often it was started
	holding  bool // the action that is being made has an undo
	used     map[any]int
	asked    map[string]int    // of a recording: how often
	taken    map[string]string // what stubs hold: name, and the id of the session or "" if it lasts
	fs       filesystems

	phase    string
	points   []point
	dead     bool             // the host was killed
	left     []journal.Record // of the host that was killed
	onDisk   int              // how many records are there while the journal is on hold; 0: all
	killed   bool             // the worker was killed
	quiet    *quiesced        // when the prescript had returned; nil before
	lasted   bool             // and still at the end of the snapshot
	snapshot *quiesced        // when the snapshot was taken
	events   []event
	log      []string
	surprise []string // calls that nobody stubbed
}

type event struct {
	name string
	data action.Value
}

// quiesced is what must not change while the snapshot is taken.
type quiesced struct {
	held    []string
	blocked bool // nobody else can write
	life    string
}

func newWorld(s *stage, f Fault) *world {
	w := &world{
		stage: s, fault: f, sessions: map[string]*session{}, nextID: 40, used: map[any]int{}, asked: map[string]int{}, taken: map[string]string{},
		phase: "prescript",
	}
	w.fs.world = w
	if s.server != nil {
		w.server = s.server.Clone()
	}
	return w
}

// at notes that a point of the run has been reached and returns the fault that strikes it.
func (w *world) at(kind pointKind, text string) Kind {
	if w.dead {
		return ""
	}
	w.points = append(w.points, point{kind, len(w.sessions) > 0, kind == pointSnapshot && w.server != nil && len(w.server.Held()) > 0, w.phase, text})
	if len(w.points) == w.fault.Point {
		return w.fault.Kind
	}
	return ""
}

// crash kills the host: its sessions end, and what it had on the disk is all that is
// known of it. Filesystems stay frozen, what lasts stays changed.
func (w *world) crash() {
	w.dead = true
	w.left = w.journal()
	if w.onDisk > 0 {
		w.left = w.left[:w.onDisk]
	}
	w.loseAll()
}

// before comes to a point, and lets happen what its fault does before anything is made.
func (w *world) before(kind pointKind, text string, lose func()) Kind {
	fault := w.at(kind, text)
	switch fault {
	case FaultCrashBefore:
		w.crash()
	case FaultSessionLost:
		lose()
	case FaultRestart:
		w.restart()
	}
	return fault
}

// act makes an action happen at a point, with the fault that strikes there. lose ends
// the session of the action, if it has one.
func (w *world) act(kind pointKind, text string, a action.Action, lose func(), do func() (action.Result, error)) (action.Result, error) {
	fault := w.before(kind, text, lose)
	switch {
	case fault == FaultError:
		return w.refuse(a), nil
	case w.dead:
		return action.Result{State: action.NotApplied}, errDead
	}
	res, err := do()
	if err != nil {
		return res, err
	}
	return w.after(fault, res, lose)
}

// after is what becomes of an action that was made.
func (w *world) after(fault Kind, res action.Result, lose func()) (action.Result, error) {
	switch fault {
	case FaultPanic:
		panic("injected")
	case FaultTimeout:
		late := unknown(action.KindTimeout, "took longer than its timeout (injected)", false)
		if res.Exit != nil {
			late.Exit = killed(*res.Exit)
		}
		return late, nil
	case FaultLostReply:
		lose()
		return unknown(action.KindKilled, "the connection was cut before the answer (injected)", true), nil
	case FaultKilled:
		w.killed = true // the host notes the result; the script hears no more of it
	case FaultCrashAfter:
		w.crash()
		return action.Result{State: action.Unknown}, errDead
	}
	return res, nil
}

func unknown(kind action.Kind, message string, lost bool) action.Result {
	return action.Result{State: action.Unknown, Err: &action.Fault{Kind: kind, Message: message, Lost: lost}}
}

// refuse is what becomes of an action that was not made. A program says so by an exit
// code, which is an answer like others to a script that takes any.
func (w *world) refuse(a action.Action) action.Result {
	switch {
	case a.SQL != nil:
		return action.Result{State: action.NotApplied, Err: refusal(w.database)}
	case a.Exec != nil:
		failing := &execStub{code: 1, stderr: "an injected error"}
		for slices.Contains(a.Exec.OK, failing.code) {
			failing.code++
		}
		return failing.result(a.Exec)
	}
	return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindFreeze, Message: "refused (an injected error)"}}
}

// undo makes a step of an undo at a point, with the fault that strikes there.
func (w *world) undo(kind pointKind, text string, lose func(), do func() (action.State, string)) (action.State, string) {
	fault := w.before(kind, "undo "+text, lose)
	switch {
	case fault == FaultError:
		return journal.Failed, "refused (an injected error)"
	case w.dead:
		return journal.Done, "" // nobody is there to do it, and nobody to tell
	}
	state, message := do()
	switch fault {
	case FaultPanic:
		panic("injected")
	case FaultTimeout:
		return journal.Failed, "took longer than its time (injected)"
	case FaultLostReply:
		lose()
		return journal.Failed, "the connection was cut before the answer (injected)"
	case FaultKilled:
		w.killed = true
	case FaultCrashAfter:
		w.crash()
	}
	return state, message
}

// held names everything that somebody would wait for, or find changed: what servers,
// programs and filesystems know, whatever the script said of it.
func (w *world) held() []string {
	list := []string{}
	if w.server != nil {
		list = append(list, w.server.Held()...)
	}
	for name := range w.taken {
		list = append(list, name)
	}
	for _, mount := range w.fs.frozen {
		list = append(list, "filesystem "+mount)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// take and give are what stubs say by acquires= and releases=.
func (w *world) take(s stub, session string) {
	if s.acquires != "" {
		w.taken[s.acquires] = session
	}
	if s.releases != "" {
		delete(w.taken, s.releases)
	}
}

// mustAcquire refuses a stub that makes a test blind: what its action takes nobody would
// miss if it were not given back.
func (w *world) mustAcquire(s stub, text string) {
	if w.holding && s.acquires == "" {
		w.surprised("%s\nhas an undo, but its stub takes nothing, so a test cannot see whether it is given back: say acquires = …, and releases = … where it is undone", oneLine(text))
	}
}

func (w *world) quiesced() *quiesced {
	q := &quiesced{held: w.databaseHeld(), life: w.lifeID()}
	if w.server != nil {
		q.blocked = !w.server.Clone().Commit()
	}
	return q
}

// databaseHeld is what is held but for filesystems.
func (w *world) databaseHeld() []string {
	return slices.DeleteFunc(w.held(), func(name string) bool { return slices.Contains(w.fs.frozen, trimFilesystem(name)) })
}

// lifeID names the life of the server.
func (w *world) lifeID() string {
	if w.server != nil {
		return w.server.Identity().Started.String()
	}
	return fmt.Sprint(w.life)
}

// still reports whether everything is as it was when the prescript had returned.
func (w *world) still() bool {
	if w.quiet == nil {
		return false
	}
	now := w.quiesced()
	if now.life != w.quiet.life || w.quiet.blocked && !now.blocked {
		return false
	}
	for _, name := range w.quiet.held {
		if !slices.Contains(now.held, name) {
			return false
		}
	}
	return true
}

// emit notes an event of the script; those of the run itself are no concern of a test.
func (w *world) emit(name, _ string, data action.Value) {
	if name, ok := strings.CutPrefix(name, "script."); ok {
		w.events = append(w.events, event{name, data})
	}
}

func (w *world) surprised(format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(w.surprise, text) {
		w.surprise = append(w.surprise, text)
	}
	return text
}
