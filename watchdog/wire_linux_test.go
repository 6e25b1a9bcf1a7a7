package watchdog

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/journal"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (a, b *wire) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*wire
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		conn, err := net.FileConn(f)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		ends[i] = newWire(conn.(*net.UnixConn))
		t.Cleanup(ends[i].close)
	}
	return ends[0], ends[1]
}

// Descriptors arrive with their messages, however those are cut up, and messages that
// are longer than what one read takes arrive whole.
func TestWire(t *testing.T) {
	a, b := pair(t)
	file, err := os.CreateTemp(t.TempDir(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300<<10) // more than the buffer of the socket
	sent := make(chan error, 1)
	go func() {
		sent <- errors.Join(
			a.send(frame{Lock: true}, file), a.send(frame{Lock: true}, file),
			a.send(frame{Record: &journal.Record{Note: long}}, nil), a.send(frame{End: true}, nil))
		a.close()
	}()
	for range 2 {
		f, err := b.receive()
		if err != nil || !f.Lock {
			t.Fatalf("got %+v, %v; want a lock", f, err)
		}
		got, err := b.take()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := got.WriteString("+"); err != nil {
			t.Errorf("the descriptor: %v", err)
		}
		_ = got.Close()
	}
	if _, err := b.take(); err == nil {
		t.Error("a descriptor that nobody sent")
	}
	if f, err := b.receive(); err != nil || f.Record == nil || f.Record.Note != long {
		t.Errorf("the long record: %v", err)
	}
	if f, err := b.receive(); err != nil || !f.End {
		t.Errorf("got %+v, %v; want the end", f, err)
	}
	if _, err := b.receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(file.Name()); err != nil || string(text) != "++" {
		t.Errorf("the file holds %q, %v: it is another one", text, err)
	}
}

// A peer that dies with something unread resets the connection: an error, no panic.
func TestWireIsReset(t *testing.T) {
	a, b := pair(t)
	if err := b.send(frame{Alive: true}, nil); err != nil {
		t.Fatal(err)
	}
	a.close()
	if f, err := b.receive(); err == nil {
		t.Errorf("got %+v from nobody", f)
	}
	if err := b.send(frame{Alive: true}, nil); err == nil {
		t.Error("sent to nobody")
	}
}
