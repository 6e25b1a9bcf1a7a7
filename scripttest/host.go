package scripttest

import (
	"context"
	"errors"
	"slices"

	"github.com/starhost/starhost/action"
	realhost "github.com/starhost/starhost/host"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// host is the host of a run: statements go through the real one, to the server of the
// world; programs, filesystems and time are the world's.
type host struct {
	*realhost.Host
	w *world
}

func newHost(w *world) *host {
	return &host{w: w, Host: realhost.New(realhost.Options{
		Workload: workload, Database: w.database, Server: newServer(w), Secret: w.secret, Emit: w.emit,
	})}
}

// secret is what the test says it is; where nobody can say, in a proof and in a
// recording, it is a placeholder.
func (w *world) secret(name string) (string, error) {
	if w.replay != nil || w.secrets == nil {
		return placeholder(name), nil
	}
	text, ok := w.secrets[name]
	if !ok {
		return "", errors.New("the test has no secret " + name + `: say t.secrets["` + name + `"] = "…"`)
	}
	return text, nil
}

// reveal is the text that a program is given for a value.
func (w *world) reveal(v action.Value) (string, error) {
	if v.Kind() == action.SecretKind {
		return w.secret(v.Text())
	}
	return v.Text(), nil
}

// input is what a program reads: one text, or the parts of a list.
func (w *world) input(v action.Value) (text string, err error) {
	if v.Kind() != action.ListKind {
		return w.reveal(v)
	}
	for _, part := range v.Items() {
		more, err := w.reveal(part)
		if err != nil {
			return "", err
		}
		text += more
	}
	return text, nil
}

// placeholder stands for the text of a secret.
func placeholder(name string) string { return "secret " + name }

// Do makes one action; see [action.Executor].
func (h *host) Do(ctx context.Context, a action.Action) (action.Result, error) {
	w := h.w
	text := a.Op.Name() + " " + oneLine(a.Text())
	w.holding = len(a.Undo) > 0
	defer func() { w.holding = false }()
	switch {
	case a.SQL != nil:
		return w.act(pointStatement, text, a, func() { w.loseNamed(a.SQL.Session) }, func() (action.Result, error) { return h.Host.Do(ctx, a) })
	case a.Exec != nil:
		return w.act(pointProgram, text, a, nil, func() (action.Result, error) { return w.exec(a.Exec), nil })
	case a.Freeze != nil:
		return w.act(pointLocal, text, a, nil, func() (action.Result, error) { return w.name(a), nil })
	case a.Sleep != nil:
		return w.act(pointLocal, text, a, nil, func() (action.Result, error) { return action.Result{State: action.Applied}, nil })
	}
	return w.act(pointLocal, text, a, nil, func() (action.Result, error) { return h.Host.Do(ctx, a) })
}

// Undo makes one step of an undo; see [undo.Performer].
func (h *host) Undo(ctx context.Context, hold undo.Hold, step action.Op) (action.State, string) {
	return h.w.undoBy(ctx, h.Host, hold, step)
}

// undoBy makes a step of an undo by a host, or by a recovery.
func (w *world) undoBy(ctx context.Context, p undo.Performer, hold undo.Hold, step action.Op) (action.State, string) {
	if step.FS != nil {
		return w.fs.Undo(ctx, hold, step)
	}
	if slices.Contains([]string{"freeze", "snapshot", "thaw"}, w.phase) {
		w.phase = "unwind"
	}
	text := step.Name() + " " + oneLine(step.Text())
	if step.Exec != nil {
		return w.undo(pointProgram, text, nil, func() (action.State, string) { return w.undoExec(step.Exec) })
	}
	lose := func() {}
	if step.SQL != nil {
		lose = func() { w.loseNamed(step.SQL.Session) }
	}
	return w.undo(pointStatement, text, lose, func() (action.State, string) { return p.Undo(ctx, hold, step) })
}

func (w *world) undoExec(e *action.Exec) (action.State, string) {
	if res := w.exec(e); res.Err != nil {
		return journal.Failed, res.Err.Message
	}
	return journal.Done, ""
}

// Open opens a session, at a point of its own: a run asks for each but once.
func (h *host) Open(ctx context.Context, name string) (journal.Session, bool, error) {
	if h.w.before(pointOpen, "session "+name, nil) == FaultError {
		return journal.Session{}, false, errors.New("the server refused the connection (an injected error)")
	}
	if h.w.dead {
		return journal.Session{}, false, errDead
	}
	return h.Host.Open(ctx, name)
}

// Lost names the sessions that have ended.
func (h *host) Lost() []string {
	if h.w.dead {
		return nil
	}
	return h.Host.Lost()
}
