// Package pin makes a [driver.Session] and a [driver.Server] of the little that
// differs from one database to the next: a [Link], one raw connection, and a
// [Peer], how its sessions are interrupted and ended.
//
// A Link is never told of a context. The package waits for its reply instead and,
// when the caller's time is over, has the server interrupt the statement, has the
// server end the session if that did not help, and closes the socket last.
//
// At most two goroutines exist per session, one that makes a statement and one
// that watches the socket; both end when the link is closed.
package pin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// How long a statement whose time is over is waited for, in steps. Together they
// are what [driver.Session] promises, with room for a busy machine.
const (
	interruptGrace = 250 * time.Millisecond // to be interrupted and to reply
	interruptAgain = 25 * time.Millisecond  // to reply before it is interrupted again
	endGrace       = 150 * time.Millisecond // to have the session ended at the server
	breakGrace     = 100 * time.Millisecond // to come back when its socket is closed
	closeGrace     = 50 * time.Millisecond  // each step of closing a busy session
)

// A Link is one raw connection to a server.
type Link interface {
	// ID returns the server's name for the session.
	ID() string

	// Run makes one statement and blocks until its reply has been read to the end.
	// It calls over, at most once, when the rows read so far are too many; then the
	// server is made to stop and Run reads on. A connection that has ended is a
	// fault with Lost. It is called from one goroutine at a time.
	Run(query string, params []action.Value, over func()) action.Result

	// Break makes Run return soon and the link unusable: it closes the socket. It is
	// called from any goroutine and more than once, and MUST NOT block.
	Break()

	// Close ends the link politely while no Run is in progress. It MUST NOT block
	// longer than closeGrace.
	Close()

	// Ended is closed when the peer has ended the connection. Nil if nobody can tell.
	Ended() <-chan struct{}
}

// A Stopper stops what one session does, from outside the session.
type Stopper interface {
	// Interrupt ends the statement in flight. Nil means that the server has
	// confirmed it: no interruption arrives later.
	Interrupt(ctx context.Context) error
	// End asks the server to end the session.
	End(ctx context.Context) error
}

// run makes a statement in a goroutine of its own and has its reply delivered.
// A panic in a database library ends the session, not the process.
func run(link Link, query string, params []action.Value, over func()) <-chan action.Result {
	reply := make(chan action.Result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				link.Break()
				reply <- action.Result{State: action.Unknown, Err: &action.Fault{
					Kind: action.KindInternal, Message: fmt.Sprintf("the database driver failed: %v", p), Lost: true,
				}}
			}
		}()
		reply <- link.Run(query, params, over)
	}()
	return reply
}

// runUntil makes a statement on a link on which nothing is held: it breaks the
// link when ctx ends.
func runUntil(ctx context.Context, link Link, query string, params []action.Value) action.Result {
	reply := run(link, query, params, func() {})
	select {
	case r := <-reply:
		return r
	case <-ctx.Done():
		link.Break()
		<-reply
		return timedOut(action.Unknown, nil)
	}
}

// timedOut is the result of a statement whose time was over; said is what the
// server had to say about it, if anything.
func timedOut(state action.State, said *action.Fault) action.Result {
	f := &action.Fault{Kind: action.KindTimeout, Message: "the time for the statement was over"}
	if said != nil {
		f.Code, f.Lost = said.Code, said.Lost
		f.Message += ": " + said.Message
	}
	return action.Result{State: state, Err: f}
}

// check returns the refusal of what no driver can send, or nil. Libraries differ
// in what a NUL byte hides.
func check(query string, params []action.Value) *action.Result {
	if strings.IndexByte(query, 0) >= 0 {
		r := action.Refuse(action.KindScript, "the statement has a NUL byte in it")
		return &r
	}
	for i, p := range params {
		switch p.Kind() {
		case action.None, action.BoolKind, action.IntKind, action.FloatKind, action.StringKind, action.BytesKind:
		default:
			r := action.Refuse(action.KindScript,
				"parameter %d of the statement: got %s, want None, bool, int, float, string or bytes", i+1, p.Kind())
			return &r
		}
	}
	return nil
}

// LostResult is the result of a statement during which the connection ended.
func LostResult(err error) action.Result {
	return action.Result{State: action.Unknown, Err: &action.Fault{
		Kind: action.KindKilled, Message: "the connection to the database has ended: " + err.Error(), Lost: true,
	}}
}
