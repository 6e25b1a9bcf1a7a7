package mysqlwire

import (
	"errors"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// conn is one connection, with its session in the world.
type conn struct {
	wire
	server       *Server
	id           string // of the session
	number       uint32 // the same
	version      string
	deprecateEOF bool
	interrupted  chan struct{} // KILL QUERY
	ended        chan struct{} // closed when the session is gone
	once         sync.Once
}

// end has the session end at its next chance, after it was told what it has asked.
func (c *conn) end() { c.once.Do(func() { close(c.ended) }) }

// cut ends the connection at once.
func (c *conn) cut() {
	c.end()
	_ = c.Conn.Close()
}

// serve is one connection from greeting to end.
func (s *Server) serve(socket net.Conn) {
	c := &conn{wire: wire{Conn: socket}, server: s, interrupted: make(chan struct{}, 1), ended: make(chan struct{})}
	s.lock.Lock()
	c.id, c.version = s.world.Connect(), s.world.Identity().Version
	n, _ := strconv.ParseUint(c.id, 10, 32)
	c.number = uint32(n)
	s.conns[c] = true
	select {
	case <-s.stop: // who ends all connections may not have seen this one
		c.cut()
	default:
	}
	s.lock.Unlock()
	defer func() {
		c.cut()
		s.Do(func(w worlds.Server) { w.Disconnect(c.id); delete(s.conns, c) })
	}()
	if err := c.logon(); err != nil {
		return
	}
	// One that is killed while it waits for a command hears of it at once.
	s.all.Go(func() {
		<-c.ended
		_ = c.SetReadDeadline(time.Now())
	})
	for c.command() {
	}
}

// Commands.
const (
	comQuit   = 1
	comInitDB = 2
	comQuery  = 3
	comPing   = 14
)

// command answers one command; false ends the connection.
func (c *conn) command() bool {
	if !c.live() {
		return false
	}
	idle := c.variable("wait_timeout")
	_ = c.SetReadDeadline(time.Now().Add(time.Duration(idle) * time.Second))
	if !c.live() { // ended before the deadline was set
		return false
	}
	p, err := c.read()
	if errors.Is(err, os.ErrDeadlineExceeded) && c.live() {
		c.next = 0
		_ = c.write(errorPacket(4031, "HY000", "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for configuring this behavior."))
	}
	if err != nil || len(p) == 0 || !c.server.wait() {
		return false
	}
	switch p[0] {
	case comQuit:
		return false
	case comPing, comInitDB:
		return c.write(okPacket) == nil
	case comQuery:
		return c.query(string(p[1:]))
	}
	return c.write(errorPacket(1047, "08S01", "Unknown command")) == nil
}

func (c *conn) live() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// variable is one of the session's that counts seconds.
func (c *conn) variable(name string) int64 {
	c.server.lock.Lock()
	defer c.server.lock.Unlock()
	a := c.server.world.Do(c.id, "SELECT @@"+name, nil)
	if a.Rows == nil || len(a.Rows.Rows) != 1 {
		return 0
	}
	n, _ := a.Rows.Rows[0][0].AsInt()
	return n
}

func (c *conn) query(query string) bool {
	fault := None
	if c.server.options.Fault != nil {
		fault = c.server.options.Fault(c.server, query)
	}
	if fault == CutBefore {
		return false
	}
	a := c.make(query)
	if fault == Hang {
		a = c.hang()
	}
	if fault == CutAfter || !c.server.wait() {
		return false
	}
	if a.Unknown {
		c.server.t.Errorf("the world does not know %q", query)
		a = worlds.Answer{Code: action.Int(1105), Message: "1105 (HY000): the stand-in does not know this"}
	}
	return c.answer(a) == nil && c.live()
}

// make makes a statement, and waits for as long as the world says that it waits.
func (c *conn) make(query string) worlds.Answer {
	select {
	case <-c.interrupted: // the statement that was meant is over
	default:
	}
	var over <-chan time.Time
	for {
		a, changed := c.try(query)
		if !a.Waits {
			return a
		}
		if over == nil {
			timer := time.NewTimer(time.Duration(c.variable("lock_wait_timeout")) * time.Second)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-changed:
		case <-over:
			return refused(1205, "HY000", "Lock wait timeout exceeded; try restarting transaction")
		case <-c.interrupted:
			return interrupted()
		case <-c.ended:
			return interrupted()
		}
	}
}

// try makes a statement; the channel is closed when somebody makes another one.
func (c *conn) try(query string) (worlds.Answer, <-chan struct{}) {
	s := c.server
	s.lock.Lock()
	defer s.lock.Unlock()
	a := s.world.Do(c.id, query, nil)
	if a.Waits {
		return a, s.changed // and nobody is woken for that
	}
	s.asked = append(s.asked, query)
	if m := killQuery.FindStringSubmatch(query); m != nil && a.Code.IsNone() {
		s.interrupt(m[1])
	}
	s.settle()
	return a, s.changed
}

var killQuery = regexp.MustCompile(`^KILL QUERY (\d+)$`)

// interrupt ends the statement of a session. The lock is held.
func (s *Server) interrupt(id string) {
	for c := range s.conns {
		if c.id == id {
			select {
			case c.interrupted <- struct{}{}:
			default:
			}
		}
	}
}

// hang waits for somebody to end the statement or the session.
func (c *conn) hang() worlds.Answer {
	select {
	case <-c.interrupted:
	case <-c.ended:
	}
	return interrupted()
}

func interrupted() worlds.Answer { return refused(1317, "70100", "Query execution was interrupted") }

func refused(code int, state, message string) worlds.Answer {
	return worlds.Answer{Code: action.Int(int64(code)), Message: strconv.Itoa(code) + " (" + state + "): " + message}
}

// refusal takes the message of an answer apart: "1064 (42000): You have an error …".
var refusal = regexp.MustCompile(`^(\d+) \((\w{5})\): (?s:(.*))$`)

func (c *conn) answer(a worlds.Answer) error {
	if !a.Code.IsNone() {
		m := refusal.FindStringSubmatch(a.Message)
		if m == nil {
			m = []string{"", a.Code.Text(), "HY000", strings.TrimSpace(a.Message)}
		}
		code, _ := strconv.Atoi(m[1])
		return c.write(errorPacket(code, m[2], m[3]))
	}
	if a.Rows == nil {
		return c.write(okPacket)
	}
	return c.write(resultSet(a.Rows, c.deprecateEOF)...)
}
