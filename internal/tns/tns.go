// Package tns is a stand-in for an Oracle server: a listener in this process that the
// Go client go-ora logs on to, with one of the worlds of package worlds behind it.
//
// It is a double for github.com/sijms/go-ora/v2 at version 2.8.24 and for nothing else:
// it speaks the part of Oracle's protocol that this client speaks, as the client's own
// source has it, at the oldest level that the client takes. It has never met a real
// Oracle server or another client. What a statement does is the world's business.
//
// It does not play: redirection, encryption other than TLS, the second handshake that real
// servers ask for over TCPS, packets with long lengths (protocol version 315 and later), LOBs,
// LONGs, ROWIDs, intervals, time zones, objects, cursors as values, array binds and values
// that come out of PL/SQL.
//
// The world belongs to one goroutine, which makes all statements one after the other.
// Each connection has two more, one that reads and one that answers. All of them have
// ended when Close returns. The methods of a [Listener] may be called from several
// goroutines.
package tns

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/starhost/starhost/scripttest/worlds"
)

// The only service that a listener knows, and the instance behind it.
const (
	service  = "ORCL"
	instance = "orcl"
)

// Config is what a stand-in serves.
type Config struct {
	World worlds.Server
	Users map[string]string // passwords by user, in upper case
	TLS   *tls.Config       // TCPS; nil is plain TCP
	// Expiring has the logon tell that the password is about to expire (ORA-28002).
	Expiring bool
}

// Listener is the stand-in.
type Listener struct {
	cfg   Config
	addr  *net.TCPAddr
	calls chan func()
	done  chan struct{}
	all   sync.WaitGroup

	mu      sync.Mutex
	accepts net.Listener // nil while nobody listens
	conns   map[*conn]bool
	record  []Statement
	sent    int // rows
	faults  []planned
	resumed chan struct{} // closed unless the server is paused
	changed chan struct{} // closed when a statement may have given something back
	closed  bool
}

// Listen begins to serve, on a port of the loopback interface.
func Listen(cfg Config) (*Listener, error) {
	if cfg.World == nil {
		return nil, errors.New("tns: there is no world to serve")
	}
	l := &Listener{
		cfg: cfg, calls: make(chan func()), done: make(chan struct{}), conns: map[*conn]bool{},
		resumed: make(chan struct{}), changed: make(chan struct{}),
	}
	close(l.resumed)
	if err := l.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	l.all.Go(l.own)
	return l, nil
}

// listen opens the port and accepts what comes.
func (l *Listener) listen(address string) error {
	accepts, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("tns: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepts = accepts
	if l.addr == nil { // it stays the same
		l.addr = accepts.Addr().(*net.TCPAddr)
	}
	l.all.Go(func() { l.accept(accepts) })
	return nil
}

// accept serves connections until the listener is gone.
func (l *Listener) accept(accepts net.Listener) {
	for {
		raw, err := accepts.Accept()
		if err != nil {
			return
		}
		if l.cfg.TLS != nil {
			raw = tls.Server(raw, l.cfg.TLS)
		}
		c := newConn(l, raw)
		l.mu.Lock()
		if l.closed || l.accepts != accepts {
			l.mu.Unlock()
			_ = raw.Close()
			continue
		}
		l.conns[c] = true
		l.all.Go(c.read)
		l.all.Go(c.serve)
		l.mu.Unlock()
	}
}

// Addr is where it listens, also while it does not.
func (l *Listener) Addr() string { return l.addr.String() }

// Host is the host of Addr.
func (l *Listener) Host() string { return l.addr.IP.String() }

// Port is the port of Addr.
func (l *Listener) Port() int { return l.addr.Port }

// URL is the connection of a config, without a password: "oracle://user@127.0.0.1:1521/ORCL".
func (l *Listener) URL(user string) string {
	return "oracle://" + user + "@" + net.JoinHostPort(l.Host(), strconv.Itoa(l.Port())) + "/" + service
}

// Close ends everything.
func (l *Listener) Close() {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	l.Stop()
	if first {
		close(l.done)
	}
	l.all.Wait()
}

// own is the goroutine that the world belongs to.
func (l *Listener) own() {
	for {
		select {
		case call := <-l.calls:
			call()
		case <-l.done:
			return
		}
	}
}

// ask has f called where the world is. It returns false if the stand-in is closed.
func (l *Listener) ask(f func(worlds.Server)) bool {
	back := make(chan struct{})
	call := func() {
		defer close(back)
		f(l.cfg.World)
	}
	select {
	case l.calls <- call:
		<-back
		return true
	case <-l.done:
		return false
	}
}

// With has f look at the world, or change it, as an administrator beside it would.
func (l *Listener) With(f func(worlds.Server)) {
	l.ask(func(w worlds.Server) {
		f(w)
		l.tell(w)
	})
}

// tell wakes those who wait, and disconnects the sessions that the world has ended. It is
// called where the world is.
func (l *Listener) tell(w worlds.Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	for c := range l.conns {
		if c.id != "" && !w.Alive(c.id) {
			c.cut()
		}
	}
}

// A Statement is one that has arrived.
type Statement struct {
	Session string // the world's id of it
	Query   string
}

// Statements are those that have arrived, in order.
func (l *Listener) Statements() []Statement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Statement(nil), l.record...)
}

// Rows says how many rows the clients have fetched.
func (l *Listener) Rows() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Count says how many statements have arrived that begin with these words.
func (l *Listener) Count(words string) (n int) {
	for _, s := range l.Statements() {
		if begins(s.Query, words) {
			n++
		}
	}
	return n
}

// begins compares without regard to case and spacing.
func begins(query, words string) bool {
	plain := func(text string) string { return strings.ToUpper(strings.Join(strings.Fields(text), " ")) }
	return strings.HasPrefix(plain(query), plain(words))
}

// A Session is one that is logged on.
type Session struct {
	ID      string // "sid,serial#"
	User    string
	Mode    string // "SYSDBA", "SYSBACKUP" or ""
	Program string // what the client calls itself
	Running string // the statement in flight; empty if there is none
}

// Sessions are those that are logged on, in no order.
func (l *Listener) Sessions() (all []Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.id != "" {
			all = append(all, Session{c.name(), c.user, c.mode, c.program, c.running})
		}
	}
	return all
}

// session finds one by "sid,serial#".
func (l *Listener) session(name string) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if c.id != "" && c.name() == name {
			return c
		}
	}
	return nil
}
