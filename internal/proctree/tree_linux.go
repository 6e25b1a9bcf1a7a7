package proctree

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// process is one line of /proc/PID/stat, as far as it is needed (proc(5)).
type process struct {
	pid, parent int
	comm        string
	state       byte
	start       string // in clock ticks since boot; with pid the identity of a process
}

// String describes p for people.
func (p process) String() string { return fmt.Sprintf("%d (%s) in state %c", p.pid, p.comm, p.state) }

// stuck reports whether killing p is of no use for now: it is in uninterruptible
// sleep, or it is dead and not reaped by a parent that is.
func (p process) stuck() bool { return p.state == 'D' || p.state == 'Z' || p.state == 'X' }

// kill sends SIGKILL to p, and to no process that got its pid meanwhile.
func (p process) kill() error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return err
	}
	if err == nil {
		defer unix.Close(fd)
	}
	if now, err := stat(p.pid); err != nil || now.start != p.start {
		return unix.ESRCH
	}
	if err != nil { // before Linux 5.3; a pid is not used again within microseconds
		return unix.Kill(p.pid, unix.SIGKILL)
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// descendants returns all processes below root, parents before their children.
//
// It reads the whole of /proc: the shorter way, /proc/PID/task/TID/children, is
// exact only while all those processes are stopped (proc(5)).
func descendants(root int) []process {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	children := map[int][]process{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := stat(pid); err == nil {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	found := children[root]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
		delete(children, found[i].pid) // a pid used again during the scan must not make a circle
	}
	return found
}

// stat reads /proc/PID/stat, which never waits for the process.
func stat(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	return parseStat(text)
}

// parseStat parses "pid (comm) state ppid …". The name may hold spaces and
// parentheses, so it ends at the last one.
func parseStat(text []byte) (process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("no name in %q", text)
	}
	// The field after the name is number 3 of the manual, starttime is 22.
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("only %d fields after the name in %q", len(fields), text)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	if err != nil {
		return process{}, err
	}
	if state := fields[0]; len(state) != 1 || state[0] < 'A' || state[0] > 'z' {
		return process{}, fmt.Errorf("state %q in %q", state, text)
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return process{pid, parent, string(text[open+1 : end]), fields[0][0], string(fields[19])}, err
}
