// Package procstate says why a process cannot go on, as far as the kernel knows.
//
// Its facts are from proc(5): the third field of /proc/PID/stat, and SigPnd in
// /proc/PID/status. Nothing here waits for the process.
package procstate

import (
	"bytes"
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
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return Gone
	}
	// The name, in parentheses, may hold anything.
	_, after, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	if len(after) == 0 {
		return Running
	}
	switch after[0] {
	case 'T':
		return Stopped
	case 't':
		return Debugged
	case 'Z', 'X':
		return Killed
	}
	if dying(dir + "/status") {
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
