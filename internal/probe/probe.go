// Package probe finds out whether a filesystem takes writes, without being caught
// by one that does not.
//
// A write to a frozen filesystem sleeps until the thaw, and SIGKILL does not end
// it; a process that has such a thread cannot even exit. No other means tells for
// certain whether a filesystem is frozen: there is no file in /proc or /sys, and
// a remount can change its options. So a child makes the write, this program
// started again, and is left behind if it does not come back.
package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// childName is the argv[0] of the child.
const childName = "starhost-probe"

// patience is how long a write may take. The filesystem has just been synced.
const patience = 2 * time.Second

// ErrBlocked says that the write did not come back.
var ErrBlocked = errors.New("does not take writes: it is frozen by somebody else, or its disk hangs")

// Init must be called first in main. In the child it makes the write and does not
// return.
func Init() {
	if len(os.Args) != 2 || os.Args[0] != childName {
		return
	}
	code := 0
	if err := touch(os.Args[1]); err != nil {
		fmt.Fprint(os.Stderr, err)
		code = 1
	}
	syscall.Exit(code) // os.Exit of a program built with the race detector waits for a second
}

// touch makes the folder and a file in it, which it removes.
func touch(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Write makes the folder dir, if it is not there, and a file in it that is removed
// again. An error wraps [ErrBlocked] if that did not come back in time.
func Write(ctx context.Context, dir string) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	// The literal path: it works for a program that was replaced on the disk.
	program := "/proc/self/exe"
	if _, err := os.Stat(program); err != nil {
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	var said strings.Builder
	cmd := exec.Command(program, dir)
	cmd.Args[0] = childName
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }() // ends with the child: at the latest when the filesystem is thawed
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s cannot be written to: %s", filepath.Dir(dir), said.String())
		}
		return nil
	case <-ctx.Done():
		_ = cmd.Process.Kill() // it ends when it can
		return fmt.Errorf("%s has not taken a write yet: %w", filepath.Dir(dir), context.Cause(ctx))
	case <-timer.C:
		_ = cmd.Process.Kill()
		return fmt.Errorf("%s %w", filepath.Dir(dir), ErrBlocked)
	}
}
