package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/starhost/starhost/action"
)

// Supervisor is the process that leads a run, as that process sees itself. Its methods
// may be called from any goroutine.
type Supervisor struct {
	order  order
	log    lines
	ctx    context.Context // ends when the run is to be undone
	cancel context.CancelCauseFunc

	listener *net.UnixListener
	clients  sync.WaitGroup

	quiesced, kept, ended chan struct{} // closed when that has come about
	decision              chan error    // what Hold returns; has room for one
	state                 *Quiesced     // set before quiesced is closed
	ending                *Ending       // set before ended is closed

	mu     sync.Mutex // of all below, and of the ticket's file
	ticket Ticket
	asked  bool   // post or abort was here
	by     string // which of them ended the hold
	over   bool   // the hold has ended: nothing can be kept any more
}

// order is what a supervisor is started with.
type order struct {
	ID         string `json:"id"`
	RuntimeDir string `json:"runtime_dir"`
	Claim
	Payload json.RawMessage `json:"payload"`
}

func newSupervisor(o order) *Supervisor {
	s := &Supervisor{
		order: o, quiesced: make(chan struct{}), kept: make(chan struct{}), ended: make(chan struct{}),
		decision: make(chan error, 1),
		ticket:   Ticket{ID: o.ID, Claim: o.Claim, dir: dirOf(o.RuntimeDir)},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// Claim is what the supervisor is for.
func (s *Supervisor) Claim() Claim { return s.order.Claim }

// Order is what [Start] was given.
func (s *Supervisor) Order() json.RawMessage { return s.order.Payload }

// Context ends when the run is to be undone: a signal came, pre died before it had
// answered, or post or abort came before that. The cause is an [*action.Fault].
func (s *Supervisor) Context() context.Context { return s.ctx }

// Log returns where log lines go, one a write. It never blocks. The lines are kept in
// memory and told with the ending.
func (s *Supervisor) Log() io.Writer { return &s.log }

// Logged returns the log lines so far; see [Supervisor.Log].
func (s *Supervisor) Logged() []string { return s.log.all() }

// Hold is the snapshot of a supervised run: it tells pre that everything is held, and
// returns nil when post says that the snapshot was taken. The caller must have the
// locks of the workloads.
func (s *Supervisor) Hold(ctx context.Context, q Quiesced) error {
	q.Report = fit(q.Report)
	if err := s.announce(&q); err != nil {
		return err
	}
	select {
	case err := <-s.decision:
		return err
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.over = true
		return context.Cause(ctx)
	}
}

func (s *Supervisor) announce(q *Quiesced) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.removeOlder(); err != nil {
		return err
	}
	s.ticket.Run = q.Report.Run
	if err := s.ticket.write(); err != nil {
		return err
	}
	s.state = q
	close(s.quiesced)
	return nil
}

// removeOlder removes the tickets of earlier runs of these workloads: we have the
// locks, so those runs are over, and nobody has asked for their endings. Those of other
// owners and windows stay for a while: each is to hear that it came too late.
func (s *Supervisor) removeOlder() error {
	list, err := Tickets(s.order.RuntimeDir)
	for _, t := range list {
		ours := t.Owner == s.ticket.Owner && t.Window == s.ticket.Window
		if t.ID != s.ticket.ID && t.Concerns(s.ticket.Workloads) && (ours || t.older(forgotten)) {
			err = errors.Join(err, t.Remove())
		}
	}
	return err
}

// keep makes the hold one without pre, unless it is over. It reports whether it did.
func (s *Supervisor) keep() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil || s.over || s.asked || s.ticket.Kept {
		return false
	}
	s.ticket.Kept = true
	if err := s.ticket.write(); err != nil {
		s.ticket.Kept = false
		s.cancel(&action.Fault{Kind: action.KindInternal, Message: "the ticket cannot be written: " + err.Error()})
		return false
	}
	close(s.kept)
	return true
}

// preGone ends a run whose pre has not answered yet.
func (s *Supervisor) preGone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ticket.Kept {
		s.cancel(&action.Fault{Kind: action.KindAborted, Message: "starhost pre ended before it could answer"})
	}
}

// ask is post or abort. It reports whether they are the first. One that comes before
// pre has answered means that the run is to be undone: nobody can have taken a
// snapshot.
func (s *Supervisor) ask(verb string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked {
		return false
	}
	s.asked = true
	if s.over {
		return true
	}
	s.by, s.over = verb, true
	fault := &action.Fault{Kind: action.KindAborted, Message: "aborted by starhost abort"}
	switch {
	case !s.ticket.Kept:
		fault.Message = "starhost " + verb + " came before starhost pre had answered"
		s.cancel(fault)
	case verb == Post:
		s.decision <- nil
	default:
		s.decision <- fault
	}
	return true
}

// end tells everybody how the run ended. The ending is in the ticket before the
// socket is closed: who finds nobody there finds it.
func (s *Supervisor) end(e Ending) {
	if e.Report != nil {
		e.Report = fit(e.Report)
	}
	s.mu.Lock()
	s.over = true
	e.Kept, e.By, e.Log = s.ticket.Kept, s.by, s.log.take()
	s.ending = &e
	if s.ticket.Kept {
		s.ticket.Ending = &e
		_ = s.ticket.write() // the socket, if somebody waits there, tells it too
		_ = os.Remove(s.ticket.file(crashFile))
	}
	s.mu.Unlock()
	close(s.ended)
	if s.listener != nil {
		_ = s.listener.Close() // removes the socket
	}
	s.clients.Wait() // every one is bounded by patience
	if !e.Kept {
		_ = s.ticket.Remove()
	}
}
