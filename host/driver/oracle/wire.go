package oracle

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/starhost/starhost/host/driver/internal/sock"
	"github.com/starhost/starhost/internal/asuser"
)

// wire is the socket under the library. It knows whether a call is in flight, so that a
// break is sent to a call only. The library's time limits have no effect on it: the ends of
// calls are our business.
type wire struct {
	*sock.Conn
	plain  bool        // there is no TLS on it
	heard  bool        // the first packet has come; for the reader
	called atomic.Bool // something was sent since the call began
	broken atomic.Bool // a break was sent since
	wide   atomic.Bool // lengths of packets have 32 bits, since protocol version 315
}

func dialWire(ctx context.Context, network, address string, plain bool) (*wire, error) {
	conn, err := sock.Dial(ctx, asuser.User{}, network, address)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, plain: plain}, nil
}

var errNoOracle = errors.New("what listens there does not speak the protocol of Oracle: correct host and port, or tls")

// openers are the types of packets by which a listener answers: accept, refuse, redirect and
// resend.
var openers = []byte{2, 4, 5, 11}

// Read looks at the first packet: the library would take the length in it for granted.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.heard || !w.plain || n < 5 {
		return n, err
	}
	w.heard = true
	if binary.BigEndian.Uint16(p) < 8 || !slices.Contains(openers, p[4]) {
		return 0, errNoOracle
	}
	return n, err
}

func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// dataPacket is the type of the packets that calls are made of, the fifth byte of one.
const dataPacket = 6

// Write sends a packet of the library, which writes each one at once.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) >= 8 && p[4] == dataPacket {
		w.wide.Store(binary.BigEndian.Uint32(p) == uint32(len(p)))
	}
	n, err := w.Conn.Write(p)
	w.called.Store(true)
	return n, err
}

// idle says that no call is in flight.
func (w *wire) idle() {
	w.called.Store(false)
	w.broken.Store(false)
}

// The packets by which the library itself asks for a break: a marker of type 3.
var (
	narrowBreak = []byte{0, 11, 0, 0, 12, 0, 0, 0, 1, 0, 3}
	wideBreak   = []byte{0, 0, 0, 11, 12, 0, 0, 0, 1, 0, 3}
)

// interrupt sends a break, once, if a call is in flight. The kernel keeps it behind what was
// sent before, so that nothing later can be hit by it but the next call.
func (w *wire) interrupt(ctx context.Context) error {
	if !w.called.Load() || w.broken.Swap(true) {
		return nil
	}
	marker := narrowBreak
	if w.wide.Load() {
		marker = wideBreak
	}
	if limit, ok := ctx.Deadline(); ok {
		_ = w.Conn.SetWriteDeadline(limit)
		defer func() { _ = w.Conn.SetWriteDeadline(time.Time{}) }()
	}
	_, err := w.Conn.Write(marker)
	return err
}
