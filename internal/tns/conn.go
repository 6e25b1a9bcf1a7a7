package tns

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/starhost/starhost/scripttest/worlds"
)

var errGone = errors.New("tns: the connection is gone")

// conn is one connection. What is below mu of the listener says what others look at.
type conn struct {
	l       *Listener
	raw     net.Conn
	packets chan packet
	done    chan struct{} // closed by cut
	killed  chan struct{} // closed by KILL SESSION: the client is told at its next call
	cutOnce sync.Once
	dieOnce sync.Once
	cancel  chan struct{} // holds a CANCEL SQL that has not been noticed

	broken  bool // a break came while nothing was in flight: the next call takes it
	cursors map[uint64]*cursor
	last    uint64 // the last cursor

	// Of the session, once it is logged on; written with the mutex of the listener.
	id, serial          string
	user, mode, program string
	running             string
}

func newConn(l *Listener, raw net.Conn) *conn {
	return &conn{
		l: l, raw: raw, packets: make(chan packet), done: make(chan struct{}), killed: make(chan struct{}),
		cancel: make(chan struct{}, 1), cursors: map[uint64]*cursor{},
	}
}

// name is how Oracle names the session: "sid,serial#".
func (c *conn) name() string { return sid(c.id) + "," + c.serial }

// sid is the first part of what the world calls the session.
func sid(id string) string {
	id, _, _ = strings.Cut(id, ",")
	return id
}

// session is what the world calls it; empty once it is killed.
func (c *conn) session() string {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	return c.id
}

// cut ends the connection at once.
func (c *conn) cut() {
	c.cutOnce.Do(func() {
		close(c.done)
		raw := c.raw
		if t, ok := raw.(interface{ NetConn() net.Conn }); ok {
			raw = t.NetConn() // saying goodbye in TLS takes a lock that a blocked write may have
		}
		_ = raw.Close()
	})
}

// read hands on the packets that come.
func (c *conn) read() {
	defer close(c.packets)
	for {
		p, err := readPacket(c.raw)
		if err != nil {
			return
		}
		select {
		case c.packets <- p:
		case <-c.done:
			return
		}
	}
}

// next returns the next packet, once the server is not paused.
func (c *conn) next() (packet, error) {
	select {
	case p, ok := <-c.packets:
		c.gate()
		if !ok {
			return packet{}, errGone
		}
		return p, nil
	case <-c.done:
		return packet{}, errGone
	}
}

// nextData returns the data of the next packet; a break on the way is remembered.
func (c *conn) nextData() ([]byte, error) {
	for {
		p, err := c.next()
		switch {
		case err != nil:
			return nil, err
		case p.kind == markerPacket:
			c.broken = c.broken || isMark(p, markInterrupt)
		case p.kind != dataPacket || len(p.body) < 2:
			return nil, errors.New("tns: a packet that is not expected")
		case p.body[1]&0x40 != 0:
			return nil, errGone // the client says that it is the last one
		default:
			return p.body[2:], nil
		}
	}
}

func isMark(p packet, kind byte) bool {
	return p.kind == markerPacket && len(p.body) == 3 && p.body[2] == kind
}

func (c *conn) mark(kind byte) error { return writePacket(c.raw, markerPacket, []byte{1, 0, kind}) }

// send writes an answer, in as many packets as it takes.
func (c *conn) send(m *message) error {
	c.gate()
	rest := m.Bytes()
	for {
		n := min(len(rest), dataUnit)
		if err := writePacket(c.raw, dataPacket, append([]byte{0, 0}, rest[:n]...)); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) == 0 {
			return nil
		}
	}
}

// serve answers the connection until it ends.
func (c *conn) serve() {
	defer func() {
		c.cut()
		c.leave()
		for range c.packets { // until read has ended, too
		}
	}()
	if err := c.logon(); err != nil {
		return
	}
	for {
		data, err := c.nextData()
		if err != nil {
			return
		}
		if err := c.answer(&request{rest: data, more: c.nextData}); err != nil {
			return
		}
	}
}

// leave takes the session out of the world. It may be repeated.
func (c *conn) leave() {
	c.l.mu.Lock()
	delete(c.l.conns, c)
	id := c.id
	c.l.mu.Unlock()
	if id == "" {
		return
	}
	c.l.ask(func(w worlds.Server) {
		if w.Alive(id) {
			w.Disconnect(id)
			c.l.tell(w)
		}
	})
}

// Functions of the client, the second byte of a request.
const (
	byMessage   = 0x03
	piggyback   = 0x11
	closeCursor = 0x69
	execute     = 0x5E
	fetch       = 0x05
	version     = 0x3B
	ping        = 0x93
	commit      = 0x0E
	rollback    = 0x0F
	logoff      = 0x09
)

// answer answers one request.
func (c *conn) answer(r *request) error {
	kind, function := r.byte(), r.byte()
	r.byte() // a number that the client does not use
	for kind == piggyback && function == closeCursor {
		r.take(3)
		delete(c.cursors, r.num())
		kind, function = r.byte(), r.byte()
		r.byte()
	}
	if r.err != nil {
		return r.err
	}
	if kind != byMessage {
		return errors.New("tns: a message that is not expected")
	}
	select {
	case <-c.killed:
		return c.killedLast()
	default:
	}
	if c.broken && function != execute {
		return c.breakOff()
	}
	switch function {
	case execute:
		return c.execute(r)
	case fetch:
		return c.fetch(r.num(), r.num())
	case version:
		return c.version()
	case logoff:
		_ = c.finished()
		return io.EOF
	case ping, commit, rollback:
		return c.finished()
	}
	return c.refuse(3115, "ORA-03115: unsupported network datatype or representation")
}

// finished is the answer that says no more than that it is done.
func (c *conn) finished() error {
	var m message
	m.bytes(9)
	return c.send(&m)
}

// breakOff is what the server does when it has been told to break: a mark, the client's
// mark that it has forgotten what was sent, ours, and the error of the statement.
func (c *conn) breakOff() error {
	c.broken = false
	c.gate()
	if err := c.mark(markBreak); err != nil {
		return err
	}
	for {
		p, err := c.next()
		if err != nil {
			return err
		}
		if isMark(p, markReset) {
			break
		}
	}
	if err := c.mark(markReset); err != nil {
		return err
	}
	return c.refuse(1013, "ORA-01013: user requested cancel of current operation")
}

const noMoreRows = 1403

// refuse answers with an error.
func (c *conn) refuse(code uint64, text string) error {
	var m message
	m.summary(code, text, 0)
	return c.send(&m)
}

// refuseLast answers with an error and ends the connection.
func (c *conn) refuseLast(code uint64, text string) error {
	_ = c.refuse(code, text)
	return errGone
}

// killedLast is the last answer of a session that somebody has killed.
func (c *conn) killedLast() error {
	return c.refuseLast(28, "ORA-00028: your session has been killed")
}

// summary ends the answer to a call.
func (m *message) summary(code uint64, text string, cursor uint64) {
	m.bytes(4)
	m.nums(0, code, 0, 0, cursor, 0) // the row, the error, two of arrays, the cursor, the place of the error
	m.bytes(0, 0, 0, 0, 0, 0)
	m.nums(0, 0) // a row's address: object, partition
	m.bytes(0)
	m.nums(0, 0, 0) // block, slot, error of the system
	m.bytes(0, 0)
	m.nums(0, 0)       // padding, number of successes
	m.nums(0, 0, 0, 0) // no texts
	if code != 0 {
		m.text([]byte(text + "\n"))
	}
}
