package proctree

import (
	"io"
	"sync"
)

// A sink takes the output of one stream. It never answers with an error, so
// whoever copies into it reads on to the end.
//
// One goroutine writes; another may close it and read what was kept.
type sink struct {
	w io.Writer // nil: the bytes are kept

	mu        sync.Mutex
	max       int
	kept      []byte
	truncated bool
	closed    bool
}

// sinks returns the sinks for the output of c: one and the same if both streams
// go to the same writer.
func (c *Command) sinks() (stdout, stderr *sink) {
	stdout = &sink{w: c.Stdout, max: c.maxOutput()}
	if c.Stdout != nil && sameWriter(c.Stdout, c.Stderr) {
		return stdout, stdout
	}
	return stdout, &sink{w: c.Stderr, max: c.maxOutput()}
}

// sameWriter reports whether a and b are equal. Types that cannot be compared
// are not.
func sameWriter(a, b io.Writer) bool {
	defer func() { _ = recover() }() // comparing such types panics; the result is false then
	return a == b
}

// Write takes p, all of it.
func (s *sink) Write(p []byte) (int, error) {
	if s.keep(p) {
		return len(p), nil
	}
	// Not under the lock: close must not wait for a writer that blocks.
	if _, err := s.w.Write(p); err != nil {
		s.w = io.Discard
		s.mu.Lock()
		s.truncated = true
		s.mu.Unlock()
	}
	return len(p), nil
}

// keep reports whether p needs no writer.
func (s *sink) keep(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return true
	}
	if s.w != nil {
		return false
	}
	n := min(len(p), s.max-len(s.kept))
	s.kept = append(s.kept, p[:n]...)
	s.truncated = s.truncated || n < len(p)
	return true
}

// close ends the sink and returns what was kept; what comes later is thrown away.
func (s *sink) close(complete bool) (kept []byte, truncated bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return s.kept, s.truncated || !complete
}
