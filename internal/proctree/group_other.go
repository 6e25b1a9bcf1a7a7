//go:build !unix

package proctree

import (
	"os"
	"os/exec"
)

// setGroup does nothing: there are no process groups.
func setGroup(*exec.Cmd) {}

// endGroup kills the program if it is forced. It cannot be asked to end.
func endGroup(cmd *exec.Cmd, force bool) error {
	if !force {
		return nil
	}
	return cmd.Process.Kill()
}

// exit sets how the program ended.
func (r *Result) exit(state *os.ProcessState) { r.Code = state.ExitCode() }
