package sigpipe_test

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/sigpipe"
)

// broken returns a pipe that nobody reads.
func broken(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

func signalled(c <-chan os.Signal, within time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(within):
		return false
	}
}

// A write through Without fails without the signal; one beside it still brings the
// signal, and so does another process.
func TestWithout(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGPIPE)
	defer signal.Stop(c)
	w := broken(t)
	for range 100 {
		if n, err := sigpipe.Without(func() (int, error) { return w.Write([]byte("x")) }); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Fatalf("wrote %d bytes, %v; want EPIPE", n, err)
		}
	}
	if signalled(c, 50*time.Millisecond) {
		t.Error("a signal for a write through Without")
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) || !signalled(c, 10*time.Second) {
		t.Errorf("no signal for a write beside Without: %v", err)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGPIPE); err != nil || !signalled(c, 10*time.Second) {
		t.Errorf("no signal from outside: %v", err)
	}
}

// A write that fails before it reaches the kernel leaves nothing to take.
func TestNothingPending(t *testing.T) {
	n, err := sigpipe.Without(func() (int, error) { return 3, syscall.EPIPE })
	if n != 3 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%d, %v", n, err)
	}
}
