package sigpipe

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// set has SIGPIPE as its only member.
var set = func() (s unix.Sigset_t) {
	const bits = 8 * unsafe.Sizeof(s.Val[0])
	signal := uintptr(unix.SIGPIPE) - 1
	s.Val[signal/bits] |= 1 << (signal % bits)
	return s
}()

// setSize is what the kernel takes for the size of a set, in bytes: that of its own,
// not that of the C library's.
const setSize = 8

// Without calls write, which fails with EPIPE if the reader is gone, and returns what
// it returned. The kernel sends a SIGPIPE for a write to the thread that wrote
// (signal(7)): so it is blocked for this thread, and taken off it before it is let
// through again.
func Without(write func() (int, error)) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before); err != nil {
		return write()
	}
	n, err := write()
	if errors.Is(err, syscall.EPIPE) {
		takePending()
	}
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) // what was in force just now
	return n, err
}

// takePending takes a SIGPIPE that waits for this thread; there may be none, if the
// write did not get as far as the kernel.
func takePending() {
	var now unix.Timespec
	_, _, _ = unix.Syscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&now)), setSize, 0, 0)
}
