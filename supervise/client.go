package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Tell says post or abort to a supervisor, and waits until its run has ended. The
// ending of a supervisor that ended by itself is in the ticket. The ticket stays until
// it is removed.
//
// The error is [ErrBusy], [ErrGone] or [ErrDied]; or ctx has ended: then the
// supervisor goes on with what it was told, and may be asked again when it has ended.
func (t *Ticket) Tell(ctx context.Context, verb string) (*Ending, error) {
	if t.Ending != nil {
		return t.Ending, nil
	}
	conn, err := t.dial()
	if err != nil {
		return t.afterEnd()
	}
	l := newLine(conn)
	defer l.close()
	p, err := peerOf(conn)
	if errors.Is(err, errNoPeer) {
		return t.afterEnd()
	}
	if err != nil {
		return nil, err
	}
	defer p.Close()
	defer context.AfterFunc(ctx, l.close)()
	f, err := t.exchange(l, verb)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && f.Busy:
		return nil, ErrBusy
	case err == nil && f.Ending != nil:
		return f.Ending, nil
	case silent(err):
		p.Kill() // stopped, or stuck: it must do nothing more while it is recovered
	case err == nil:
		return nil, fmt.Errorf("the supervisor of run %s gave no answer that this program knows", t.Run)
	}
	if !p.Ended(patience) {
		return nil, fmt.Errorf("%w, and its process does not end: it waits for a disk", ErrDied)
	}
	return t.afterEnd()
}

func (t *Ticket) exchange(l *line, verb string) (frame, error) {
	if err := l.send(frame{Verb: verb}); err != nil {
		return frame{}, err
	}
	return l.answer()
}

// afterEnd reads what a supervisor that is gone has left.
func (t *Ticket) afterEnd() (*Ending, error) {
	now, err := readTicket(t.dir, t.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrGone
	case err != nil:
		return nil, err
	case now.Ending == nil:
		t.Run, t.Kept = now.Run, now.Kept
		return nil, ErrDied
	}
	return now.Ending, nil
}
