package main

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	// asideBuffer is how many bytes wait for a writer that blocks.
	asideBuffer = 1 << 20
	// asidePatience is how long a flush waits for a writer that blocks.
	asidePatience = time.Second
	// promptPatience is how long a prompt may delay the wait for what it asks for.
	promptPatience = 100 * time.Millisecond
)

// aside writes to w by a goroutine of its own, so that a file on a filesystem that is
// frozen keeps nobody waiting before the buffer is full. Its methods may be called
// from any goroutine. The goroutine ends when everything is written.
type aside struct {
	w io.Writer

	mu      sync.Mutex
	changed sync.Cond // the queue is shorter
	queue   []byte
	idle    chan struct{} // nil, or closed when the goroutine has ended
	err     error         // of the last write
}

func newAside(w io.Writer) *aside {
	a := &aside{w: w}
	a.changed.L = &a.mu
	return a
}

// asideIfFile returns w, unless it is a file: one can be on what is frozen. A pipe
// that nobody reads is to hold up whoever writes, as it always does.
func asideIfFile(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return newAside(f)
		}
	}
	return w
}

// Write takes p, or returns the error of an earlier write.
func (a *aside) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) > 0 && len(a.queue)+len(p) > asideBuffer {
		a.changed.Wait()
	}
	if a.err != nil {
		return 0, a.err
	}
	a.queue = append(a.queue, p...)
	if a.idle == nil {
		a.idle = make(chan struct{})
		go a.drain()
	}
	return len(p), nil
}

func (a *aside) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) > 0 {
		p := a.queue
		a.queue = nil
		a.changed.Broadcast()
		a.mu.Unlock()
		_, err := a.w.Write(p)
		a.mu.Lock()
		a.err = err
	}
	close(a.idle)
	a.idle = nil
}

// flush waits until what was written to w has arrived, if w is an aside, at most for
// that time.
func flush(w io.Writer, within time.Duration) {
	a, ok := w.(*aside)
	if !ok {
		return
	}
	a.mu.Lock()
	idle := a.idle
	a.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}
