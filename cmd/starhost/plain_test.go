//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// thisProgram is the test program itself, which is the command too.
const thisProgram = "/proc/self/exe"

// plainly lets the processes of the command be a build without the race detector: a run
// takes a third of the time, which counts where there are hundreds. Those tests have the
// race detector for each kind of what they do at least once; all other tests have it always.
func (c *command) plainly(plain bool) {
	c.t.Helper()
	c.program = thisProgram
	if !plain || !raceEnabled {
		return
	}
	program, err := plainProgram()
	if err != nil {
		c.t.Logf("with the race detector, which takes longer: %v", err)
		return
	}
	c.program = program
}

// plainProgram builds this test program without the race detector, and as it is shipped:
// without cgo. It is removed at once, and run by the descriptor that we have of it.
var plainProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "starhost-plain-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "starhost")
	build := exec.Command("go", "test", "-c", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w: %s", build.Args, err, out)
	}
	// Not os.Open, whose file is closed when nobody refers to it.
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd), nil
})
