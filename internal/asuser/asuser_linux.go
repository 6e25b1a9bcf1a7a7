package asuser

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func (u User) do(f func() error) error {
	if self := os.Geteuid(); self != 0 {
		return fmt.Errorf("only root can act as user %s, and this is uid %d; run starhost as root or as %s", u.Name, self, u.Name)
	}
	return onOwnThread(func() error {
		if err := u.become(); err != nil {
			return fmt.Errorf("cannot act as user %s: %w", u.Name, err)
		}
		return f()
	})
}

// onOwnThread calls f on a thread that ends with it.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime ends the thread with the goroutine. It would keep
		// the first one of the process for ever, and with it what the whole process
		// looks like from outside, so that one only waits.
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			done <- f()
			return
		}
		defer runtime.UnlockOSThread()
		done <- onOwnThread(f)
	}()
	return <-done
}

// become changes the effective ids and the groups of this thread. The functions of
// package syscall change those of all threads.
func (u User) become() error {
	groups := make([]uint32, len(u.Groups), len(u.Groups)+1)
	for i, group := range u.Groups {
		groups[i] = uint32(group)
	}
	const keep = ^uintptr(0)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0); errno != 0 {
		return fmt.Errorf("setgroups: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, keep, uintptr(u.GID), keep); errno != 0 {
		return fmt.Errorf("setresgid: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(u.UID), keep); errno != 0 {
		return fmt.Errorf("setresuid: %w", errno)
	}
	return nil
}
