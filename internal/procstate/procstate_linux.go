package procstate

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What keeps a process from going on. The texts go on after a name.
const (
	Running  = "" // nothing that the kernel knows of
	Gone     = "is gone"
	Stopped  = "was stopped"
	Debugged = "was stopped by a debugger"
	Killed   = "was killed"
	Stuck    = "was killed, and waits for a disk"
)

// Of returns what keeps the process of that number from going on. The caller must know
// that the number is still that of the process it means.
func Of(pid int) string {
	p, err := Read(pid)
	if err != nil {
		return Gone
	}
	switch p.State {
	case 'T':
		return Stopped
	case 't':
		return Debugged
	case 'Z', 'X':
		return Killed
	}
	if dying(fmt.Sprintf("/proc/%d/status", pid)) {
		return Stuck
	}
	return Running
}

// dying reports whether SIGKILL is pending: the process has threads that sleep
// uninterruptibly, and will end when they wake.
func dying(status string) bool {
	text, err := os.ReadFile(status)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		mask, ok := strings.CutPrefix(line, "SigPnd:")
		if !ok {
			continue
		}
		pending, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
		return err == nil && pending&(1<<(uint(unix.SIGKILL)-1)) != 0
	}
	return false
}
