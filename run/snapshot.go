package run

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// freezeAndSnapshot takes the snapshot while the filesystems are frozen, by us or by
// whomever the config says. It reports whether there is a snapshot.
func (l *life) freezeAndSnapshot(ctx context.Context) bool {
	switch {
	case l.anyFreezes(FreezeCaller):
		return l.snapshotByCaller(ctx)
	case l.anyFreezes(FreezeNamed):
		return l.snapshotOfNamed(ctx)
	}
	l.snapshot(ctx)
	return l.snapshotTaken
}

func (l *life) anyFreezes(mode Mode) bool {
	return slices.ContainsFunc(l.Members, func(m Member) bool { return m.FSFreeze == mode })
}

// snapshotOfNamed freezes what was named, takes the snapshot and thaws it. Between
// the first FIFREEZE and the last FITHAW nothing is written to a disk.
func (l *life) snapshotOfNamed(ctx context.Context) bool {
	named, err := l.Filesystems.Named(ctx)
	if err != nil {
		l.outcome.freeze = &action.Fault{Kind: faultKind(ctx, action.KindFreeze), Message: err.Error()}
		return false
	}
	if len(named) == 0 {
		l.snapshot(ctx)
		return l.snapshotTaken
	}
	l.clock.start()
	fault := &action.Fault{
		Kind: action.KindTimeout, Message: fmt.Sprintf("freeze_timeout: filesystems would have stayed frozen for more than %v", l.Limits.Freeze),
	}
	if text := WaitsForThaw(named); text != "" {
		l.Log.Info().Msg(text)
		fault.Message += "; " + text
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.Limits.Freeze, fault)
	defer cancel()
	intents, err := l.freezeIntents(named, l.endsBy(ctx))
	if err != nil {
		l.outcome.freeze = err
		return false
	}
	defer l.resume()
	if err := l.hold(); err != nil {
		l.certifyNotFrozen(intents)
		l.outcome.freeze = err
		return false
	}
	defer l.timed("thaw", "", l.thawFilesystems) // also if we panic
	if l.freeze(ctx, intents, named) {
		l.snapshot(ctx, named...)
	}
	return l.snapshotTaken
}

// snapshotByCaller waits for a snapshot around which the caller freezes filesystems,
// we don't know which: nothing is written to a disk meanwhile. If it was not taken
// they may still be frozen; the undo comes before anything is written then.
func (l *life) snapshotByCaller(ctx context.Context) bool {
	if err := l.hold(); err != nil {
		l.resume()
		l.outcome.freeze = err
		return false
	}
	l.snapshot(ctx)
	if l.snapshotTaken {
		l.resume()
	}
	return l.snapshotTaken
}

// endsBy is when a snapshot that takes until ctx ends will be ended: with ctx, or with
// the time for the work.
func (l *life) endsBy(ctx context.Context) time.Time {
	ends := time.Now().Add(l.clock.left())
	if at, ok := ctx.Deadline(); ok && at.Before(ends) {
		return at
	}
	return ends
}

// freezeIntents writes the intents of all filesystems ahead, with one sync: none is
// possible between two of them. Status reads in them when what is frozen must be thawed.
func (l *life) freezeIntents(named []action.FS, by time.Time) (intents []int, err error) {
	for i := range named {
		thaw := named[i]
		thaw.Thaw = true
		a := action.Action{
			Op: action.Op{FS: &named[i]}, Scope: action.ScopeBoot, Hold: "filesystem " + named[i].Mountpoint,
			Undo: []action.Op{{FS: &thaw}}, UndoGiven: true,
		}
		n, aerr := l.Journal.Append(journal.Record{Type: journal.TypeIntent, Action: &a, Deadline: by.UTC()}, i == len(named)-1)
		intents, err = append(intents, n), errors.Join(err, aerr)
	}
	if err != nil {
		l.certifyNotFrozen(intents)
		return nil, fmt.Errorf("nothing was frozen: %w", err)
	}
	return intents, nil
}

func (l *life) certifyNotFrozen(intents []int) {
	for _, n := range intents {
		_, _ = l.Journal.Append(journal.Record{Type: journal.TypeResult, Of: n, State: action.NotApplied}, false)
	}
}

// freeze freezes one level after the other.
func (l *life) freeze(ctx context.Context, intents []int, named []action.FS) (ok bool) {
	l.timed("freeze", "", func() {
		for len(named) > 0 {
			n := 1
			for n < len(named) && named[n].Level == named[0].Level {
				n++
			}
			if err := l.freezeLevel(ctx, intents[:n], named[:n]); err != nil {
				l.certifyNotFrozen(intents[n:])
				l.outcome.freeze = err
				return
			}
			intents, named = intents[n:], named[n:]
		}
		ok = true
	})
	if ok {
		l.emit("frozen", "", action.Dict())
	}
	return ok
}

// freezeLevel freezes filesystems that do not depend on each other, at the same time. One
// that fails does not end the others: what becomes of them is known then. It returns the
// first error in the order of the intents.
func (l *life) freezeLevel(ctx context.Context, intents []int, level []action.FS) (first error) {
	results, errs := make([]action.Result, len(level)), make([]error, len(level))
	l.atOnce(len(level), func(i int) string { return level[i].Mountpoint }, func(i int) {
		results[i], errs[i] = l.Filesystems.Do(ctx, action.Action{Op: action.Op{FS: &level[i]}})
	})
	for i, res := range results {
		err, text := errs[i], ""
		if err == nil && res.Err != nil {
			err = res.Err
		}
		if err != nil {
			text = err.Error()
		}
		_, _ = l.Journal.Append(journal.Record{Type: journal.TypeResult, Of: intents[i], State: res.State, Err: text}, false)
		if first == nil {
			first = err
		}
	}
	return first
}

// snapshot takes the snapshot. When its time is over filesystems are thawed first:
// a command that is stuck in a write to one of them can only then be killed.
func (l *life) snapshot(ctx context.Context, frozen ...action.FS) {
	if ctx.Err() != nil {
		l.outcome.snapshot = context.Cause(ctx)
		return
	}
	command, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	done := make(chan error, 1)
	told := Snapshot{Run: l.ID, RecoveryPoint: l.recoveryPointPath(), Left: time.Until(l.endsBy(ctx)), Frozen: frozen}
	l.timed("snapshot", "", func() {
		go func() { done <- l.take(command, told) }()
		var err error
		select {
		case err = <-done:
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
		case <-ctx.Done():
			err = context.Cause(ctx)
			l.thawFilesystems()
			end(err)
			if _, ok := wait(command, done); !ok {
				l.Log.Error().Msg("the snapshot command cannot be ended; it is left behind")
			}
		}
		l.outcome.snapshot = err
		l.snapshotTaken = err == nil
	})
	l.emit("snapshot", "", action.Dict(action.Entry{Key: "taken", Value: action.Bool(l.snapshotTaken)}))
}

// take calls the caller's function; a panic of it must not leave anything frozen.
func (l *life) take(ctx context.Context, told Snapshot) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Log.Error().Any("panic", p).Str("stack", string(debug.Stack())).Msg("the snapshot panicked")
			err = fmt.Errorf("panic in the snapshot: %v", p)
		}
	}()
	return l.Snapshot(ctx, told)
}

// thawFilesystems thaws what we froze, the highest level first.
func (l *life) thawFilesystems() {
	ctx, cancel := l.reserve()
	defer cancel()
	undone, left := l.unwinder().Unwind(ctx, func(h undo.Hold) bool { return h.Action.FS != nil })
	if len(undone) > 0 && len(left) == 0 {
		l.emit("thawed", "", action.Dict())
	}
}

// frozen reports whether we may still hold a filesystem.
func (l *life) frozen() bool {
	return slices.ContainsFunc(undo.Plan(l.Journal.Records()), func(h undo.Hold) bool { return h.Action.FS != nil })
}

// hold keeps the journal and the events in memory from here on.
func (l *life) hold() error {
	l.onHold = true
	l.Events.Hold()
	if err := l.Journal.Hold(); err != nil {
		return fmt.Errorf("nothing was frozen: %w", err)
	}
	return nil
}

// resume lets the journal and the events be written again, unless a filesystem could
// not be thawed: whoever writes to it waits for ever.
func (l *life) resume() {
	if !l.onHold || l.frozen() {
		return
	}
	l.onHold = false
	if err := l.Journal.Resume(); err != nil {
		l.Log.Error().Err(err).Msg("the journal cannot be written")
	}
	l.Events.Resume()
}

// frozenThroughout reports whether we froze every filesystem that was named, and
// whether every one was still frozen when we thawed it.
func (l *life) frozenThroughout() bool {
	n, ok := 0, true
	intents := map[int]bool{}
	for _, r := range l.Journal.Records() {
		switch {
		case r.Type == journal.TypeIntent && r.Action.FS != nil:
			intents[r.N] = true
			n++
		case r.Type == journal.TypeResult && intents[r.Of]:
			ok = ok && r.State == action.Applied
		case r.Type == journal.TypeUndone && intents[r.Of]:
			ok = ok && r.State != journal.Already // a thaw that failed found it frozen
		}
	}
	return ok && n > 0
}
