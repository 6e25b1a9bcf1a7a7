package run

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// life is one run while it lasts.
type life struct {
	Config
	report  *Report
	members []*memberState
	clock   clock

	failures      failures
	onHold        bool // the journal and the events
	snapshotTaken bool
	recorded      time.Time // the recovery point
	outcome       outcome
}

// memberState is what is known of a member so far.
type memberState struct {
	*Member
	before, after action.Value
	// prepared says that its prescript succeeded and that nothing undid it since:
	// verify and postscript may be called.
	prepared bool
	// quiesced says that, besides, nothing shows that the quiesce did not last.
	quiesced bool
	// givenUp says that a phase did not end: it may still run, and a script is called
	// by one goroutine at a time, so it is called no more.
	givenUp bool
	// unproven says that nothing can prove its quiesce, where nobody requires that.
	unproven error
	opened   map[string]bool // sessions, by name
	start    *startLine      // of its order; nil if it is alone in it
	err      error
}

func newLife(c Config) *life {
	l := &life{Config: c, clock: clock{limits: c.Limits}, report: &Report{Run: c.ID, Held: []string{}, Phases: []Phase{}}}
	for i := range c.Members {
		l.members = append(l.members, &memberState{Member: &c.Members[i], opened: map[string]bool{}})
	}
	return l
}

func (l *life) do(ctx context.Context) *Report {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.clock.over = func(f *action.Fault) { cancel(f) }
	defer l.clock.stop()
	if err := l.begin(); err != nil {
		l.outcome.internal = fmt.Errorf("nothing was done: %w", err)
	} else {
		l.work(ctx)
	}
	l.unwind()
	l.resume()
	l.failures.total(&l.Log)
	l.finish()
	return l.report
}

// begin writes the begin record; nothing may be done before it is on the disk.
func (l *life) begin() error {
	r := l.Begin
	r.Type, r.Run, r.Hold = journal.TypeBegin, l.ID, l.Limits.Hold
	r.Deadline = time.Now().Add(l.Limits.Hold + l.Limits.Prescript).UTC()
	for _, m := range l.Members {
		r.Members = append(r.Members, journal.Member{Workload: m.Workload, Script: m.Name, SHA256: m.SHA256})
	}
	_, err := l.Journal.Append(r, true)
	return err
}

// work is the life up to the unwinding. A panic, be it our own, ends it like an error.
func (l *life) work(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error().Any("panic", p).Str("stack", string(debug.Stack())).Msg("the host panicked; unwinding")
			l.outcome.internal = fmt.Errorf("panic in the host: %v", p)
		}
	}()
	l.emit("started", "", action.Dict())
	if !l.quiesce(ctx) {
		return
	}
	if !l.freezeAndSnapshot(ctx) {
		return
	}
	if l.frozen() {
		l.unverified()
		return
	}
	l.verify(ctx)
	l.postscripts(ctx)
}

// timed runs a part of the life and notes how long it took.
func (l *life) timed(name, member string, part func()) {
	_, _ = l.Journal.Append(journal.Record{Type: journal.TypePhase, Member: member, Phase: name}, false)
	start := time.Now()
	part()
	took := time.Since(start)
	l.report.Phases = append(l.report.Phases, Phase{Name: name, MS: ms(took)})
	l.Log.Info().Str("phase", name).Str("workload", member).Dur("ms", took).Msg("phase ended")
}

func (l *life) emit(name, member string, data action.Value) {
	l.Events.Emit(name, member, data)
}

// journaled makes an action with its intent written ahead. sync says whether the
// intent must be on the disk before the effect: not for what only reads.
func (l *life) journaled(ctx context.Context, member string, a action.Action, sync bool, ex action.Executor) (action.Result, error) {
	if len(a.Undo) > 0 {
		l.clock.start()
	}
	n, err := l.Journal.Append(journal.Record{Type: journal.TypeIntent, Member: member, Action: &a}, sync)
	if err != nil {
		_, _ = l.Journal.Append(journal.Record{Type: journal.TypeResult, Of: n, State: action.NotApplied, Err: "not made: the journal cannot be written"}, false)
		return action.Result{State: action.NotApplied}, fmt.Errorf("not made: %w", err)
	}
	res, err := l.act(ctx, a, ex)
	text := ""
	switch {
	case err != nil:
		text = err.Error()
	case res.Err != nil:
		text = res.Err.Message
	}
	if res.State == "" {
		res.State = action.Unknown
	}
	_, jerr := l.Journal.Append(journal.Record{Type: journal.TypeResult, Of: n, State: res.State, Err: text}, false)
	return res, errors.Join(err, jerr)
}

// act makes an action within its own time. A panic in the host is caught here, where
// the script that asked still stands: its stack is in the error then.
func (l *life) act(ctx context.Context, a action.Action, ex action.Executor) (res action.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error().Any("panic", p).Str("stack", string(debug.Stack())).Msg("the host panicked in an action")
			res, err = action.Result{State: action.Unknown}, &action.Fault{Kind: action.KindInternal, Message: fmt.Sprintf("panic in the host: %v", p)}
		}
	}()
	if a.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, a.Timeout, &action.Fault{
			Kind: action.KindTimeout, Message: fmt.Sprintf("took longer than its timeout of %v", a.Timeout),
		})
		defer cancel()
	}
	return ex.Do(ctx, a)
}

// unwinder undoes through the host of each member, and filesystems through theirs.
func (l *life) unwinder() *undo.Unwinder {
	return &undo.Unwinder{Log: l.Journal, Perform: l, Pause: l.Pause, Failed: func(h undo.Hold, step action.Op, try int, text string) {
		l.failures.add(&l.Log, h, step, text)
		if try == 1 {
			l.emit("undo_failed", h.Member, action.Dict(
				action.Entry{Key: "hold", Value: action.String(h.Name)}, action.Entry{Key: "message", Value: action.String(text)}))
		}
	}}
}

// Undo implements [undo.Performer].
func (l *life) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	if step.FS != nil {
		return l.Filesystems.Undo(ctx, h, step)
	}
	for _, m := range l.Members {
		if m.Workload == h.Member {
			return m.Host.Undo(ctx, h, step)
		}
	}
	return journal.Failed, "no member " + h.Member
}

// unwind gives back whatever is left, within what is left of the deadline.
func (l *life) unwind() {
	if len(undo.Plan(l.Journal.Records())) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.clock.budget())
	defer cancel()
	l.timed("unwind", "", func() {
		for _, h := range l.giveBack(ctx, nil) {
			l.report.Held = append(l.report.Held, h.String())
		}
	})
}
