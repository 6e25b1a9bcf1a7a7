package standin

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// echo is a world whose only program says how it was started.
type echo struct{ worlds.Server }

func (echo) Run(p worlds.Program) worlds.Ended {
	last := p.Argv[len(p.Argv)-1]
	switch last {
	case "hang":
		return worlds.Ended{Waits: true}
	case "die":
		return worlds.Ended{Exit: action.Exit{Code: 137, Signal: "SIGKILL", Stdout: "last words\n"}}
	case "what":
		return worlds.Ended{Unknown: true}
	}
	return worlds.Ended{Exit: action.Exit{Code: 5, Stdout: p.Env["WORD"] + " " + last, Stderr: p.Stdin}}
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	i := Start(t, dir, echo{}, nil, "iris")
	for _, test := range []struct {
		argument, stdout, stderr string
		code                     int
	}{
		{"stat", "hello stat", "typed", 5},
		{"die", "last words\n", "", -1},
		{"what", "", "the stand-in does not know", 127},
	} {
		t.Run(test.argument, func(t *testing.T) {
			var stdout, stderr strings.Builder
			cmd := exec.Command(filepath.Join(dir, "iris"), test.argument)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("typed"), &stdout, &stderr
			cmd.Env = append(os.Environ(), "WORD=hello")
			_ = cmd.Run()
			if cmd.ProcessState.ExitCode() != test.code || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("got %v, %q and %q", cmd.ProcessState, &stdout, &stderr)
			}
		})
	}
	if n := len(i.Asked()); n != 3 {
		t.Errorf("%d programs were asked, want 3", n)
	}
}

// TestHangs: a program that waits ends when it is killed, not before.
func TestHangs(t *testing.T) {
	dir := t.TempDir()
	Start(t, dir, echo{}, nil, "iris")
	ctx, cancel := context.WithTimeout(t.Context(), 200_000_000)
	defer cancel()
	if err := exec.CommandContext(ctx, filepath.Join(dir, "iris"), "hang").Run(); err == nil || ctx.Err() == nil {
		t.Errorf("it ended by itself: %v", err)
	}
}
