package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// maxActions bounds what a script that loops can do to a journal.
const maxActions = 10_000

// errPhaseOver is the answer to a script that was given up.
var errPhaseOver = errors.New("the phase is over")

// gate is the executor that a script of one member talks to in one phase: policy,
// thaw, start line, write-ahead intent, host, result, in that order.
type gate struct {
	life  *life
	m     *memberState
	phase string
	limit *limit // of the phase

	mu     sync.Mutex  // held for the whole of an action
	closed atomic.Bool // set before close waits for mu: a script must not come first
	count  int
}

// Do makes one action; see [action.Executor].
func (g *gate) Do(ctx context.Context, a action.Action) (action.Result, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed.Load() {
		return action.Result{}, errPhaseOver
	}
	if g.count++; g.count > maxActions {
		return action.Result{}, fmt.Errorf("more than %d actions in one phase", maxActions)
	}
	a, reads, fault := g.m.Policy.Check(g.phase, a)
	if fault != nil {
		return action.Result{State: action.NotApplied, Err: fault}, nil
	}
	if a.Thaw != nil {
		return g.thaw(ctx, a.Thaw.Holds)
	}
	if res, err := g.prepare(ctx, a); err != nil || res.Err != nil {
		return res, err
	}
	if len(a.Undo) > 0 {
		if err := g.m.start.wait(ctx, g.m.Workload, g.limit); err != nil {
			return action.Refuse(faultKind(ctx, action.KindAborted), "not made: %v", err), nil
		}
	}
	return g.life.journaled(ctx, g.m.Workload, a, !reads, g.m.Host)
}

// close ends the phase: no action begins any more. It waits for one in flight unless
// ctx ends.
func (g *gate) close(ctx context.Context) {
	g.closed.Store(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.mu.Lock()
		defer g.mu.Unlock()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// held returns what this member holds.
func (g *gate) held() []undo.Hold {
	return slices.DeleteFunc(undo.Plan(g.life.Journal.Records()), func(h undo.Hold) bool { return h.Member != g.m.Workload })
}

// prepare refuses what may only be done before the first hold, and opens sessions.
func (g *gate) prepare(ctx context.Context, a action.Action) (action.Result, error) {
	if a.Freeze != nil {
		if held := g.held(); len(held) > 0 {
			return action.Refuse(action.KindRefused, "filesystems are named before anything is held; held is %s", held[0]), nil
		}
	}
	for _, name := range sessionsOf(a) {
		res, err := g.open(ctx, name)
		if err != nil || res.Err != nil {
			return res, err
		}
	}
	return action.Result{}, nil
}

// open opens a session that is not open yet, and records its identity.
func (g *gate) open(ctx context.Context, name string) (action.Result, error) {
	if g.m.opened[name] {
		return action.Result{}, nil
	}
	if held := g.held(); len(held) > 0 {
		return action.Refuse(action.KindRefused, "session %q is new; sessions are opened before anything is held, and held is %s", name, held[0]), nil
	}
	session, opened, err := g.m.Host.Open(ctx, name)
	if err != nil {
		return action.Refuse(faultKind(ctx, action.KindScript), "session %q: %v", name, err), nil
	}
	g.m.opened[name] = true
	if opened {
		_, err = g.life.Journal.Append(journal.Record{Type: journal.TypeSession, Member: g.m.Workload, Session: &session}, false)
	}
	return action.Result{}, err
}

// sessionsOf returns the sessions that an action and its undo use.
func sessionsOf(a action.Action) []string {
	var names []string
	var add func(ops []action.Op)
	add = func(ops []action.Op) {
		for _, op := range ops {
			if op.SQL != nil && !slices.Contains(names, op.SQL.Session) {
				names = append(names, op.SQL.Session)
			}
			add(op.AnyOf)
		}
	}
	add([]action.Op{a.Op})
	add(a.Undo)
	return names
}

// thaw gives back holds of this member by name, or all of them.
func (g *gate) thaw(ctx context.Context, names []string) (action.Result, error) {
	held := g.held()
	for _, name := range names {
		if !slices.ContainsFunc(held, func(h undo.Hold) bool { return h.Name == name }) {
			return action.Refuse(action.KindScript, "%q is not held; held is %s", name, holdNames(held)), nil
		}
	}
	undone, left := g.life.unwinder().Unwind(ctx, func(h undo.Hold) bool {
		return h.Member == g.m.Workload && (len(names) == 0 || slices.Contains(names, h.Name))
	})
	res := action.Result{State: action.Applied, Undone: undone}
	if len(left) > 0 {
		res.State = action.Unknown
		res.Err = &action.Fault{Kind: faultKind(ctx, action.KindUndo), Message: "cannot give back " + holdNames(left)}
	}
	return res, nil
}

func holdNames(holds []undo.Hold) string {
	if len(holds) == 0 {
		return "nothing"
	}
	names := make([]string, len(holds))
	for i, h := range holds {
		names[i] = fmt.Sprintf("%q", h.Name)
	}
	return strings.Join(names, ", ")
}

// faultKind is the kind of a fault that may only be there because ctx has ended.
func faultKind(ctx context.Context, otherwise action.Kind) action.Kind {
	if ctx.Err() == nil {
		return otherwise
	}
	return action.KindOf(ctx, action.KindTimeout)
}
