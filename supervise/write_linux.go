package supervise

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// writerName is the argv[0] of the child that writes for us.
const writerName = "starhost-write"

// writeTime is how long a write to a file may take. A filesystem that takes writes
// needs microseconds, the child a few milliseconds.
const writeTime = 500 * time.Millisecond

// Write writes text to f, which may be a file on a filesystem that is frozen. Such a
// write sleeps until the thaw, and a process with a thread in it cannot even exit. So a
// child makes it, and is left behind if it does not come back: the text is in the file
// after the thaw.
func Write(f *os.File, text []byte) error {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		_, err = f.Write(text)
		return err
	}
	// Not a pipe: one that nobody reads takes only 64 KiB.
	fd, err := unix.MemfdCreate("answer", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	memory := os.NewFile(uintptr(fd), "answer")
	defer memory.Close()
	if _, err = memory.Write(text); err == nil {
		_, err = memory.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = writerName
	cmd.Stdin, cmd.Stdout = memory, f
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }() // ends with the child: at the latest with the thaw
	timer := time.NewTimer(writeTime)
	defer timer.Stop()
	select {
	case err = <-done:
	case <-timer.C:
		return nil
	}
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return errors.New(f.Name() + " cannot be written to")
	}
	return err
}

// copyOut does not return in the child of Write.
func copyOut() {
	if len(os.Args) != 1 || os.Args[0] != writerName {
		return
	}
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		syscall.Exit(1)
	}
	syscall.Exit(0)
}
