//go:build unix && !linux

package proctree

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// setGroup gives the program a process group of its own.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup signals the program's process group: SIGKILL if it is forced, else
// SIGTERM.
func endGroup(cmd *exec.Cmd, force bool) error {
	sig := syscall.SIGTERM
	if force {
		sig = syscall.SIGKILL
	}
	return syscall.Kill(-cmd.Process.Pid, sig)
}

// exit sets how the program ended.
func (r *Result) exit(state *os.ProcessState) {
	r.Code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.Code, r.Signal = 128+int(status.Signal()), unix.SignalName(status.Signal())
	}
}
