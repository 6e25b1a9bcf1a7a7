package scripttest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	realhost "github.com/starhost/starhost/host"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// What is the same in every run of a test.
const (
	workload = "test"
	runID    = "01TEST00000000000000000000"
)

// epoch is the time in a test.
var epoch = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

// limits are those of a config that says nothing of them.
var limits = run.Limits{Hold: 90 * time.Second, Prescript: time.Minute, Postscript: time.Minute, Freeze: 10 * time.Second}

// plan says what a run is to do.
type plan struct {
	stage    *stage
	script   *interp.Script
	only     string       // the phase to call; empty calls all
	closure  bool         // the phase is a function that shares variables with its test
	toEnd    bool         // what is held is that at the end, of a prescript alone, too
	before   action.Value // what a prescript that is not called returns
	fault    Fault
	snapshot func(w *world) error // what happens while the snapshot is taken; nil is nothing
}

// outcome is what a run was.
type outcome struct {
	world  *world
	report *run.Report
	phase  string       // the one that was called alone, or empty
	toEnd  bool         // as in the plan
	value  action.Value // what it returned
	failed bool         // that phase
	held   []string
	open   bool // it held nothing, although it does without a fault
	// records are those of the journal, that of the recovery included.
	records []journal.Record
}

// live leads one run in a world of its own: the real life of a run, with its journal,
// its policy and its undo. If the fault kills the host, what is left is recovered as
// by starhost recover.
func live(ctx context.Context, p plan) *outcome {
	w := newWorld(p.stage, p.fault)
	o := &outcome{world: w, phase: p.only, toEnd: p.toEnd}
	log, err := journal.Create(nowhere{}, "runs", runID, func() time.Time { return epoch })
	if err != nil {
		panic(err) // nothing can fail that is nowhere
	}
	defer func() { _ = log.Close() }()
	w.journal = log.Records
	h := newHost(w)
	script := &phases{Script: p.script.Printing(func(_, text string) { w.log = append(w.log, text) }), plan: p, o: o}
	info := p.script.Info()
	c := run.Config{
		ID: runID, Limits: limits, Require: p.stage.verdict(), Filesystems: &w.fs,
		Snapshot: func(context.Context, run.Snapshot) error { return w.takeSnapshot(p) },
		Journal:  log, Begin: journal.Record{Version: "test", Boot: "test", Machine: "test", Host: "test"}, Events: w.channel(), Log: zerolog.Nop(),
		Pause: w.pause(),
		Members: []run.Member{{
			Workload: workload, Script: script, Name: info.Name, SHA256: info.SHA256, Phases: info.Phases,
			Policy: policy.Policy{Database: p.stage.database, AnyProgram: true}, Host: h, Context: p.stage.ctx(info), FSFreeze: p.stage.mode(),
		}},
	}
	o.report = run.Do(ctx, c)
	if w.dead {
		o.recover(ctx)
	}
	if o.records == nil {
		o.records = log.Records()
	}
	// What is held is seen before the sessions of the run end: their end would hide an
	// undo that was forgotten.
	o.held = w.held()
	_ = h.Close() // ends sessions that are not there
	return o
}

// pause counts the time that an unwinding waits, instead of waiting, until the reserve
// for undos is used up.
func (w *world) pause() func(context.Context, time.Duration) bool {
	waited := time.Duration(0)
	return func(_ context.Context, d time.Duration) bool {
		waited += d
		return waited < limits.Reserve() && !w.dead
	}
}

// takeSnapshot is the snapshot, with the fault that strikes there.
func (w *world) takeSnapshot(p plan) error {
	w.phase = "snapshot"
	if w.dead {
		return errDead
	}
	w.snapshot = w.quiesced()
	w.snapshot.held = w.held()
	lasted := w.still()
	switch w.before(pointSnapshot, "the snapshot", w.loseAll) {
	case FaultError:
		return errors.New("the snapshot failed (an injected error)")
	case FaultPanic:
		panic("injected")
	case FaultKilled:
		w.killed = true
	case FaultCrashAfter:
		w.crash()
	case FaultDropped:
		w.dropLocks()
	}
	if w.dead {
		return errDead
	}
	var err error
	if p.snapshot != nil {
		err = p.snapshot(w)
	}
	w.lasted = lasted && w.still() && (p.stage.mode() != run.FreezeNamed || w.fs.all())
	if p.fault.NoSnapshot && err == nil {
		err = errors.New("the snapshot failed")
	}
	return err
}

// recover undoes what the host that was killed left behind.
func (o *outcome) recover(ctx context.Context) {
	w := o.world
	w.dead, w.phase = false, "recovery"
	log := journal.NewMemory(w.left, func() time.Time { return epoch })
	r := &realhost.Recovery{
		Records: w.left, SameBoot: true,
		Connect: func(context.Context, string) (driver.Server, error) { return newServer(w), nil },
		Secret:  func(_, name string) (string, error) { return w.secret(name) },
	}
	defer r.Close()
	u := &undo.Unwinder{Log: log, Pause: w.pause(), Perform: performer(func(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
		return w.undoBy(ctx, r, h, step)
	})}
	u.Unwind(ctx, nil)
	o.report = run.ReportOf(log.Records())
	o.report.Error = &run.Error{Kind: action.KindKilled, Message: "the host was killed", Stack: []string{}}
	o.report.Exit = run.ExitInternal
	for _, h := range undo.Plan(log.Records()) {
		o.report.Held = append(o.report.Held, h.String())
	}
	o.records = log.Records()
}

type performer func(context.Context, undo.Hold, action.Op) (action.State, string)

func (f performer) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	return f(ctx, h, step)
}

// phases is the script of a run, or one of its phases alone, in a worker that can be
// killed.
type phases struct {
	*interp.Script
	plan plan
	o    *outcome
}

// Call implements [action.Script].
func (s *phases) Call(ctx context.Context, phase string, in action.Value, ex action.Executor) (action.Value, error) {
	w := s.o.world
	w.phase = phase
	if s.plan.only != "" && phase != s.plan.only {
		if phase == "prescript" {
			w.quiet = w.quiesced()
			return s.plan.before, nil
		}
		return action.Value{}, nil
	}
	switch {
	case w.dead:
		return action.Value{}, errDead
	case w.killed:
		return action.Value{}, &action.ScriptError{Kind: action.KindKilled, Msg: errWorker.Message, Cause: errWorker}
	}
	v, err := s.Script.Call(ctx, phase, in, w.mortal(w.needServer(ex)))
	s.o.failed = err != nil
	if err != nil {
		return v, err
	}
	if phase == s.plan.only {
		s.o.value = v
	}
	if phase == "prescript" && !w.dead {
		w.quiet = w.quiesced()
	}
	return v, nil
}

// needServer tells whoever tests a script that talks to a server that there is none.
func (w *world) needServer(ex action.Executor) action.Executor {
	return action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
		if a.SQL != nil && w.database == "" {
			return action.Refuse(action.KindScript, "%s", w.surprised("the test has no server: say t.world(…), or t.database(…) and t.sql.on(…) for each statement")), nil
		}
		return ex.Do(ctx, a)
	})
}

// mortal ends a script with its process, or with its host, whatever it had asked for: an
// undo of thaw can be the last thing that it sees.
func (w *world) mortal(ex action.Executor) action.Executor {
	return action.ExecutorFunc(func(ctx context.Context, a action.Action) (action.Result, error) {
		res, err := ex.Do(ctx, a)
		switch {
		case w.dead:
			err = errDead
		case w.killed:
			err = errWorker
		}
		return res, err
	})
}

// channel is the messaging channel of the run.
func (w *world) channel() run.Events { return channel{w} }

type channel struct{ w *world }

func (c channel) Emit(name, member string, data action.Value) { c.w.emit(name, member, data) }

// Hold comes before the journal is kept from the disk, and Resume after it was written.
func (c channel) Hold()   { c.w.onDisk = len(c.w.journal()) }
func (c channel) Resume() { c.w.onDisk = 0 }

// nowhere is a disk that takes everything and keeps nothing: the records that a
// recovery reads are those that were handed to it.
type nowhere struct{}

func (nowhere) MkdirAll(string) error                 { return nil }
func (nowhere) Create(string) (journal.File, error)   { return nowhere{}, nil }
func (nowhere) Append(string) (journal.File, error)   { return nowhere{}, nil }
func (nowhere) Open(string) (io.ReadCloser, error)    { return nil, fs.ErrNotExist }
func (nowhere) ReadDir(string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }
func (nowhere) SyncDir(string) error                  { return nil }
func (nowhere) Write(p []byte) (int, error)           { return len(p), nil }
func (nowhere) Sync() error                           { return nil }
func (nowhere) Close() error                          { return nil }
