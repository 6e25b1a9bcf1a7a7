package tns

import "github.com/starhost/starhost/scripttest/worlds"

// A Fault is what goes wrong with one statement.
type Fault int

// The faults of [Listener.Plan].
const (
	Mute      Fault = iota + 1 // it is not made; nothing is answered on its connection any more, a break neither
	MuteAfter                  // it is made, then the same
	Cut                        // it is not made; the connection ends
	CutAfter                   // it is made; the connection ends before the answer
	Refuse                     // it is not made; the answer is that of a server that does not know it, ORA-02000
)

type planned struct {
	fault Fault
	words string
}

// Plan has the next statement that begins with these words go wrong, once.
func (l *Listener) Plan(fault Fault, words string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, planned{fault, words})
}

// arrived records a statement and returns what is to go wrong with it; 0 is nothing.
func (l *Listener) arrived(c *conn, query string) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = append(l.record, Statement{c.id, query})
	c.running = query
	for i, p := range l.faults {
		if begins(query, p.words) {
			l.faults = append(l.faults[:i], l.faults[i+1:]...)
			return p.fault
		}
	}
	return 0
}

// Pause stops the server as SIGSTOP does: connections are made by the kernel, and nothing
// is answered.
func (l *Listener) Pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.resumed:
		l.resumed = make(chan struct{})
	default:
	}
}

// Resume has it go on.
func (l *Listener) Resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.resumed:
	default:
		close(l.resumed)
	}
}

// gate waits while the server is paused.
func (c *conn) gate() {
	c.l.mu.Lock()
	resumed := c.l.resumed
	c.l.mu.Unlock()
	select {
	case <-resumed:
	case <-c.done:
	}
}

// Gone closes the port. Sessions stay, as they do when only the listener has died.
func (l *Listener) Gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepts != nil {
		_ = l.accepts.Close()
		l.accepts = nil
	}
}

// Stop ends the server as SIGKILL does: its port and its sessions are gone at once.
func (l *Listener) Stop() {
	l.Gone()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		c.cut()
	}
}

// Start begins another life of the server, on the same port.
func (l *Listener) Start() error {
	l.With(func(w worlds.Server) { w.Restart() })
	l.Resume()
	return l.listen(l.Addr())
}

// Kill ends a session, by "sid,serial#", with its connection, as an administrator does. It
// reports whether it was there.
func (l *Listener) Kill(name string) bool {
	c := l.session(name)
	if c == nil {
		return false
	}
	c.cut()
	c.leave()
	return true
}
