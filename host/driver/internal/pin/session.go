package pin

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// A Session is a pinned connection.
type Session struct {
	name    string
	link    Link
	stopper Stopper
	settle  string // a statement that does nothing

	turn    chan struct{} // holds a token while the link is free
	closing chan struct{}
	lost    chan struct{}
	left    chan struct{} // closed once the link was abandoned: the turn will not come back

	closeOnce, lostOnce sync.Once
}

var _ driver.Session = (*Session)(nil)

// NewSession makes a session of a link, which it owns from then on. Settle is a
// statement without effect, made after an interruption; see stop.
func NewSession(name string, link Link, stopper Stopper, settle string) *Session {
	s := &Session{
		name: name, link: link, stopper: stopper, settle: settle,
		turn: make(chan struct{}, 1), closing: make(chan struct{}),
		lost: make(chan struct{}), left: make(chan struct{}),
	}
	s.turn <- struct{}{}
	if ended := link.Ended(); ended != nil {
		go func() {
			select {
			case <-ended:
				s.lose()
			case <-s.lost:
			}
		}()
	}
	return s
}

// ID returns the server's name for the session.
func (s *Session) ID() string { return s.link.ID() }

// Lost returns a channel that is closed when the session cannot be used any more.
func (s *Session) Lost() <-chan struct{} { return s.lost }

func (s *Session) lose() { s.lostOnce.Do(func() { close(s.lost) }) }

// Do makes one statement, as [driver.Session] demands.
func (s *Session) Do(ctx context.Context, query string, params []action.Value) action.Result {
	if refusal := check(query, params); refusal != nil {
		return *refusal
	}
	select {
	case <-s.turn:
	case <-s.lost:
		return s.gone()
	case <-ctx.Done():
		return timedOut(action.NotApplied, nil)
	}
	r, free := s.do(ctx, query, params)
	if free {
		s.turn <- struct{}{}
	}
	return r
}

// do has the turn and reports whether it can be given back: it cannot once the
// link was abandoned.
func (s *Session) do(ctx context.Context, query string, params []action.Value) (r action.Result, free bool) {
	select {
	case <-s.lost:
		return s.gone(), true
	default:
	}
	if ctx.Err() != nil {
		return timedOut(action.NotApplied, nil), true
	}
	over := make(chan struct{}, 1)
	reply := run(s.link, query, params, func() { over <- struct{}{} })
	select {
	case r = <-reply:
		if r.Err != nil && r.Err.Lost {
			s.lose()
		}
		return r, true
	case <-over:
		return s.stop(reply)
	case <-ctx.Done():
		r, free = s.stop(reply)
		return timedOut(r.State, r.Err), free
	case <-s.closing:
		return s.abandon(reply, closeGrace, closeGrace), false
	}
}

// stop has the statement in flight ended at the server. The session stays usable
// only if both have come back, the statement and the interruption: one that is
// late would hit whatever statement comes next. A server may also keep an
// interruption that found nothing to interrupt, so that a statement without
// effect takes it before anything else is made.
func (s *Session) stop(reply <-chan action.Result) (r action.Result, free bool) {
	ctx, cancel := context.WithTimeout(context.Background(), interruptGrace)
	defer cancel()
	r, back := s.interrupt(ctx, reply)
	if !back {
		return s.abandon(reply, endGrace, breakGrace), false
	}
	if r.Err != nil && r.Err.Lost {
		s.lose()
		return r, true
	}
	settled := run(s.link, s.settle, nil, func() {})
	select {
	case last := <-settled:
		if last.Err != nil && last.Err.Lost {
			s.lose()
			return lostToo(r), true
		}
		return r, true
	case <-ctx.Done():
		s.abandon(settled, endGrace, breakGrace)
		return lostToo(r), false
	}
}

// interrupt has the server interrupt the statement until it is back. Once is not
// always enough: MariaDB 10.11 was seen to confirm a KILL QUERY that came while the
// statement was beginning, and to go on with it.
func (s *Session) interrupt(ctx context.Context, reply <-chan action.Result) (r action.Result, back bool) {
	again := time.NewTicker(interruptAgain)
	defer again.Stop()
	for {
		if s.stopper.Interrupt(ctx) != nil {
			return r, false
		}
		select {
		case r = <-reply:
			return r, true
		case <-again.C:
		case <-ctx.Done():
			return r, false
		}
	}
}

// abandon ends the session: at the server, if that can be done in time, and here
// in any case.
func (s *Session) abandon(reply <-chan action.Result, endIn, breakIn time.Duration) action.Result {
	s.lose()
	defer close(s.left) // once: whoever abandons keeps the turn
	ctx, cancel := context.WithTimeout(context.Background(), endIn)
	defer cancel()
	notEnded := s.stopper.End(ctx)
	s.link.Break()
	timer := time.NewTimer(breakIn)
	defer timer.Stop()
	select {
	case r := <-reply:
		s.link.Close()
		return lostToo(r)
	case <-timer.C:
		go func() { // a statement that only the kernel can end, on a frozen filesystem say
			<-reply
			s.link.Close()
		}()
	}
	message := fmt.Sprintf("session %q (id %s) did not answer and was ended", s.name, s.ID())
	if notEnded != nil {
		message = fmt.Sprintf("session %q (id %s) did not answer, its socket was closed, "+
			"but the server could not be made to end it: %v", s.name, s.ID(), notEnded)
	}
	return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindKilled, Message: message, Lost: true}}
}

// lostToo is r of a session that is lost.
func lostToo(r action.Result) action.Result {
	if r.Err == nil {
		r.Rows = nil
		r.Err = &action.Fault{Kind: action.KindKilled, Message: "the session was ended"}
	}
	fault := *r.Err
	fault.Lost = true
	r.Err = &fault
	return r
}

func (s *Session) gone() action.Result {
	r := action.Refuse(action.KindKilled, "session %q (id %s) has ended: nothing was sent", s.name, s.ID())
	r.Err.Lost = true
	return r
}

// Close ends the session, and the statement in flight at the server.
func (s *Session) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		timer := time.NewTimer(2*closeGrace + breakGrace)
		defer timer.Stop()
		select {
		case <-s.turn:
			s.link.Close()
		case <-s.left:
		case <-timer.C:
			go func() { // a statement is being stopped, which takes a little longer
				select {
				case <-s.turn:
					s.link.Close()
				case <-s.left:
				}
			}()
		}
		s.lose()
	})
	return nil
}
