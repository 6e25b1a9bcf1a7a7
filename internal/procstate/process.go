// Package procstate says what a process is doing, or why it cannot go on, as far as the
// kernel knows.
//
// Its facts are from proc(5): /proc/PID/stat, and SigPnd in /proc/PID/status. Nothing
// here waits for the process.
package procstate

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Process is what /proc/PID/stat says of one, as far as it is needed.
type Process struct {
	PID, Parent int
	Comm        string // its name, which may hold anything
	State       byte
	Start       string // in clock ticks since boot; with PID the identity of a process
}

// Read reads /proc/PID/stat, which there is on Linux only.
func Read(pid int) (Process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	return parse(text)
}

// parse parses "pid (comm) state ppid …". The name may hold spaces and parentheses, so
// it ends at the last one.
func parse(text []byte) (Process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return Process{}, fmt.Errorf("no name in %q", text)
	}
	// The field after the name is number 3 of the manual, starttime is 22.
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("only %d fields after the name in %q", len(fields), text)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	if err != nil {
		return Process{}, err
	}
	if state := fields[0]; len(state) != 1 || state[0] < 'A' || state[0] > 'z' {
		return Process{}, fmt.Errorf("state %q in %q", state, text)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return Process{pid, parent, string(text[open+1 : end]), fields[0][0], string(fields[19])}, err
}
