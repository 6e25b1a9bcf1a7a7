package supervise

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
)

// Pending is a supervisor whose caller has not answered yet: if it is closed, or its
// process dies, everything is given back. One goroutine uses it.
type Pending struct {
	Ticket
	// Exactly one is set: the run holds everything, or has ended.
	Quiesced *Quiesced
	Ending   *Ending

	line *line
	proc *child
}

// Start starts a supervisor for the claim and waits until its run holds
// everything or has ended. payload is what its [Supervisor.Order] returns. When ctx
// ends the run is undone, and Start returns its ending.
//
// The error wraps [ErrDied] if the supervisor did not survive. A goroutine that reaps
// the supervisor ends with it, which may be after this call.
func Start(ctx context.Context, runtimeDir string, c Claim, payload any) (*Pending, error) {
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	o := order{ID: rand.Text(), RuntimeDir: runtimeDir, Claim: c, Payload: text}
	l, proc, err := spawn(o.ID, c.Workloads)
	if err != nil {
		return nil, fmt.Errorf("the supervisor cannot be started: %w", err)
	}
	p := &Pending{Ticket: Ticket{ID: o.ID, Claim: c, dir: dirOf(runtimeDir)}, line: l, proc: proc}
	_ = l.send(frame{Order: &o}) // if nobody reads it, that is what we hear
	defer context.AfterFunc(ctx, func() { _ = l.conn.CloseWrite() })()
	if err := p.hear(); err != nil {
		return p, p.died(err)
	}
	return p, nil
}

// hear waits for the next thing that the supervisor says.
func (p *Pending) hear() error {
	f, err := p.line.answer()
	switch {
	case err != nil:
		return err
	case f.Ending != nil:
		p.Quiesced, p.Ending = nil, f.Ending
	case f.Quiesced != nil:
		p.Quiesced = f.Quiesced
	case !f.Kept:
		return fmt.Errorf("the supervisor said something that this program does not know")
	}
	return nil
}

// Keep answers the supervisor: its run is held from here on without the caller, who
// has told everybody so. If the run has ended meanwhile Ending is set instead. The
// error wraps [ErrDied] if the supervisor did not survive.
func (p *Pending) Keep() error {
	_ = p.line.send(frame{Verb: keep}) // if nobody reads it, that is what we hear
	if err := p.hear(); err != nil {
		return p.died(err)
	}
	p.line.close()
	return nil
}

// Close gives everything back, unless the run is kept or has ended, and waits for
// that. Ending is set then. The error is that of Start.
func (p *Pending) Close() error {
	defer p.line.close()
	if p.Ending != nil || p.Quiesced == nil {
		return nil
	}
	if err := p.line.conn.CloseWrite(); err != nil {
		return nil // kept
	}
	if err := p.hear(); err != nil {
		return p.died(err)
	}
	return nil
}

// died makes sure that a supervisor which is gone or silent is gone.
func (p *Pending) died(err error) error {
	p.line.close()
	p.Quiesced, p.Ending = nil, nil
	if silent(err) {
		p.proc.kill()
	}
	if now, rerr := readTicket(p.dir, p.ID); rerr == nil {
		p.Run = now.Run
	}
	if !p.proc.wait(patience) {
		return fmt.Errorf("%w, and its process does not end: it waits for a disk", ErrDied)
	}
	return fmt.Errorf("%w: %w", ErrDied, err)
}
