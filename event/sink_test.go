package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starhost/starhost/action"
)

// pen is a writer that remembers lines, and fails or hangs where a test wants it.
type pen struct {
	fault func() error // called before each write; may block

	mu     sync.Mutex
	lines  []string
	closed bool
}

func (p *pen) Write(line []byte) (int, error) {
	if p.fault != nil {
		if err := p.fault(); err != nil {
			return 0, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, string(line))
	return len(line), nil
}

func (p *pen) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// types returns what was written: types without their prefix, with the count of
// those that were dropped.
func (p *pen) types(t *testing.T) (types []string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		e, ok := decode([]byte(strings.TrimSuffix(line, "\n")))
		if !ok || strings.Count(line, "\n") != 1 {
			t.Fatalf("no event: %q", line)
		}
		typ := strings.TrimPrefix(e.Type, Prefix)
		if count, ok := e.Data.Get("count").AsInt(); ok {
			typ += fmt.Sprint(" ", count)
		}
		types = append(types, typ)
	}
	return types
}

func closeNow(t *testing.T, s *Sink) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return s.Close(ctx)
}

func TestEmit(t *testing.T) {
	p := &pen{}
	s := New(p)
	for i := range 100 {
		s.Emit(Event{Type: fmt.Sprint(Prefix, i)})
	}
	if err := closeNow(t, s); err != nil {
		t.Fatal(err)
	}
	s.Emit(Event{Type: Prefix + "late"})
	if err := closeNow(t, s); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	types := p.types(t)
	if len(types) != 100 || types[0] != "0" || types[99] != "99" || !p.closed {
		t.Errorf("got %q, closed %v", types, p.closed)
	}
	ids := map[string]bool{}
	for _, line := range p.lines {
		e, _ := decode([]byte(line))
		ids[e.ID] = true
		if len(e.ID) != 26 || time.Since(e.Time).Abs() > time.Minute {
			t.Errorf("id %q, time %v", e.ID, e.Time)
		}
	}
	if len(ids) != 100 {
		t.Errorf("%d different ids, want 100", len(ids))
	}
}

// A writer that is stuck, as on a frozen filesystem, delays neither Emit nor Hold nor
// Close beyond what they promise, and what did not fit is counted.
func TestStuckWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		thaw := make(chan struct{})
		p := &pen{fault: func() error { <-thaw; return nil }}
		s := New(p)
		start := time.Now()
		s.Emit(Event{Type: Prefix + "first"})
		synctest.Wait() // it is in the write now
		for range MaxQueue + 5 {
			s.Emit(Event{Type: Prefix + "more"})
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Emit waited %v", took)
		}
		s.Hold()
		s.Resume()
		if took := time.Since(start); took != holdPatience {
			t.Errorf("Hold waited %v, want %v", took, holdPatience)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.Close(ctx)
		if took := time.Since(start); took != holdPatience+time.Second {
			t.Errorf("Close returned after %v", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprint(MaxQueue+5, " more")) {
			t.Errorf("Close: %v", err)
		}
		close(thaw)
		synctest.Wait()
		if got := p.types(t); !slices.Equal(got, []string{"first"}) || !p.closed {
			t.Errorf("after the thaw: %q, closed %v", got, p.closed)
		}
	}) // fails if the goroutine is left
}

func TestDroppedAreCountedWhereTheyAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := New(p)
		s.Hold()
		for range MaxQueue + 3 {
			s.Emit(Event{Type: Prefix + "a"})
		}
		s.Resume()
		synctest.Wait()
		s.Emit(Event{Type: Prefix + "too long", Data: action.String(strings.Repeat("x", MaxEvent))})
		s.Emit(Event{Type: Prefix + "secret", Data: action.Secret("password")})
		s.Emit(Event{Type: Prefix + "b"})
		if err := closeNow(t, s); err != nil {
			t.Error(err)
		}
		got := p.types(t)
		if len(got) < MaxQueue || strings.Join(got[:MaxQueue], "") != strings.Repeat("a", MaxQueue) {
			t.Fatalf("got %d lines, want %d and more", len(got), MaxQueue)
		}
		// How the last two drops are told apart depends on when the goroutine looks.
		if rest := strings.Join(got[MaxQueue:], ", "); rest != "dropped 3, dropped 2, b" && rest != "dropped 3, dropped 1, dropped 1, b" {
			t.Errorf("got %s", rest)
		}
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	s := New(&pen{})
	s.Hold()
	for range MaxQueue {
		s.Emit(Event{Type: Prefix + "a", Data: action.String(strings.Repeat("x", MaxEvent-1024))})
	}
	s.mu.Lock()
	if s.bytes > maxQueueBytes || s.bytes < maxQueueBytes-MaxEvent || len(s.queue)+s.dropped != MaxQueue {
		t.Errorf("%d bytes in %d lines, %d dropped", s.bytes, len(s.queue), s.dropped)
	}
	s.mu.Unlock()
	if err := closeNow(t, s); err == nil || !strings.Contains(err.Error(), fmt.Sprint(MaxQueue)) {
		t.Errorf("Close on hold: %v, want all %d to be lost", err, MaxQueue)
	}
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pen{}
		s := New(p)
		s.Hold()
		s.Emit(Event{Type: Prefix + "a"})
		synctest.Wait()
		if got := p.types(t); got != nil {
			t.Errorf("written while on hold: %q", got)
		}
		s.Resume()
		synctest.Wait()
		if got := p.types(t); !slices.Equal(got, []string{"a"}) {
			t.Errorf("after Resume: %q", got)
		}
		if err := closeNow(t, s); err != nil {
			t.Error(err)
		}
	})
}

func TestFailingWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := true
		writes := 0
		p := &pen{fault: func() error {
			writes++
			if full {
				return syscall.ENOSPC
			}
			return nil
		}}
		s := New(p)
		for range 3 {
			s.Emit(Event{Type: Prefix + "lost"})
			synctest.Wait()
		}
		if writes > 10 {
			t.Errorf("%d writes for 3 events: it must not spin", writes)
		}
		full = false
		s.Emit(Event{Type: Prefix + "b"})
		if err := closeNow(t, s); err != nil {
			t.Error(err)
		}
		if got := p.types(t); !slices.Equal(got, []string{"dropped 3", "b"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestConcurrentEmit(t *testing.T) {
	p := &pen{}
	s := New(p)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				s.Emit(Event{Type: Prefix + "a"})
			}
		})
	}
	group.Go(func() {
		for range 50 {
			s.Hold()
			s.Resume()
		}
	})
	group.Wait()
	if err := closeNow(t, s); err != nil {
		t.Error(err)
	}
	total := 0
	for _, typ := range p.types(t) {
		var dropped int
		if _, err := fmt.Sscanf(typ, "dropped %d", &dropped); err != nil {
			dropped = 1
		}
		total += dropped
	}
	if total != 1600 {
		t.Errorf("%d events are accounted for, want 1600", total)
	}
}

func BenchmarkEmit(b *testing.B) {
	s, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	e := Event{Type: Prefix + "quiesced", Run: "01J", Data: action.Dict(action.Entry{Key: "ms", Value: action.Int(3)})}
	for b.Loop() {
		s.Emit(e)
	}
	if err := s.Close(b.Context()); err != nil {
		b.Log(err)
	}
}
