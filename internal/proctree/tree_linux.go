package proctree

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/procstate"
)

// process is one that a tree has.
type process struct{ procstate.Process }

// String describes p for people.
func (p process) String() string { return fmt.Sprintf("%d (%s) in state %c", p.PID, p.Comm, p.State) }

// stuck reports whether killing p is of no use for now: it is in uninterruptible
// sleep, or it is dead and not reaped by a parent that is.
func (p process) stuck() bool { return p.State == 'D' || p.State == 'Z' || p.State == 'X' }

// kill sends SIGKILL to p, and to no process that got its pid meanwhile.
func (p process) kill() error {
	fd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return err
	}
	if err == nil {
		defer unix.Close(fd)
	}
	if now, err := procstate.Read(p.PID); err != nil || now.Start != p.Start {
		return unix.ESRCH
	}
	if err != nil { // before Linux 5.3; a pid is not used again within microseconds
		return unix.Kill(p.PID, unix.SIGKILL)
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
		if p, err := procstate.Read(pid); err == nil {
			children[p.Parent] = append(children[p.Parent], process{p})
		}
	}
	found := children[root]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].PID]...)
		delete(children, found[i].PID) // a pid used again during the scan must not make a circle
	}
	return found
}
