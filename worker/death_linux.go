package worker

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/procstate"
)

// kill sends SIGKILL to the process if it is still there. It reports whether it was
// the first to do so.
func (p *process) kill() bool {
	select {
	case <-p.reaped:
		return false
	default:
	}
	first := !p.killed.Swap(true)
	_ = p.os.Kill() // one that has ended meanwhile cannot be, and need not
	return first
}

// end kills the process and waits until it is gone; one that hung up is let die
// first. It returns what the process died of, nil if it was end that killed it.
func (p *process) end(hungUp bool) *action.Fault {
	if hungUp && p.gone(dyingFor) {
		return p.fault()
	}
	first := p.kill()
	if !p.gone(reapFor) {
		return nil
	}
	// On a busy machine one that hung up may have been dying for longer: then it is not
	// our signal that it died of.
	status, _ := p.state.Sys().(syscall.WaitStatus)
	itself := hungUp && status.Signaled() && status.Signal() != syscall.SIGKILL
	if f := p.fault(); f.Kind != action.KindKilled || !first || itself {
		return f
	}
	return nil
}

// lookEvery is how often a worker is looked after.
const lookEvery = 200 * time.Millisecond

// lookAfter kills a worker that somebody has stopped: what it holds would stay held
// until its time is over. It ends with the process.
func (p *process) lookAfter() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.reaped:
			return
		case <-ticker.C:
		}
		if procstate.Of(p.os.Pid) == procstate.Stopped {
			p.stopped.Store(true)
			_ = p.os.Kill()
		}
	}
}

// outOfMemory are what the Go runtime says, on standard error, when it dies of a
// limit of memory: of its stack, of its heap, of what it needs for itself, or for a
// thread. The last two are the race detector's.
var outOfMemory = [...]string{
	"stack overflow", "stack exceeds", "out of memory", "cannot allocate", "cannot map", "failed to create new OS thread",
	"panic: runtime error: makeslice: ", "pthread_create failed", "mmap failed", "ThreadSanitizer failed to", "failed to allocate",
}

// ranOut reports whether the process died of a limit of memory. A segmentation fault
// that is no panic is one inside the runtime: its collector does not look whether
// it was given the memory that it asked for.
func (p *process) ranOut() bool {
	return strings.HasPrefix(p.stderr, "SIGSEGV") ||
		slices.ContainsFunc(outOfMemory[:], func(text string) bool { return strings.Contains(p.stderr, text) })
}

// fault is what the process, which is gone, died of.
func (p *process) fault() *action.Fault {
	status, _ := p.state.Sys().(syscall.WaitStatus)
	signal := syscall.Signal(-1)
	if status.Signaled() {
		signal = status.Signal()
	}
	used := p.state.UserTime() + p.state.SystemTime()
	limit := time.Duration(p.setup.CPU) * time.Second
	// The kernel enforces the limit by ticks, which a busy machine attributes to whoever
	// runs just then, and reports the time exactly: so less may have been used. A SIGKILL
	// of our own is taken for the limit only if it is nearly certain.
	almost, perhaps := limit-limit/10, limit/2
	switch {
	case signal == syscall.SIGKILL && used >= almost:
		return fault(action.KindTimeout, "the %s used more than %v of processor time", p.subject, limit)
	case signal == syscall.SIGKILL && p.stopped.Load():
		return fault(action.KindKilled, "the process of the %s was stopped by somebody, so it was killed", p.subject)
	case signal == syscall.SIGKILL && p.killed.Load():
		return fault(action.KindKilled, "the process of the %s was killed by its host", p.subject)
	case signal == syscall.SIGKILL && used >= perhaps:
		return fault(action.KindTimeout, "the %s used more than %v of processor time", p.subject, limit)
	case signal == syscall.SIGSYS:
		return fault(action.KindKilled, "the process of the %s made a system call that it may not make", p.subject)
	case signal >= 0:
		return fault(action.KindKilled, "the process of the %s was killed by %s, and not by us", p.subject, unix.SignalName(signal))
	case p.ranOut():
		return fault(action.KindMemory, "the %s needs more memory than the %d MiB it may have: %s", p.subject, p.setup.Memory>>20, firstLine(p.stderr))
	}
	return fault(action.KindKilled, "the process of the %s ended by itself, with status %d: %s", p.subject, status.ExitStatus(), firstLine(p.stderr))
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
