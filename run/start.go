package run

import (
	"context"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
)

// startLine is where the members of one order wait for each other before the first of
// them holds anything. What a script does before, a checkpoint that takes minutes, say,
// is then in nobody's time of being held. Its methods may be called from any goroutine.
type startLine struct {
	mu      sync.Mutex
	missing map[string]bool // workloads
	open    chan struct{}   // closed when none is missing
}

// newStartLine returns the line of members, nil for one alone: it waits for nobody.
func newStartLine(members []*memberState) *startLine {
	if len(members) == 1 {
		return nil
	}
	s := &startLine{missing: map[string]bool{}, open: make(chan struct{})}
	for _, m := range members {
		s.missing[m.Workload] = true
	}
	return s
}

// arrive says that a member is about to hold something, or will not any more.
func (s *startLine) arrive(workload string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.missing[workload] {
		return
	}
	delete(s.missing, workload)
	if len(s.missing) == 0 {
		close(s.open)
	}
}

// wait arrives and waits for all others. Meanwhile the time of the phase stands still:
// the others have their own.
func (s *startLine) wait(ctx context.Context, workload string, l *limit) error {
	if s == nil {
		return nil
	}
	s.arrive(workload)
	l.pause()
	defer l.resume()
	select {
	case <-s.open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limit is the time that a phase may take. It belongs to one phase; its methods may be
// called from any goroutine.
type limit struct {
	over func()

	mu    sync.Mutex
	timer *time.Timer
	end   time.Time
	left  time.Duration // while it stands still
}

// withLimit returns a context that ends with the fault when the time is over.
func withLimit(ctx context.Context, d time.Duration, fault *action.Fault) (context.Context, *limit, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	over := func() { cancel(fault) }
	l := &limit{over: over, timer: time.AfterFunc(d, over), end: time.Now().Add(d)}
	return ctx, l, func() { l.pause(); cancel(nil) }
}

func (l *limit) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer.Stop()
	l.left = time.Until(l.end)
}

func (l *limit) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer, l.end = time.AfterFunc(l.left, l.over), time.Now().Add(l.left)
}
