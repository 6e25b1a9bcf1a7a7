package watchdog

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/pidfd"
	"github.com/starhost/starhost/internal/procstate"
)

// other is the process at the other end, as each of the two sees it.
type other struct {
	*wire // to it
	proc  pidfd.FD
	pid   int
	heard atomic.Int64
}

func newOther(pid int, w *wire) (*other, error) {
	fd, err := pidfd.Open(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d: pidfd_open: %w", pid, err)
	}
	return &other{proc: fd, pid: pid, wire: w}, nil
}

// beat shows the other process that we live, until ctx ends. It is not watch that does:
// a write waits when the other process is stopped.
func (o *other) beat(ctx context.Context) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = o.send(frame{Alive: true}, nil) // that nobody reads it is found out by the receiver
		}
	}
}

// watch calls lost with what became of the other process when it does not show that it
// lives any more, until lost reports that this was taken in, or ctx ends. tick, if not
// nil, is called at every pulse.
func (o *other) watch(ctx context.Context, tick func(), lost func(reason string) bool) {
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	last, missed := o.heard.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if tick != nil {
			tick()
		}
		if now := o.heard.Load(); now != last {
			last, missed = now, 0
			continue
		}
		missed++
		if reason := o.reason(missed); reason != "" && lost(reason) {
			return
		}
	}
}

// reason says what is wrong with a process that has missed so many pulses. We have a
// pidfd; if its number is somebody else's by now, the end of the connection tells.
func (o *other) reason(missed int) string {
	if missed < suspect {
		return ""
	}
	if state := procstate.Of(o.pid); state != procstate.Running {
		return state
	}
	if missed >= silence {
		return fmt.Sprintf("showed no sign of life for %v", silence*pulse)
	}
	return ""
}

// uptime is the time since the machine booted, suspends included: a deadline on it is
// one that a suspend does not put off.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Duration(time.Now().UnixNano()) // no Linux lacks it
	}
	return time.Duration(t.Nano())
}
