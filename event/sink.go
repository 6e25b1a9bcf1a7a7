package event

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/starhost/starhost/action"
)

// maxQueueBytes bounds the memory of the queue.
const maxQueueBytes = 8 << 20

// holdPatience is how long Hold waits for a write in flight. One that goes to the
// page cache takes microseconds, so a longer one is stuck already.
const holdPatience = 100 * time.Millisecond

// A Sink takes events in and writes them out. Its methods are safe for concurrent
// use, and none waits for the disk longer than it says.
//
// One goroutine of its own writes. It ends after Close; if it is stuck in a write on
// a filesystem that stays frozen, or whose disk is dead, when that write returns.
// Nobody waits for it then, and the process may exit.
type Sink struct {
	w    io.Writer
	wake chan struct{} // has room for one: something has changed
	done chan struct{} // closed when the goroutine ends

	mu      sync.Mutex
	queue   []item
	bytes   int  // in the queue
	dropped int  // events that no line stands for
	failing bool // the last write failed
	held    bool
	closed  bool
	busy    chan struct{} // not nil while a write is in flight; closed after it
}

// item is a line to be written and the number of events that it stands for.
type item struct {
	line   []byte
	events int
}

// Open returns a Sink that appends to events.jsonl in dir, and makes both if need be
// (modes 0600 and 0700). An error need not stop a run: New(io.Discard) is a Sink too.
func Open(dir string) (*Sink, error) { return open(dir, MaxFile) }

func open(dir string, limit int64) (*Sink, error) {
	f, err := openFile(dir, limit)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return New(f), nil
}

// New returns a Sink that writes to w, each line by one Write. It owns w, and closes
// it in the end if it can be closed.
func New(w io.Writer) *Sink {
	s := &Sink{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

// Emit sends e. It never waits; after Close it does nothing.
func (s *Sink) Emit(e Event) {
	if e.ID == "" {
		e.ID = ulid.Make().String()
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	line, err := encode(e)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return
	case err != nil || len(s.queue) >= MaxQueue || s.bytes+len(line) > maxQueueBytes:
		s.dropped++
	default:
		if s.dropped > 0 {
			s.push(s.notice())
		}
		s.push(item{line, 1})
	}
	s.notify()
}

// push is called with mu held.
func (s *Sink) push(i item) {
	s.queue = append(s.queue, i)
	s.bytes += len(i.line)
}

// notice returns the event that stands for the dropped ones; it is called with mu held.
func (s *Sink) notice() item {
	line, _ := encode(Event{ // cannot fail: it is short, and has all that is needed
		ID: ulid.Make().String(), Type: Dropped, Time: time.Now(),
		Data: action.Dict(action.Entry{Key: "count", Value: action.Int(int64(s.dropped))}),
	})
	i := item{line, s.dropped}
	s.dropped = 0
	return i
}

func (s *Sink) notify() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Hold keeps events in the queue until Resume, because filesystems are about to be
// frozen. A write in flight is waited for, at most 100 ms: one that takes longer
// concerns nobody but its own goroutine. Holds do not nest.
func (s *Sink) Hold() {
	s.mu.Lock()
	s.held = true
	busy := s.busy
	s.mu.Unlock()
	if busy == nil {
		return
	}
	patience := time.NewTimer(holdPatience)
	defer patience.Stop()
	select {
	case <-busy:
	case <-patience.C:
	}
}

// Resume ends Hold: what waits in the queue is written.
func (s *Sink) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.notify()
}

// Close writes what waits in the queue, unless on hold, and returns when that is done
// or ctx ends, whichever is first. An error says how many events were lost.
func (s *Sink) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.notify()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.dropped
	for _, i := range s.queue {
		lost += i.events
	}
	s.queue, s.bytes, s.dropped = nil, 0, 0
	if s.busy != nil {
		return fmt.Errorf("events: the last write does not return (%w); %d more were not written", ctx.Err(), lost)
	}
	if lost > 0 {
		return fmt.Errorf("events: %d were not written", lost)
	}
	return nil
}

// run is the goroutine that writes.
func (s *Sink) run() {
	defer close(s.done)
	if c, ok := s.w.(io.Closer); ok {
		defer c.Close()
	}
	for range s.wake {
		for {
			i, ok := s.next()
			if !ok {
				break
			}
			_, err := s.w.Write(i.line)
			s.wrote(i, err)
		}
		if s.ended() {
			return
		}
	}
}

// next returns what is to be written now.
func (s *Sink) next() (i item, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.held:
		return item{}, false
	case len(s.queue) > 0:
		i, s.queue = s.queue[0], s.queue[1:]
		s.bytes -= len(i.line)
	case s.dropped > 0 && !s.failing: // nothing follows that the notice could precede
		i = s.notice()
	default:
		return item{}, false
	}
	s.busy = make(chan struct{})
	return i, true
}

// wrote notes the outcome of a write.
func (s *Sink) wrote(i item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.busy)
	s.busy = nil
	if s.failing = err != nil; s.failing {
		s.dropped += i.events
	}
}

func (s *Sink) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
