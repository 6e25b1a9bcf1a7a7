package freeze

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFreezeThaw(t *testing.T) {
	ctx := t.Context()
	s := &superblock{}
	f := s.filesystem()
	want(t, "Thaw before Freeze", f.Thaw(ctx), ErrNotFrozen)
	want(t, "Sync", f.Sync(ctx), nil)
	want(t, "Freeze", f.Freeze(ctx), nil)
	if err := f.Freeze(ctx); err == nil || errors.Is(err, ErrBusy) {
		t.Errorf("second Freeze: got %v, want an error that is not ErrBusy", err)
	}
	s.check(t, true, "sync", "freeze")
	want(t, "Thaw", f.Thaw(ctx), nil)
	want(t, "second Thaw", f.Thaw(ctx), ErrNotFrozen)
	want(t, "Freeze again", f.Freeze(ctx), nil)
	want(t, "Thaw again", f.Thaw(ctx), nil)
	want(t, "Close", f.Close(), nil)
	want(t, "second Close", f.Close(), nil)
	want(t, "Freeze after Close", f.Freeze(ctx), os.ErrClosed)
	want(t, "Sync after Close", f.Sync(ctx), os.ErrClosed)
	want(t, "Thaw after Close", f.Thaw(ctx), ErrNotFrozen)
	s.check(t, false, "sync", "freeze", "thaw", "freeze", "thaw")
}

func TestContextHasEnded(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	s := &superblock{}
	f := s.filesystem()
	want(t, "Freeze", f.Freeze(t.Context()), nil)
	cancel()
	if err := f.Thaw(ended); err != nil {
		want(t, "Thaw", err, ErrUnknown, context.Canceled)
	}
	<-f.Settled()
	s.check(t, false, "freeze", "thaw")

	err := f.Freeze(ended)
	want(t, "Freeze", err, context.Canceled)
	if errors.Is(err, ErrUnknown) {
		t.Errorf("Freeze: got %v, but it is known that nothing was frozen", err)
	}
	want(t, "Sync", f.Sync(ended), context.Canceled)
	s.check(t, false, "freeze", "thaw")
}

// TestFreezeInFlight ends the wait for a FIFREEZE that has not come back, in
// every way, and then lets it come back.
func TestFreezeInFlight(t *testing.T) {
	thaw := func(f *Filesystem) error { return f.Thaw(context.Background()) }
	tests := []struct {
		name        string
		end         func(f *Filesystem, cancel func()) <-chan error
		freezeErr   error // of the ioctl
		early       bool  // Freeze returns before the ioctl
		wantFreeze  []error
		wantEnd     error
		calls       []string
		wantsClosed bool
	}{
		{
			name:       "context",
			end:        func(_ *Filesystem, cancel func()) <-chan error { cancel(); return nil },
			early:      true,
			wantFreeze: []error{ErrUnknown, context.Canceled},
			calls:      []string{"freeze", "thaw"},
		},
		{
			name:       "context, freeze fails",
			end:        func(_ *Filesystem, cancel func()) <-chan error { cancel(); return nil },
			freezeErr:  syscall.EIO,
			early:      true,
			wantFreeze: []error{ErrUnknown, context.Canceled},
			calls:      []string{"freeze"},
		},
		{
			name:       "thaw",
			end:        func(f *Filesystem, _ func()) <-chan error { return async(func() error { return thaw(f) }) },
			wantFreeze: []error{ErrNotFrozen},
			calls:      []string{"freeze", "thaw"},
		},
		{
			name:       "thaw, freeze fails",
			end:        func(f *Filesystem, _ func()) <-chan error { return async(func() error { return thaw(f) }) },
			freezeErr:  syscall.EIO,
			wantFreeze: []error{syscall.EIO},
			wantEnd:    ErrNotFrozen,
			calls:      []string{"freeze"},
		},
		{
			name: "context, thaw",
			end: func(f *Filesystem, cancel func()) <-chan error {
				cancel()
				synctest.Wait()
				return async(func() error { return thaw(f) })
			},
			early:      true,
			wantFreeze: []error{ErrUnknown, context.Canceled},
			calls:      []string{"freeze", "thaw"},
		},
		{
			name:        "close",
			end:         func(f *Filesystem, _ func()) <-chan error { return async(f.Close) },
			wantFreeze:  []error{ErrNotFrozen},
			calls:       []string{"freeze", "thaw"},
			wantsClosed: true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := make(chan struct{})
				s := &superblock{freezeGate: gate, freezeErr: test.freezeErr}
				f := s.filesystem()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				freezing := async(func() error { return f.Freeze(ctx) })
				ending := test.end(f, cancel)
				synctest.Wait()
				if early := len(freezing) == 1; early != test.early {
					t.Errorf("Freeze returned before the ioctl: %v, want %v", early, test.early)
				}
				s.check(t, false, "freeze")
				if !f.Frozen() || s.closed {
					t.Errorf("in flight: Frozen %v, descriptor closed %v; want true, false", f.Frozen(), s.closed)
				}
				close(gate)
				<-f.Settled()
				want(t, "Freeze", <-freezing, test.wantFreeze...)
				if ending != nil {
					want(t, "end", <-ending, test.wantEnd)
				}
				s.check(t, false, test.calls...)
				if f.Frozen() || s.closed != test.wantsClosed {
					t.Errorf("settled: Frozen %v, descriptor closed %v; want false, %v", f.Frozen(), s.closed, test.wantsClosed)
				}
			})
		})
	}
}

func TestThawInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := &superblock{thawGate: gate}
		f := s.filesystem()
		want(t, "Freeze", f.Freeze(context.Background()), nil)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		want(t, "Thaw", f.Thaw(ctx), ErrUnknown, context.DeadlineExceeded)
		if !f.Frozen() {
			t.Error("Frozen is false while FITHAW has not come back")
		}
		if err := f.Freeze(context.Background()); err == nil {
			t.Error("Freeze while FITHAW is in flight: no error")
		}
		second := async(func() error { return f.Thaw(context.Background()) })
		close(gate)
		want(t, "second Thaw", <-second, nil)
		s.check(t, false, "freeze", "thaw")
	})
}

func TestThawFails(t *testing.T) {
	s := &superblock{thawErr: syscall.EIO}
	f := s.filesystem()
	want(t, "Freeze", f.Freeze(t.Context()), nil)
	want(t, "Thaw", f.Thaw(t.Context()), syscall.EIO)
	if !f.Frozen() {
		t.Error("Frozen is false after a thaw that failed")
	}
	s.thawErr = nil
	want(t, "Thaw again", f.Thaw(t.Context()), nil)
	s.check(t, false, "freeze", "thaw", "thaw")
}

func TestSomebodyElseThaws(t *testing.T) {
	s := &superblock{}
	f := s.filesystem()
	want(t, "Freeze", f.Freeze(t.Context()), nil)
	s.frozen = false
	want(t, "Thaw", f.Thaw(t.Context()), ErrNotFrozen, syscall.EINVAL)
	s.frozen = true // and freezes it for himself
	want(t, "Close", f.Close(), nil)
	<-f.Settled()
	s.check(t, true, "freeze", "thaw")
}

func TestCloseThaws(t *testing.T) {
	s := &superblock{}
	f := s.filesystem()
	want(t, "Freeze", f.Freeze(t.Context()), nil)
	want(t, "Close", f.Close(), nil)
	<-f.Settled()
	s.check(t, false, "freeze", "thaw")
	if !s.closed || f.Frozen() {
		t.Errorf("descriptor closed %v, Frozen %v; want true, false", s.closed, f.Frozen())
	}
}

func TestSyncInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := &superblock{syncGate: gate}
		f := s.filesystem()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		want(t, "Sync", f.Sync(ctx), context.DeadlineExceeded)
		want(t, "Close", f.Close(), nil)
		if s.closed {
			t.Error("the descriptor was closed under a syncfs")
		}
		close(gate)
		<-f.Settled()
		if !s.closed {
			t.Error("the descriptor was not closed after the syncfs")
		}
		s.check(t, false, "sync")
	})
}

func TestErrorsOfFreeze(t *testing.T) {
	tests := []struct {
		errno   syscall.Errno
		is      error
		mention string
	}{
		{syscall.EBUSY, ErrBusy, "somebody else"},
		{syscall.EPERM, os.ErrPermission, "CAP_SYS_ADMIN"},
		{syscall.EOPNOTSUPP, syscall.EOPNOTSUPP, "xfs cannot be frozen"},
		{syscall.EINVAL, syscall.EINVAL, "freezing /data (xfs, 8:1)"},
	}
	for _, test := range tests {
		s := &superblock{freezeErr: test.errno}
		f := s.filesystem()
		err := f.Freeze(t.Context())
		want(t, "Freeze", err, test.is, test.errno)
		if err != nil && !strings.Contains(err.Error(), test.mention) {
			t.Errorf("%v: %q does not mention %q", test.errno, err, test.mention)
		}
		if errors.Is(err, ErrUnknown) || f.Frozen() {
			t.Errorf("%v: outcome unknown or Frozen %v; want neither", test.errno, f.Frozen())
		}
		want(t, "Close", f.Close(), nil)
		s.check(t, false, "freeze")
	}
}

// TestStorm lets many goroutines freeze, thaw and give up at random: a freeze is
// thawed exactly once, and the superblock ends thawed.
func TestStorm(t *testing.T) {
	s := &superblock{}
	f := s.filesystem()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(20))*time.Microsecond)
				err := f.Freeze(ctx)
				if errors.Is(err, ErrBusy) {
					t.Errorf("a freeze of our own was forgotten: %v", err)
				}
				if rand.IntN(2) == 0 {
					_ = f.Sync(ctx)
				}
				_ = f.Thaw(ctx)
				cancel()
			}
		})
	}
	all.Wait()
	want(t, "Close", f.Close(), nil)
	<-f.Settled()
	s.mu.Lock()
	defer s.mu.Unlock()
	balance := 0
	for _, call := range s.calls {
		switch call {
		case "freeze":
			balance++
		case "thaw":
			balance--
		}
	}
	if s.frozen || balance != 0 || !s.closed || s.closedWhileInUse || s.usedAfterClose {
		t.Errorf("at the end: frozen %v, freezes minus thaws %d, closed %v, closed while in use %v, used after close %v",
			s.frozen, balance, s.closed, s.closedWhileInUse, s.usedAfterClose)
	}
}
