package pidfd_test

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/pidfd"
)

// A process is alive until it is killed; its number is nobody's when it has been reaped.
func TestKill(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := pidfd.Open(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Ended(10 * time.Millisecond) {
		t.Error("it has ended before it was killed")
	}
	p.Kill()
	if !p.Ended(10 * time.Second) {
		t.Error("it goes on although it was killed")
	}
	_ = cmd.Wait() // the status is that of the signal
	p.Kill()       // nobody
	if _, err := pidfd.Open(cmd.Process.Pid); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the number of a process that was reaped: %v", err)
	}
}
