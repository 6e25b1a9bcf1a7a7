package pin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// A Peer is what a database with a server contributes.
type Peer interface {
	// Dial opens a connection. It ends with ctx.
	Dial(ctx context.Context) (Link, error)
	// Identify asks the server at the other end of link who it is.
	Identify(ctx context.Context, link Link, ask Asker) (driver.Identity, error)
	// Interrupt ends the statement of a session, whose id is checked already.
	Interrupt(ctx context.Context, ask Asker, id string) error
	// End asks the server to end a session; [driver.ErrGone] if it does not know it.
	End(ctx context.Context, ask Asker, id string) error
	// Settle is a statement without effect.
	Settle() string
}

// askAgain is how often the server is asked whether a session is gone: neither
// MySQL nor PostgreSQL before 14 can be waited for.
const askAgain = 10 * time.Millisecond

// Server is a [driver.Server] made of a [Peer].
type Server struct {
	peer     Peer
	identity driver.Identity
	timeout  time.Duration
	lane     *lane

	mu       sync.Mutex
	sessions []*Session
	ours     map[string]bool // the ids that End accepts
	closed   bool
}

var _ driver.Server = (*Server)(nil)

// Connect opens the emergency connection and finds out who the server is. Each
// connection is given up after timeout.
func Connect(ctx context.Context, peer Peer, timeout time.Duration) (*Server, error) {
	s := &Server{peer: peer, timeout: timeout, ours: map[string]bool{}}
	link, identity, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	s.identity = identity
	s.lane = newLane(link, s.dialSame)
	return s, nil
}

// dial opens a connection on which nothing is held yet.
func (s *Server) dial(ctx context.Context) (Link, driver.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	link, err := s.peer.Dial(ctx)
	if err != nil {
		return nil, driver.Identity{}, err
	}
	identity, err := s.peer.Identify(ctx, link, asker(link))
	if err != nil {
		link.Break()
		link.Close()
		return nil, driver.Identity{}, fmt.Errorf("cannot find out which server it is: %w", err)
	}
	return link, identity, nil
}

// dialSame opens a connection to the life of the server that was connected to.
func (s *Server) dialSame(ctx context.Context) (Link, error) {
	link, identity, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	if !identity.SameLife(s.identity) {
		link.Close()
		return nil, fmt.Errorf("%w: the server was %s, started %s, and is now %s, started %s", driver.ErrGone,
			s.identity.Server, s.identity.Started.Format(time.RFC3339),
			identity.Server, identity.Started.Format(time.RFC3339))
	}
	return link, nil
}

// Identity returns what the server was when it was connected to.
func (s *Server) Identity() driver.Identity { return s.identity }

// Open opens a session, on the very server that was connected to.
func (s *Server) Open(ctx context.Context, name string) (driver.Session, error) {
	link, err := s.dialSame(ctx)
	if err != nil {
		return nil, fmt.Errorf("session %q: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		link.Close()
		return nil, fmt.Errorf("session %q: %w", name, errClosed)
	}
	session := NewSession(name, link, stopper{s, link.ID()}, s.peer.Settle())
	s.sessions = append(s.sessions, session)
	s.ours[link.ID()] = true
	return session, nil
}

// stopper reaches one session through the emergency connection.
type stopper struct {
	server *Server
	id     string
}

func (t stopper) Interrupt(ctx context.Context) error {
	return t.server.peer.Interrupt(ctx, t.server.lane.ask, t.id)
}

func (t stopper) End(ctx context.Context) error {
	err := t.server.peer.End(ctx, t.server.lane.ask, t.id)
	if errors.Is(err, driver.ErrGone) {
		return nil
	}
	return err
}

// End ends a session at the server and waits until it is gone.
func (s *Server) End(ctx context.Context, id string) error {
	s.mu.Lock()
	ours := s.ours[id]
	s.mu.Unlock()
	if !ours {
		return fmt.Errorf("session %s was neither opened nor adopted here: it may be a stranger's and is left alone", id)
	}
	if err := s.peer.End(ctx, s.lane.ask, id); err != nil {
		return fmt.Errorf("session %s: %w", id, err)
	}
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		err := s.peer.End(ctx, s.lane.ask, id)
		if errors.Is(err, driver.ErrGone) {
			s.lost(id)
			return nil
		}
		if err != nil {
			return fmt.Errorf("session %s is being ended: %w", id, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("session %s is being ended but is still there: %w", id, ctx.Err())
		}
	}
}

// lost tells a session of ours that it was ended: not every system notices.
func (s *Server) lost(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.ID() == id {
			session.lose()
		}
	}
}

// Adopt makes End accept ids that another process recorded.
func (s *Server) Adopt(recorded driver.Identity, ids ...string) error {
	if !recorded.SameLife(s.identity) {
		return fmt.Errorf("the sessions %q are of server %s, started %s, but connected to is %s, started %s: %w",
			ids, recorded.Server, recorded.Started.Format(time.RFC3339),
			s.identity.Server, s.identity.Started.Format(time.RFC3339), driver.ErrGone)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.ours[id] = true
	}
	return nil
}

// Close ends all sessions, at the same time, and then the emergency connection.
func (s *Server) Close() error {
	s.mu.Lock()
	sessions := s.sessions
	s.sessions, s.closed = nil, true
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, session := range sessions {
		all.Go(func() { _ = session.Close() })
	}
	all.Wait()
	s.lane.close()
	return nil
}

// asker asks on a link that nothing is held on.
func asker(link Link) Asker {
	return func(ctx context.Context, query string, params ...action.Value) (*action.Rows, error) {
		return answer(runUntil(ctx, link, query, params))
	}
}
