package freeze

import (
	"context"
	"os"
	"sync"
)

// Filesystem is one mounted superblock that can be frozen. It comes from
// [Locate]; the zero value is of no use.
//
// The exported fields describe it as it was then and must not be written to.
type Filesystem struct {
	Device     string   // "major:minor" of the superblock as in mountinfo; of btrfs it is not what stat says
	Mountpoint string   // the mount that the first of Paths was found on
	Type       string   // as in mountinfo: "xfs"
	Source     string   // as in mountinfo: "/dev/sdb1"
	ReadOnly   bool     // the superblock, not only this mount of it, is read-only
	Paths      []string // those of the paths given to Locate that it holds
	// Level says when it is frozen: those of one level do not depend on each other, those
	// of a lower one come before.
	Level int

	kernel kernel
	fd     int

	mu      sync.Mutex
	state   state
	call    *call         // the ioctl in flight; nil in thawed and frozen
	inside  int           // goroutines in a system call that uses fd
	settled chan struct{} // closed while inside is 0
	closed  bool
}

func newFilesystem(fd int, k kernel) *Filesystem {
	settled := make(chan struct{})
	close(settled)
	return &Filesystem{fd: fd, kernel: k, settled: settled}
}

// Freeze stops all writes to the filesystem.
//
// Nil means that it is frozen, by this call. An error that wraps [ErrUnknown],
// and the error of ctx, means that ctx ended first: the freeze may still come
// about and is then thawed at once. After any other error it is certain that
// this call leaves no freeze behind; one that wraps [ErrBusy] says that somebody
// else has frozen the filesystem, one that wraps [ErrNotFrozen] that a Thaw or
// Close overtook this call. A ctx that has ended before the call freezes nothing.
func (f *Filesystem) Freeze(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return f.errorf("freezing", "not begun: %w", err)
	}
	f.mu.Lock()
	switch {
	case f.closed:
		f.mu.Unlock()
		return f.errorf("freezing", "%w", os.ErrClosed)
	case f.state == frozen:
		f.mu.Unlock()
		return f.errorf("freezing", "it has been frozen here already")
	case f.state != thawed:
		f.mu.Unlock()
		return f.errorf("freezing", "an earlier freeze or thaw has not come back from the kernel")
	}
	c := f.begin(freezing, f.runFreeze)
	f.mu.Unlock()

	select {
	case <-c.done:
		return c.freezeErr
	case <-ctx.Done():
	}
	if f.abandon(c) {
		return f.errorf("freezing", "the kernel has not answered, it will be thawed when it does: %w: %w", ErrUnknown, ctx.Err())
	}
	<-c.done
	return c.freezeErr
}

// Thaw ends the freeze that this Filesystem has made, and a freeze that is still
// in flight ends thawed.
//
// Nil means that it was frozen and is thawed. An error that wraps [ErrNotFrozen]
// means that there was nothing to thaw, because Freeze failed or was never
// called, or because somebody else has thawed it. An error that wraps
// [ErrUnknown], and the error of ctx, means that ctx ended first: the thaw goes
// on, and another Thaw waits for it. After any other error it is still frozen.
//
// A ctx that has ended before the call limits only the waiting: FITHAW is made.
func (f *Filesystem) Thaw(ctx context.Context) error {
	f.mu.Lock()
	c := f.call
	switch {
	case c != nil:
		if f.state == freezing {
			f.state = abandoned
		}
	case f.state == thawed:
		f.mu.Unlock()
		return f.errorf("thawing", "%w by this process", ErrNotFrozen)
	case f.closed:
		f.mu.Unlock()
		return f.errorf("thawing", "%w", os.ErrClosed)
	default:
		c = f.begin(thawing, f.runThaw)
	}
	f.mu.Unlock()

	select {
	case <-c.done:
		return c.thawErr
	case <-ctx.Done():
		return f.errorf("thawing", "the kernel has not answered, it goes on: %w: %w", ErrUnknown, ctx.Err())
	}
}

// Inherit takes the filesystem for one that this Filesystem has frozen: it may have
// been, by a process of ours that has died. Thaw then makes a FITHAW.
func (f *Filesystem) Inherit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == thawed {
		f.state = frozen
	}
}

// Sync writes what is dirty in the filesystem to its device (syncfs), so that a
// following Freeze is short. The kernel cannot be interrupted in it: when ctx
// ends Sync returns its error, and the write goes on.
func (f *Filesystem) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return f.errorf("syncing", "not begun: %w", err)
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return f.errorf("syncing", "%w", os.ErrClosed)
	}
	f.enter()
	f.mu.Unlock()

	done := make(chan error, 1)
	go func() {
		err := f.kernel.sync(f.fd)
		f.mu.Lock()
		f.leave()
		f.mu.Unlock()
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return f.errorf("syncing", "%w", err)
		}
		return nil
	case <-ctx.Done():
		return f.errorf("syncing", "not finished: %w", ctx.Err())
	}
}

// Close gives the descriptor back and makes sure that nothing stays frozen: it
// begins to thaw what this Filesystem has frozen or is freezing. It does not wait
// for the kernel, so it cannot report what became of that; who wants to know
// calls Thaw before, or waits for [Filesystem.Settled] and asks
// [Filesystem.Frozen]. Closing twice is no error.
func (f *Filesystem) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	switch f.state {
	case freezing:
		f.state = abandoned
	case frozen:
		f.begin(thawing, f.runThaw)
	}
	if f.inside > 0 {
		return nil // the last one out closes the descriptor
	}
	return f.kernel.close(f.fd)
}

// Settled returns a channel that is closed when nothing that was begun before is
// left in the kernel: no freeze, no thaw and no sync. After Close this is also
// when the descriptor has been closed.
func (f *Filesystem) Settled() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settled
}

// Frozen reports whether the filesystem is, or may be, frozen on behalf of this
// Filesystem.
func (f *Filesystem) Frozen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state != thawed
}
