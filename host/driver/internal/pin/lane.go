package pin

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/starhost/starhost/action"
)

// An Asker makes a short statement on behalf of a [Peer]. The error is the
// server's (a *[action.Fault]) or says why the server could not be asked.
type Asker func(ctx context.Context, query string, params ...action.Value) (*action.Rows, error)

var errClosed = errors.New("the connection to the server was closed")

// lane is the emergency connection: opened before anything is held, it carries
// nothing but short statements, one at a time.
//
// A statement that is not answered in time stays in flight: a server that was
// stopped answers when it goes on, and the lane is of use again. That it then
// interrupts or ends a session late does no harm, because a session whose
// interruption was not confirmed is not used again.
type lane struct {
	dial func(context.Context) (Link, error) // returns a link to the same life of the server

	free chan Link // holds the link while nothing is in flight
	end  chan struct{}

	mu     sync.Mutex
	busy   Link // in flight
	dead   bool // the link has been found to have ended
	closed bool
}

func newLane(link Link, dial func(context.Context) (Link, error)) *lane {
	l := &lane{dial: dial, free: make(chan Link, 1), end: make(chan struct{})}
	l.free <- link
	return l
}

// ask is an [Asker].
func (l *lane) ask(ctx context.Context, query string, params ...action.Value) (*action.Rows, error) {
	link, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	link, err = l.revive(ctx, link)
	if err != nil {
		l.give(link, true)
		return nil, err
	}
	answered := make(chan action.Result, 1)
	reply := run(link, query, params, func() {})
	go func() {
		r := <-reply
		l.give(link, r.Err != nil && r.Err.Lost)
		answered <- r
	}()
	select {
	case r := <-answered:
		return answer(r)
	case <-ctx.Done():
		return nil, fmt.Errorf("the emergency session did not answer: %w", ctx.Err())
	case <-l.end:
		return nil, errClosed
	}
}

// answer takes care that a nil fault becomes a nil error.
func answer(r action.Result) (*action.Rows, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	return r.Rows, nil
}

func (l *lane) take(ctx context.Context) (Link, error) {
	select {
	case link := <-l.free:
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed {
			link.Close()
			return nil, errClosed
		}
		l.busy = link
		return link, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the emergency session is still busy with an earlier statement: %w", ctx.Err())
	case <-l.end:
		return nil, errClosed
	}
}

// give returns the link, or closes it if the lane has been closed meanwhile.
func (l *lane) give(link Link, dead bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, l.dead = nil, dead
	if l.closed {
		link.Close()
		return
	}
	l.free <- link
}

// revive replaces a link that has ended (an administrator's KILL, the server's
// wait_timeout). If that fails it returns the old one.
func (l *lane) revive(ctx context.Context, link Link) (Link, error) {
	l.mu.Lock()
	dead := l.dead
	l.mu.Unlock()
	select {
	case <-link.Ended():
		dead = true
	default:
	}
	if !dead {
		return link, nil
	}
	fresh, err := l.dial(ctx)
	if err != nil {
		return link, fmt.Errorf("the emergency session has ended and cannot be opened again: %w", err)
	}
	link.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = fresh
	return fresh, nil
}

// close ends the connection without waiting for a statement in flight.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	close(l.end)
	select {
	case link := <-l.free:
		link.Close()
	default:
		if l.busy != nil {
			l.busy.Break() // give closes it
		}
	}
}
