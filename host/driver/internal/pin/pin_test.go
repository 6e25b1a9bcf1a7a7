package pin

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

// fake is a link whose replies the test gives. Real servers are tried in the
// drivers' tests; here is what they cannot be made to do.
type fake struct {
	reply     chan action.Result // of the next statements; closed: Run panics
	deaf      bool               // Break has no effect, as in a call that the kernel does not return from
	begun     chan struct{}      // a statement has been made
	broken    chan struct{}
	breaks    atomic.Int32
	closed    atomic.Int32
	interrupt func(context.Context) error
	end       func(context.Context) error
}

func newFake() *fake {
	ok := func(context.Context) error { return nil }
	return &fake{reply: make(chan action.Result, 9), begun: make(chan struct{}, 9), broken: make(chan struct{}), interrupt: ok, end: ok}
}

func (f *fake) ID() string                        { return "1" }
func (f *fake) Ended() <-chan struct{}            { return nil }
func (f *fake) Close()                            { f.closed.Add(1) }
func (f *fake) Interrupt(c context.Context) error { return f.interrupt(c) }
func (f *fake) End(c context.Context) error       { return f.end(c) }

func (f *fake) Break() {
	if f.breaks.Add(1) == 1 && !f.deaf {
		close(f.broken)
	}
}

func (f *fake) Run(string, []action.Value, func()) action.Result {
	f.begun <- struct{}{}
	select {
	case r, ok := <-f.reply:
		if !ok {
			panic("malformed packet")
		}
		return r
	case <-f.broken:
		return LostResult(errors.New("closed"))
	}
}

// promised is how long Do may take after its context has ended.
const promised = 750 * time.Millisecond

// hang waits as a server does that does not answer.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

var done = action.Result{State: action.Applied}

// endings are what can happen when the time of a statement is over.
var endings = map[string]struct {
	set  func(*fake)
	want action.State
	lost bool
}{
	"the server interrupts": {func(f *fake) {
		f.interrupt = func(context.Context) error {
			f.reply <- action.Result{State: action.Unknown, Err: &action.Fault{Message: "interrupted"}}
			f.reply <- done // the statement without effect
			return nil
		}
	}, action.Unknown, false},
	"the statement was faster": {func(f *fake) {
		f.interrupt = func(context.Context) error { f.reply <- done; f.reply <- done; return nil }
	}, action.Applied, false},
	"the statement was faster, nobody knows when the interruption comes": {func(f *fake) {
		f.interrupt = func(ctx context.Context) error { f.reply <- done; return hang(ctx) }
	}, action.Applied, true},
	"the interruption is of no use": {func(f *fake) {}, action.Unknown, true},
	"the session cannot be used after it": {func(f *fake) {
		f.interrupt = func(context.Context) error { f.reply <- done; return nil }
	}, action.Applied, true},
	"the server does not answer at all": {func(f *fake) {
		f.interrupt, f.end = hang, hang
	}, action.Unknown, true},
	"and the kernel does not either": {func(f *fake) {
		f.interrupt, f.end, f.deaf = hang, hang, true
	}, action.Unknown, true},
}

func TestEndings(t *testing.T) {
	for name, c := range endings {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			f := newFake()
			c.set(f)
			s := NewSession("main", f, f, "settle")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan action.Result, 1)
			go func() { result <- s.Do(ctx, "statement", nil) }()
			<-f.begun
			cancel()
			begin := time.Now()
			r := <-result
			if took := time.Since(begin); took > promised {
				t.Errorf("Do took %s", took)
			}
			if r.State != c.want || r.Err == nil || r.Err.Kind != action.KindTimeout || r.Err.Lost != c.lost {
				t.Errorf("got state %s, fault %+v; want %s, a timeout, lost %v", r.State, r.Err, c.want, c.lost)
			}
			select {
			case <-s.Lost():
				if !c.lost {
					t.Error("the session is lost")
				}
			default:
				if c.lost {
					t.Error("the session is not lost")
				}
			}
			_ = s.Close()
			f.reply <- done // the kernel returns at last
			await(t, func() bool { return f.closed.Load() == 1 && runtime.NumGoroutine() <= before })
		})
	}
}

func TestPanicEndsTheSession(t *testing.T) {
	f := newFake()
	close(f.reply)
	s := NewSession("main", f, f, "settle")
	defer s.Close()
	r := s.Do(t.Context(), "statement", nil)
	if r.State != action.Unknown || r.Err == nil || r.Err.Kind != action.KindInternal || !r.Err.Lost {
		t.Errorf("got state %s, fault %+v", r.State, r.Err)
	}
	if r = s.Do(t.Context(), "statement", nil); r.State != action.NotApplied || !r.Err.Lost {
		t.Errorf("the next statement: state %s, fault %+v", r.State, r.Err)
	}
}

// TestCloseDuringStop closes a session while a statement is being stopped: the
// link is closed all the same, when that is over.
func TestCloseDuringStop(t *testing.T) {
	f := newFake()
	f.end = hang
	s := NewSession("main", f, f, "settle")
	ctx, cancel := context.WithCancel(t.Context())
	stopping := make(chan struct{})
	once := sync.OnceFunc(func() { close(stopping) })
	f.interrupt = func(context.Context) error { once(); return nil }
	result := make(chan action.Result, 1)
	go func() { result <- s.Do(ctx, "statement", nil) }()
	<-f.begun
	cancel()
	<-stopping
	begin := time.Now()
	_ = s.Close()
	if took := time.Since(begin); took > 300*time.Millisecond {
		t.Errorf("Close took %s", took)
	}
	if r := <-result; r.Err == nil || !r.Err.Lost {
		t.Errorf("got %+v", r)
	}
	await(t, func() bool { return f.closed.Load() == 1 })
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not in time")
		}
	}
}
