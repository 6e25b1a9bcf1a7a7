package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/stmt"
	"github.com/starhost/starhost/undo"
)

// Undo makes one step of an undo; see [undo.Performer].
func (h *Host) Undo(ctx context.Context, hold undo.Hold, step action.Op) (action.State, string) {
	switch {
	case step.SQL != nil && hold.Action.Scope == action.ScopeSession:
		return h.undoInSession(ctx, step.SQL)
	case step.SQL != nil:
		return h.undoAnywhere(ctx, step.SQL)
	case step.Exec != nil:
		if res := h.execAs(ctx, step.Exec); res.Err != nil {
			return journal.Failed, res.Err.Message
		}
		return journal.Done, ""
	}
	return journal.Failed, "no host undoes by " + step.Name()
}

// undoInSession undoes what ends with its session. If the statement cannot be made,
// ending the session is as good.
func (h *Host) undoInSession(ctx context.Context, q *action.SQL) (action.State, string) {
	s := h.session(q.Session)
	if s == nil {
		return journal.Already, "the session was never opened"
	}
	text := "the session was lost"
	if !isClosed(s.Lost()) {
		var state action.State
		if state, text = h.guarded(ctx, s, q); state != journal.Failed {
			return state, text
		}
	}
	h.mu.Lock()
	h.ended[q.Session] = true
	h.mu.Unlock()
	switch err := h.Server.End(ctx, s.ID()); {
	case errors.Is(err, driver.ErrGone):
		return journal.Already, text + "; it had ended at the server"
	case err != nil:
		return journal.Failed, fmt.Sprintf("%s; the session cannot be ended either: %v", text, err)
	}
	return journal.Done, text + "; the session was ended at the server"
}

// undoAnywhere undoes what outlives its session, on another one if need be.
func (h *Host) undoAnywhere(ctx context.Context, q *action.SQL) (action.State, string) {
	s := h.session(q.Session)
	if s == nil || isClosed(s.Lost()) {
		var err error
		if s, err = h.replacement(ctx, q.Session); err != nil {
			return journal.Failed, err.Error()
		}
	}
	return h.guarded(ctx, s, q)
}

// replacement opens a session in place of one that was lost, for undos alone: a
// script that goes on would believe that its locks are still there.
func (h *Host) replacement(ctx context.Context, name string) (driver.Session, error) {
	name += "+undo"
	if s := h.session(name); s != nil && !isClosed(s.Lost()) {
		return s, nil
	}
	s, err := h.Server.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[name] = s
	return s, nil
}

// guarded makes a statement of an undo if its guard allows it.
func (h *Host) guarded(ctx context.Context, s driver.Session, q *action.SQL) (action.State, string) {
	if q.When != "" {
		res := s.Do(ctx, q.When, nil)
		switch {
		case res.Err != nil:
			return journal.Failed, "when: " + res.Err.Message
		case res.Rows == nil || len(res.Rows.Rows) == 0 || !res.Rows.Rows[0][0].Truth():
			return journal.Already, "left alone: somebody else has changed it (" + q.When + ")"
		}
	}
	res := h.statement(ctx, s, q)
	switch {
	case res.Err == nil:
		return journal.Done, ""
	case stmt.AlreadyUndone(h.Database, q.Query, res.Err.Code, res.Err.Message):
		return journal.Already, res.Err.Message
	}
	return journal.Failed, res.Err.Message
}
