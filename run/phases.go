package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// grace is how long a phase whose time is over may take to come back. A host ends
// a statement at the server within less.
const grace = time.Second

// quiesce runs the prescripts and puts the recovery point on the disk. It reports
// whether the run goes on.
func (l *life) quiesce(ctx context.Context) bool {
	l.timed("prescript", "", func() { l.outcome.prescript = l.prescripts(ctx) })
	if err := l.outcome.prescript; err != nil {
		l.Log.Error().Err(err).Msg("prescript failed")
		if l.require() >= Application || l.NoFallback || ctx.Err() != nil {
			return false
		}
		l.degrade()
	}
	if err := l.saveRecoveryPoint(false); err != nil {
		l.outcome.prescript = errors.Join(l.outcome.prescript, fmt.Errorf("the recovery point cannot be written, so nothing was frozen: %w", err))
		return false
	}
	if l.outcome.prescript == nil {
		l.emit("quiesced", "", action.Dict())
	}
	return true
}

// require is the highest verdict that a member requires.
func (l *life) require() (most Verdict) {
	for _, m := range l.Members {
		most = max(most, m.Require)
	}
	return most
}

// degrade undoes what the prescripts took: the run goes on with the filesystems
// alone. What a prescript that succeeded has returned is no longer true either.
func (l *life) degrade() {
	ctx, cancel := l.reserve()
	defer cancel()
	l.giveBack(ctx, nil)
	for _, m := range l.members {
		m.prepared, m.quiesced, m.before = false, false, action.Value{}
	}
}

// prescript runs the prescript of a member, again after a failure if the config
// says so; each failed attempt is undone first.
func (l *life) prescript(ctx context.Context, m *memberState) error {
	for try := 0; ; try++ {
		value, err := l.call(ctx, m, "prescript", l.Limits.Prescript, action.Value{})
		if err == nil {
			m.before, m.prepared, m.quiesced = value, true, true
			return nil
		}
		if try >= l.Retries || m.givenUp || ctx.Err() != nil {
			return err
		}
		l.Log.Warn().Err(err).Str("workload", m.Workload).Int("try", try+1).Msg("prescript failed; undoing and trying again")
		if left := l.undoMember(m.Workload); len(left) > 0 {
			l.Log.Error().Str("workload", m.Workload).Str("hold", left[0].String()).Msg("not tried again: what the last try took could not be given back")
			return err
		}
	}
}

// call runs one phase of a script with its limits.
func (l *life) call(ctx context.Context, m *memberState, phase string, limit time.Duration, extra action.Value) (action.Value, error) {
	ctx, own, cancel := withLimit(ctx, limit, &action.Fault{
		Kind: action.KindTimeout, Message: fmt.Sprintf("%s took longer than its timeout of %v", phase, limit),
	})
	defer cancel()
	g := &gate{life: l, m: m, phase: phase, limit: own}
	in := m.Context
	for i, key := range extra.Keys() {
		in = in.With(key, extra.Items()[i])
	}
	type answer struct {
		value action.Value
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = &action.ScriptError{Kind: action.KindInternal, Msg: fmt.Sprintf("panic in the host: %v", p)}
			}
			done <- a
		}()
		a.value, a.err = m.Script.Call(ctx, phase, in, g)
	}()
	a, ok := wait(ctx, done)
	if !ok {
		// The script ignores cancelling. It is given up; the gate keeps it from acting.
		m.givenUp = true
		a.err = &action.ScriptError{Kind: action.KindKilled, Msg: phase + " does not end although it was cancelled: " + context.Cause(ctx).Error()}
	}
	closing, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	g.close(closing)
	return a.value, a.err
}

// wait returns what comes from done, unless ctx has ended and grace is over.
func wait[T any](ctx context.Context, done <-chan T) (T, bool) {
	select {
	case v := <-done:
		return v, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case v := <-done:
		return v, true
	case <-timer.C:
		var none T
		return none, false
	}
}

// reserve is the time for undoing a part of the run; what is left then is tried again
// at the end.
func (l *life) reserve() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), l.Limits.Reserve())
}

func (l *life) undoMember(workload string) (left []undo.Hold) {
	ctx, cancel := l.reserve()
	defer cancel()
	_, left = l.unwinder().Unwind(ctx, func(h undo.Hold) bool { return h.Member == workload })
	return left
}

// verify asks every member whether its quiesce lasted.
func (l *life) verify(ctx context.Context) {
	l.timed("verify", "", func() {
		l.outcome.verify = l.together(l.members, func(m *memberState) error {
			if !m.quiesced {
				return nil
			}
			return l.verifyMember(ctx, m)
		})
		l.outcome.verify = errors.Join(l.outcome.verify, l.keepVerified())
	})
}

// unverified is the end of a run whose filesystems could not be thawed in time: a
// script that goes on could hang on one of them, so the run only unwinds.
func (l *life) unverified() {
	l.outcome.verify = &action.Fault{Kind: action.KindVerify, Message: "a filesystem could not be thawed after the snapshot, so nothing was verified"}
	for _, m := range l.members {
		if m.quiesced {
			m.quiesced, m.err = false, l.outcome.verify
		}
	}
}

func (l *life) verifyMember(ctx context.Context, m *memberState) error {
	value, err := l.call(ctx, m, "verify", l.Limits.Postscript, recoveryPointEntry(m.before))
	switch {
	case err != nil:
	case value.IsNone() && !slices.Contains(m.Phases, "verify"):
		err = fmt.Errorf("%s has no verify: nothing proves that the quiesce lasted", m.Name)
	case value.Kind() == action.DictKind:
		m.after = value
	case !value.IsNone() && !value.AsBool():
		err = fmt.Errorf("verify returned %s, want None, True or a dict", value)
	}
	if lost := m.Host.Lost(); len(lost) > 0 && err == nil {
		err = fmt.Errorf("session %q ended during the snapshot: what it held was not held to the end", lost[0])
	}
	if err == nil {
		return nil
	}
	m.quiesced = false
	if !slices.Contains(m.Phases, "verify") && m.Require < Application {
		m.unproven = asKind(action.KindVerify, err) // as it was asked for
		l.Log.Info().Err(err).Str("workload", m.Workload).Msg("the quiesce is not proven")
		return nil
	}
	m.err = asKind(action.KindVerify, err)
	l.Log.Error().Err(err).Str("workload", m.Workload).Msg("the quiesce is not proven")
	return m.err
}

// asKind keeps the stack of a script error and gives it the kind.
func asKind(kind action.Kind, err error) error {
	if s := (*action.ScriptError)(nil); errors.As(err, &s) {
		if s.Kind != action.KindScript {
			return s
		}
		out := *s
		out.Kind = kind
		return &out
	}
	return &action.Fault{Kind: kind, Message: err.Error()}
}

func recoveryPointEntry(before action.Value) action.Value {
	return action.Dict(action.Entry{Key: "recovery_point", Value: before})
}

// postscripts runs the postscripts, highest order first, and records what they
// returned. What they leave held is given back at the end.
func (l *life) postscripts(ctx context.Context) {
	l.timed("postscript", "", func() {
		for _, rank := range l.backwards() {
			err := l.together(rank, func(m *memberState) error { return l.postscript(ctx, m) })
			l.outcome.postscript = errors.Join(l.outcome.postscript, err)
		}
	})
	err := l.saveRecoveryPoint(true)
	if err == nil {
		return
	}
	err = fmt.Errorf("what the postscripts returned could not be added to the recovery point, a restore may need it: %w", err)
	l.Log.Error().Err(err).Msg("the report has it")
	if slices.ContainsFunc(l.members, func(m *memberState) bool { return !m.after.IsNone() }) {
		l.outcome.postscript = errors.Join(l.outcome.postscript, err)
	}
}

func (l *life) postscript(ctx context.Context, m *memberState) error {
	if !m.prepared || m.givenUp {
		return nil // undo only
	}
	extra := recoveryPointEntry(m.before).With("snapshot", action.String("taken"))
	if !m.after.IsNone() {
		extra = extra.With("verified", m.after)
	}
	value, err := l.call(ctx, m, "postscript", l.Limits.Postscript, extra)
	if err == nil {
		value, err = withVerified(m.after, value)
	}
	if err != nil {
		if m.err == nil {
			m.err = err
		}
		l.Log.Error().Err(err).Str("workload", m.Workload).Msg("postscript failed")
		return err
	}
	m.after = value
	_, _ = l.Journal.Append(journal.Record{Type: journal.TypeRecoveryPoint, Member: m.Workload, Value: value}, false)
	return nil
}
