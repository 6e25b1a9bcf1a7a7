package freeze

import (
	"errors"
	"fmt"
	"syscall"
)

// kernel is what is asked of the operating system. A test puts its own in.
type kernel struct {
	freeze, thaw, sync, close func(fd int) error
}

// state is explained in the package comment.
type state int

const (
	thawed state = iota
	freezing
	abandoned
	frozen
	thawing
)

// call is one ioctl in flight, or an abandoned FIFREEZE with the FITHAW after
// it. The errors may be read when done is closed.
type call struct {
	done               chan struct{}
	freezeErr, thawErr error
}

// begin starts the goroutine of an ioctl. The caller holds mu.
func (f *Filesystem) begin(s state, run func(*call)) *call {
	c := &call{done: make(chan struct{})}
	f.state, f.call = s, c
	f.enter()
	go run(c)
	return c
}

// settle ends a call. The caller holds mu.
func (f *Filesystem) settle(c *call, s state) {
	f.state, f.call = s, nil
	f.leave()
	close(c.done)
}

// abandon gives a freeze up; it returns false if that has come back already.
func (f *Filesystem) abandon(c *call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.call != c {
		return false
	}
	if f.state == freezing {
		f.state = abandoned
	}
	return true
}

// runFreeze makes the FIFREEZE of c, with the FITHAW after it if the freeze was
// abandoned meanwhile.
func (f *Filesystem) runFreeze(c *call) {
	err := f.kernel.freeze(f.fd)
	f.mu.Lock()
	switch {
	case err != nil:
		c.freezeErr = f.explain("freezing", err)
		c.thawErr = f.errorf("thawing", "%w: the freeze in flight has failed: %w", ErrNotFrozen, err)
		f.settle(c, thawed)
	case f.state == freezing:
		f.settle(c, frozen)
	default:
		f.state = thawing
		f.mu.Unlock()
		c.freezeErr = f.errorf("freezing", "given up before it was complete: %w", ErrNotFrozen)
		f.runThaw(c)
		return
	}
	f.mu.Unlock()
}

// runThaw makes the FITHAW of c.
func (f *Filesystem) runThaw(c *call) {
	err := f.kernel.thaw(f.fd)
	f.mu.Lock()
	defer f.mu.Unlock()
	next := thawed
	if err != nil {
		c.thawErr = f.explain("thawing", err)
		if !errors.Is(c.thawErr, ErrNotFrozen) {
			next = frozen
		}
	}
	f.settle(c, next)
}

// enter and leave count who uses the descriptor. The caller holds mu.
func (f *Filesystem) enter() {
	if f.inside == 0 {
		f.settled = make(chan struct{})
	}
	f.inside++
}

func (f *Filesystem) leave() {
	f.inside--
	if f.inside > 0 {
		return
	}
	if f.closed {
		_ = f.kernel.close(f.fd) // nobody is left to be told
	}
	close(f.settled)
}

// explain says what an errno of one of the ioctls means here.
func (f *Filesystem) explain(doing string, err error) error {
	switch {
	case errors.Is(err, syscall.EBUSY) && doing == "freezing":
		return f.errorf(doing, "%w; find out who before thawing it with fsfreeze --unfreeze: %w", ErrBusy, err)
	case errors.Is(err, syscall.EINVAL) && doing == "thawing":
		return f.errorf(doing, "%w any more, somebody else has thawed it: %w", ErrNotFrozen, err)
	case errors.Is(err, syscall.EPERM):
		return f.errorf(doing, "CAP_SYS_ADMIN is needed, run as root: %w", err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return f.errorf(doing, "%s cannot be frozen: %w", f.Type, err)
	}
	return f.errorf(doing, "%w", err)
}

func (f *Filesystem) errorf(doing, format string, args ...any) error {
	return fmt.Errorf("%s %s (%s, %s): %w", doing, f.Mountpoint, f.Type, f.Device, fmt.Errorf(format, args...))
}
