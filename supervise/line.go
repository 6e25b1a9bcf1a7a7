package supervise

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/starhost/starhost/internal/sigpipe"

	"github.com/starhost/starhost/run"
)

// maxFrame bounds one message, and maxReport what is sent of a report: a script that
// loops can make thousands of actions.
const (
	maxFrame  = 16 << 20
	maxReport = 8 << 20
)

// line is one end of a connection. One goroutine may receive while others send.
type line struct {
	conn *net.UnixConn
	in   *bufio.Scanner
	out  sync.Mutex
}

func newLine(conn *net.UnixConn) *line {
	in := bufio.NewScanner(conn)
	in.Buffer(nil, maxFrame)
	return &line{conn: conn, in: in}
}

// send writes one message.
func (l *line) send(f frame) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if len(text) >= maxFrame {
		return fmt.Errorf("a message of %d bytes is too long", len(text))
	}
	l.out.Lock()
	defer l.out.Unlock()
	if err := l.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = sigpipe.Without(func() (int, error) { return l.conn.Write(append(text, '\n')) })
	return err
}

// receive reads one message, which must come within that time; 0 is without limit,
// until the connection is closed. The error is [io.EOF] at the end. After an error
// nothing more can be received.
func (l *line) receive(within time.Duration) (f frame, err error) {
	var at time.Time
	if within > 0 {
		at = time.Now().Add(within)
	}
	if err := l.conn.SetReadDeadline(at); err != nil {
		return f, err
	}
	if !l.in.Scan() {
		if err := l.in.Err(); err != nil {
			return f, err
		}
		return f, io.EOF
	}
	return f, json.Unmarshal(l.in.Bytes(), &f)
}

// answer reads up to a message that is more than a sign of life.
func (l *line) answer() (frame, error) {
	for {
		if f, err := l.receive(silence); err != nil || !f.Alive {
			return f, err
		}
	}
}

// silent reports whether an error of receive is that nothing came in time.
func silent(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func (l *line) close() { _ = l.conn.Close() }

// fit returns the report, without its actions if they are too many to be sent.
func fit(r *run.Report) *run.Report {
	text, err := json.Marshal(r)
	if err != nil || len(text) < maxReport {
		return r
	}
	out := *r
	out.Members = append([]run.MemberReport{}, r.Members...)
	for i := range out.Members {
		out.Members[i].Actions = []run.ActionReport{}
	}
	return &out
}
