package sock_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/starhost/starhost/host/driver/internal/sock"
	"github.com/starhost/starhost/internal/asuser"
)

// pair returns both ends of a connection.
func pair(t *testing.T, network, address string) (*sock.Conn, net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := sock.Dial(t.Context(), asuser.User{}, network, listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	return conn, peer
}

func each(t *testing.T, test func(*testing.T, *sock.Conn, net.Conn)) {
	t.Helper()
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			conn, peer := pair(t, network, address)
			if !conn.Local() {
				t.Error("not local")
			}
			test(t, conn, peer)
		})
	}
}

func ended(conn *sock.Conn, within time.Duration) bool {
	select {
	case <-conn.Ended():
		return true
	case <-time.After(within):
		return false
	}
}

// TestPeerEnds has the end noticed although there is unread data, which stays.
func TestPeerEnds(t *testing.T) {
	each(t, func(t *testing.T, conn *sock.Conn, peer net.Conn) {
		for range 3 {
			if _, err := peer.Write([]byte("data")); err != nil {
				t.Fatal(err)
			}
			if ended(conn, 10*time.Millisecond) {
				t.Fatal("data is taken for the end")
			}
		}
		_ = peer.Close()
		if !ended(conn, time.Second) {
			t.Fatal("the end was not noticed")
		}
		if text, err := io.ReadAll(conn); string(text) != "datadatadata" || err != nil {
			t.Errorf("read %q, %v", text, err)
		}
	})
}

// TestClose has our own end reach the peer and a read of ours, but not be taken
// for the peer's.
func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	each(t, func(t *testing.T, conn *sock.Conn, peer net.Conn) {
		read := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			read <- err
		}()
		if _, err := conn.Write([]byte("bye")); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if err := conn.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if err := <-read; err == nil || errors.Is(err, io.ErrNoProgress) {
			t.Errorf("read: %v", err)
		}
		_ = peer.SetReadDeadline(time.Now().Add(time.Second))
		if text, err := io.ReadAll(peer); string(text) != "bye" || err != nil {
			t.Errorf("the peer read %q, %v", text, err)
		}
		if ended(conn, 10*time.Millisecond) {
			t.Error("our own end is taken for the peer's")
		}
	})
	deadline := time.After(time.Second)
	for runtime.NumGoroutine() > before {
		select {
		case <-deadline:
			t.Fatalf("%d goroutines are left over", runtime.NumGoroutine()-before)
		case <-time.After(time.Millisecond):
		}
	}
}
