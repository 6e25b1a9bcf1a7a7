package freeze

import (
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

// superblock stands in for the kernel's: one freeze at a time, by anybody. A call
// whose gate is set waits until the gate is closed, as the kernel may.
type superblock struct {
	mu                                       sync.Mutex
	frozen                                   bool
	calls                                    []string
	freezeGate, thawGate, syncGate           chan struct{}
	freezeErr, thawErr, syncErr              error
	inside                                   int
	closed, usedAfterClose, closedWhileInUse bool
}

func (s *superblock) do(name string, gate chan struct{}, apply func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, name)
	s.usedAfterClose = s.usedAfterClose || s.closed
	s.inside++
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	return apply()
}

func (s *superblock) freeze(int) error {
	return s.do("freeze", s.freezeGate, func() error {
		if s.frozen {
			return syscall.EBUSY
		}
		s.frozen = s.freezeErr == nil
		return s.freezeErr
	})
}

func (s *superblock) thaw(int) error {
	return s.do("thaw", s.thawGate, func() error {
		if !s.frozen {
			return syscall.EINVAL
		}
		s.frozen = s.thawErr != nil
		return s.thawErr
	})
}

func (s *superblock) sync(int) error {
	return s.do("sync", s.syncGate, func() error { return s.syncErr })
}

func (s *superblock) close(int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closedWhileInUse = s.closedWhileInUse || s.inside > 0
	s.usedAfterClose = s.usedAfterClose || s.closed
	s.closed = true
	return nil
}

func (s *superblock) filesystem() *Filesystem {
	f := newFilesystem(3, kernel{freeze: s.freeze, thaw: s.thaw, sync: s.sync, close: s.close})
	f.Mountpoint, f.Type, f.Device = "/data", "xfs", "8:1"
	return f
}

// check compares what was asked of the kernel and what became of it.
func (s *superblock) check(t *testing.T, frozen bool, calls ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen != frozen {
		t.Errorf("superblock frozen: %v, want %v", s.frozen, frozen)
	}
	if !slices.Equal(s.calls, calls) {
		t.Errorf("calls %q, want %q", s.calls, calls)
	}
	if s.usedAfterClose || s.closedWhileInUse {
		t.Errorf("descriptor used after close: %v, closed while in use: %v", s.usedAfterClose, s.closedWhileInUse)
	}
}

// want checks an error; nil in wants means that none is expected.
func want(t *testing.T, what string, got error, wants ...error) {
	t.Helper()
	for _, w := range wants {
		if !errors.Is(got, w) {
			t.Errorf("%s: got error %v, want %v", what, got, w)
		}
	}
}

// async starts a call and returns its answer; the call is where it waits.
func async(call func() error) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- call() }()
	synctest.Wait()
	return answer
}
