// Package sock keeps hold of the socket under a database connection.
//
// A database library owns its connection and closes it when it thinks fit, but
// two things cannot be had from it: noticing at once, without a statement, that
// the peer has ended the connection, and ending a call that waits for a reply
// which does not come. Both are done here, below the library.
//
// A Conn may be used from several goroutines.
package sock

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/starhost/starhost/internal/asuser"
	"github.com/starhost/starhost/internal/sigpipe"
)

// Conn is a connection that says when its peer has ended it.
type Conn struct {
	net.Conn
	ended   chan struct{}
	unwatch func()
	once    sync.Once
	err     error // of closing
}

// Dial connects, to a unix socket as the user as. On Linux the connection is watched
// from then on, until Close, which must be called.
func Dial(ctx context.Context, as asuser.User, network, address string) (*Conn, error) {
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	conn, err := as.Dial(ctx, &dialer, network, address)
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: conn, ended: make(chan struct{})}
	if c.unwatch, err = watch(conn, c.ended); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Write sends p. A peer that is gone is an error and no signal: it is a session that
// was lost, not the end of this process's output.
func (c *Conn) Write(p []byte) (int, error) {
	return sigpipe.Without(func() (int, error) { return c.Conn.Write(p) })
}

// Ended returns a channel that is closed when the peer has ended the connection,
// read or unread. It is not closed by Close. Where the system cannot tell it is
// never closed.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// Close closes the socket at once: reads and writes in progress return. It may be
// called again.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.unwatch()
		c.err = c.Conn.Close()
	})
	return c.err
}

// Local reports whether the peer is on this machine: a unix socket or the
// loopback interface.
func (c *Conn) Local() bool {
	switch addr := c.RemoteAddr().(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	}
	return false
}
