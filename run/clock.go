package run

import (
	"fmt"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
)

// clock measures the time that anything may stay held. It starts with the first
// hold; when the time for the work is over it says so, and what is left until the
// deadline is for the undo. Its methods may be called from several goroutines: a
// script starts it, and one that was given up may do so late.
type clock struct {
	limits Limits
	over   func(*action.Fault)

	mu       sync.Mutex
	deadline time.Time // zero until it starts
	timer    *time.Timer
}

// start starts the clock unless it runs.
func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.deadline.IsZero() {
		return
	}
	work := c.limits.Hold - c.limits.Reserve()
	fault := &action.Fault{
		Kind:    action.KindTimeout,
		Message: fmt.Sprintf("timeout: held for %v of at most %v, the rest is for the undo", work, c.limits.Hold),
	}
	c.deadline = time.Now().Add(c.limits.Hold)
	c.timer = time.AfterFunc(work, func() { c.over(fault) })
}

// stop keeps the clock from saying anything more.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// left is the time until what is held will be undone by us.
func (c *clock) left() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline.IsZero() {
		return c.limits.Hold - c.limits.Reserve()
	}
	return time.Until(c.deadline) - c.limits.Reserve()
}

// budget is the time for the last unwinding: what is left until the deadline, and
// the reserve in any case.
func (c *clock) budget() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(time.Until(c.deadline), c.limits.Reserve())
}
