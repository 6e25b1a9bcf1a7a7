package procstate

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	if got := Of(os.Getpid()); got != Running {
		t.Errorf("we: %q", got)
	}
	if got := Of(1 << 30); got != Gone {
		t.Errorf("nobody: %q", got)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	for _, step := range []struct {
		signal syscall.Signal
		want   string
	}{{0, Running}, {syscall.SIGSTOP, Stopped}, {syscall.SIGCONT, Running}, {syscall.SIGKILL, Killed}} {
		if err := cmd.Process.Signal(step.signal); err != nil {
			t.Fatal(err)
		}
		end := time.NewTimer(5 * time.Second)
		tick := time.NewTicker(time.Millisecond)
		for got := ""; ; {
			if got = Of(cmd.Process.Pid); got == step.want {
				break
			}
			select {
			case <-end.C:
				t.Fatalf("after signal %v: %q, want %q", step.signal, got, step.want)
			case <-tick.C:
			}
		}
		end.Stop()
		tick.Stop()
	}
}
