package proctree_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/proctree"
)

// hostEnv makes this test binary a host that runs the shell script in it until
// somebody kills it.
const hostEnv = "PROCTREE_TEST_HOST"

// leaveEnv makes it one that leaves alone what the script left; $HOST in that is its pid.
const leaveEnv = "PROCTREE_TEST_LEAVE"

func TestMain(m *testing.M) {
	proctree.Init()
	if script := os.Getenv(hostEnv); script != "" {
		c := shell(script)
		c.Stdout = os.Stdout
		if os.Getenv(leaveEnv) != "" {
			c.Leave, c.Stdout, c.Env = []int{0}, nil, append(c.Env, fmt.Sprintf("HOST=%d", os.Getpid()))
		}
		if res, err := c.Run(context.Background()); res.Left && err == nil {
			fmt.Println("left")
			select {}
		}
		fmt.Println("the host was not killed")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// shell returns a command that runs a script of /bin/sh.
func shell(script string) *proctree.Command {
	return &proctree.Command{
		Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"},
	}
}

// run runs c for at most half a minute and wants no error.
func run(t *testing.T, c *proctree.Command) proctree.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := c.Run(ctx)
	if err != nil {
		t.Fatalf("Run: %v (stderr %q)", err, res.Stderr)
	}
	return res
}

func needShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no /bin/sh")
	}
}

func TestExitStatus(t *testing.T) {
	needShell(t)
	for _, tt := range []struct {
		script, signal string
		code           int
	}{
		{"exit 0", "", 0},
		{"exit 1", "", 1},
		{"exit 255", "", 255},
		{"kill -KILL $$", "SIGKILL", 137},
		{"kill -TERM $$", "SIGTERM", 143},
		{"kill -SEGV $$", "SIGSEGV", 139},
	} {
		res := run(t, shell(tt.script))
		if res.Code != tt.code || res.Signal != tt.signal || !res.Reaped {
			t.Errorf("%s: code %d, signal %q, reaped %v; want %d, %q, true",
				tt.script, res.Code, res.Signal, res.Reaped, tt.code, tt.signal)
		}
	}
}

func TestOutputIsKeptToALimit(t *testing.T) {
	needShell(t)
	const script = "head -c 200000 /dev/zero; head -c 1000 /dev/zero >&2; exit 4"
	for _, tt := range []struct {
		max, stdout, stderr int
		truncated           bool
	}{
		{0, 200000, 1000, false},
		{200000, 200000, 1000, false},
		{199999, 199999, 1000, true},
		{10, 10, 10, true},
	} {
		c := shell(script)
		c.MaxOutput = tt.max
		res := run(t, c)
		if len(res.Stdout) != tt.stdout || len(res.Stderr) != tt.stderr || res.Truncated != tt.truncated {
			t.Errorf("MaxOutput %d: kept %d and %d, truncated %v; want %d, %d, %v", tt.max,
				len(res.Stdout), len(res.Stderr), res.Truncated, tt.stdout, tt.stderr, tt.truncated)
		}
		if res.Code != 4 { // 141 would be SIGPIPE: somebody stopped reading
			t.Errorf("MaxOutput %d: code %d, want 4", tt.max, res.Code)
		}
	}
}

func TestOneWriterForBothStreams(t *testing.T) {
	needShell(t)
	var both bytes.Buffer // the race detector sees two writers at once
	c := shell("for i in 1 2 3 4 5 6 7 8 9; do echo out; echo err >&2; done")
	c.Stdout, c.Stderr = &both, &both
	res := run(t, c)
	if want := 9 * len("out\nerr\n"); both.Len() != want || res.Stdout != nil || res.Stderr != nil {
		t.Errorf("the writer got %d bytes, want %d; kept %q and %q, want nothing", both.Len(), want, res.Stdout, res.Stderr)
	}
}

// brokenWriter takes nothing. It cannot be compared with ==, either.
type brokenWriter []int

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestBrokenWriterDoesNotEndTheProgram(t *testing.T) {
	needShell(t)
	c := shell("head -c 200000 /dev/zero && echo done >&2; exit 4")
	c.Stdout, c.Stderr = brokenWriter{}, brokenWriter{}
	if res := run(t, c); res.Code != 4 || !res.Truncated {
		t.Errorf("code %d, truncated %v; want 4, true", res.Code, res.Truncated)
	}
}

func TestStdin(t *testing.T) {
	needShell(t)
	for _, tt := range []struct {
		name, script, want string
		stdin              []byte
	}{
		{"none", "wc -c", "0", nil},
		{"empty", "wc -c", "0", []byte{}},
		{"larger than a pipe", "wc -c", "3000000", make([]byte, 3e6)},
		{"never read", "echo 1", "1", make([]byte, 3e6)},
		{"closed", "exec <&-; echo 2", "2", make([]byte, 3e6)},
	} {
		c := shell(tt.script)
		c.Stdin = tt.stdin
		if res := run(t, c); string(bytes.TrimSpace(res.Stdout)) != tt.want {
			t.Errorf("%s: got %q, want %s", tt.name, res.Stdout, tt.want)
		}
	}
}

func TestEnvironmentAndArgumentsAreExact(t *testing.T) {
	needShell(t)
	env := []string{"B=2", "A=1", "A=again", "RAW=\xff\xfe", "EMPTY="}
	t.Setenv("OURS", "must not be seen")
	res := run(t, &proctree.Command{Path: "/usr/bin/env", Env: env})
	if want := "B=2\nA=1\nA=again\nRAW=\xff\xfe\nEMPTY=\n"; runtime.GOOS == "linux" && string(res.Stdout) != want {
		t.Errorf("environment %q, want %q", res.Stdout, want)
	}
	if bytes.Contains(res.Stdout, []byte("OURS")) {
		t.Errorf("environment %q has what is ours", res.Stdout)
	}
	res = run(t, &proctree.Command{Path: "/bin/sh", Argv: []string{"sh", "-c", `printf '%s|' "$@"; pwd`, "sh", "a b", "", "\xff'\""}})
	if want := "a b||\xff'\"|/\n"; string(res.Stdout) != want {
		t.Errorf("arguments and directory %q, want %q", res.Stdout, want)
	}
}

func TestContextThatEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the operator said so")
	cancel(cause)
	res, err := shell("exit 0").Run(ctx)
	if !errors.Is(err, context.Canceled) || res.Code != -1 || !res.Reaped {
		t.Errorf("got %+v, %v", res, err)
	}
}
