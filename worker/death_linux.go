package worker

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
)

// end kills the process, if it is still there, and waits until it is gone. It
// returns what the process died of if that was not us.
func (p *process) end() *action.Fault {
	p.once.Do(func() {
		p.killed.Store(true)
		_ = p.os.Kill() // one that has ended cannot be, and need not
	})
	if !p.gone() {
		return nil
	}
	return p.fault()
}

// outOfMemory are what the Go runtime says, on standard error, when it dies of a
// limit of memory: of its stack, of its heap, of what it needs for itself, or for a
// thread. The last two are the race detector's.
var outOfMemory = [...]string{
	"stack overflow", "stack exceeds", "out of memory", "cannot allocate", "cannot map", "failed to create new OS thread",
	"panic: runtime error: makeslice: ", "mmap failed", "ThreadSanitizer failed to", "failed to allocate",
}

// ranOut reports whether the process died of a limit of memory. A segmentation fault
// that is no panic is one inside the runtime: its collector does not look whether
// it was given the memory that it asked for.
func (p *process) ranOut() bool {
	return strings.HasPrefix(p.stderr, "SIGSEGV") ||
		slices.ContainsFunc(outOfMemory[:], func(text string) bool { return strings.Contains(p.stderr, text) })
}

// fault is what the process, which is gone, died of; nil if we killed it.
func (p *process) fault() *action.Fault {
	status, _ := p.state.Sys().(syscall.WaitStatus)
	signal := syscall.Signal(-1)
	if status.Signaled() {
		signal = status.Signal()
	}
	used := p.state.UserTime() + p.state.SystemTime()
	limit := time.Duration(p.setup.CPU) * time.Second
	switch {
	case signal == syscall.SIGXCPU, strings.Contains(p.stderr, "SIGXCPU"), signal == syscall.SIGKILL && used >= limit:
		return fault(action.KindTimeout, "the script used more than %v of processor time", limit)
	case signal == syscall.SIGKILL && p.killed.Load():
		return nil
	case signal == syscall.SIGSYS:
		return fault(action.KindKilled, "the process of the script made a system call that it may not make")
	case signal >= 0:
		return fault(action.KindKilled, "the process of the script was killed by %s, and not by us", unix.SignalName(signal))
	case p.ranOut():
		return fault(action.KindMemory, "the script needs more memory than the %d MiB it may have: %s", p.setup.Memory>>20, firstLine(p.stderr))
	}
	return fault(action.KindKilled, "the process of the script ended by itself, with status %d: %s", status.ExitStatus(), firstLine(p.stderr))
}

func fault(kind action.Kind, format string, args ...any) *action.Fault {
	return &action.Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// firstLine is the line of a crash that says most: the one of the fatal error, else
// the first.
func firstLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") {
			return fmt.Sprintf("%.200s", line)
		}
	}
	return fmt.Sprintf("%.200s", lines[0])
}
