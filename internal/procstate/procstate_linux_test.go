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

func TestParse(t *testing.T) {
	const rest = " 2 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9911 1234 56"
	for _, tt := range []struct {
		text string
		want Process
		bad  bool
	}{
		{"17 (cat) R" + rest, Process{17, 2, "cat", 'R', "9911"}, false},
		{"17 (a) S 1 (b) D" + rest + "\n", Process{17, 2, "a) S 1 (b", 'D', "9911"}, false},
		{"17 () Z" + rest, Process{17, 2, "", 'Z', "9911"}, false},
		{"", Process{}, true},
		{"17 (cat)", Process{}, true},
		{"17 )cat( R" + rest, Process{}, true},
		{"17 (cat) \x00" + rest, Process{}, true},
		{"x (cat) R" + rest, Process{}, true},
		{"17 (cat) R x 3 4 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9911", Process{}, true},
	} {
		got, err := parse([]byte(tt.text))
		if (err != nil) != tt.bad || err == nil && got != tt.want {
			t.Errorf("%q: got %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	self, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(self)
	f.Add([]byte("1 (a) b) S 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := parse(text); err == nil && (p.State == 0 || p.Start == "") {
			t.Errorf("%q: %+v has no state or no start", text, p)
		}
	})
}
