//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/run"
)

// closedPipe returns the end of a pipe that is written to, whose reader is gone.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// fullPipe returns both ends of a pipe that nobody reads and nothing fits in.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err == nil {
		_, err = w.Write(make([]byte, size))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// Whoever reads our output is gone: nothing hangs, nothing stays held, and what
// the run was for is given up.
func TestReaderIsGone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		stream func(*exec.Cmd) *io.Writer
		exits  []int
	}{
		// The first log line is written before the snapshot is taken, or soon after.
		{"standard error", []string{"--json", "--", "sleep", "60"}, stderrOf, []int{run.ExitPrescript, run.ExitSnapshot}},
		{"standard error of COMMAND", []string{"--log-level", "error", "--", "sh", "-c", "echo x >&2; sleep 60"}, stderrOf, []int{run.ExitSnapshot}},
		{"standard output of COMMAND", []string{"--", "sh", "-c", "echo x; sleep 60"}, stdoutOf, []int{run.ExitSnapshot}},
		{"standard output", []string{"--", "true"}, stdoutOf, []int{run.ExitDone}},
		{"standard output with --json", []string{"--json", "--", "true"}, stdoutOf, []int{run.ExitInternal}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newSQLiteWorld(t, "")
			cmd := w.process(append([]string{"run"}, tt.args...)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, time.Second
			*tt.stream(cmd) = closedPipe(t)
			w.begin(t, cmd)
			code := ended(t, cmd, 5*time.Second)
			w.nothingHeld(t)
			w.isOver(t, code, tt.exits)
			if t.Failed() {
				t.Logf("%s\n%s", &stdout, &stderr)
			}
		})
	}
}

func stdoutOf(cmd *exec.Cmd) *io.Writer { return &cmd.Stdout }
func stderrOf(cmd *exec.Cmd) *io.Writer { return &cmd.Stderr }

// isOver fails the test unless the status is one of those, and the journal is closed.
func (w *sqliteWorld) isOver(t *testing.T, code int, want []int) {
	t.Helper()
	ok := false
	for _, exit := range want {
		ok = ok || code == exit
	}
	if !ok {
		t.Errorf("exit status %d, want one of %v", code, want)
	}
	got := w.command.run("status").want(t, run.ExitDone)
	if strings.Contains(got.stdout, "dead") {
		t.Errorf("the run did not come to its end:\n%s", got.stdout)
	}
}

// A standard error that nobody reads loses log lines, and delays nothing.
func TestStandardErrorIsNotRead(t *testing.T) {
	w := newSQLiteWorld(t, "")
	cmd := w.process("run", "--json", "--log-level", "debug", "--", "true")
	var stdout bytes.Buffer
	_, stderr := fullPipe(t)
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, stderr, time.Second
	w.begin(t, cmd)
	if code := ended(t, cmd, 5*time.Second); code != run.ExitDone {
		t.Errorf("exit status %d", code)
	}
	if r := reportIn(t, &stdout, &bytes.Buffer{}); r.Verdict != run.Application || r.QuiescedMS > 1000 {
		t.Errorf("verdict %q, quiesced for %v ms", r.Verdict, r.QuiescedMS)
	}
	w.nothingHeld(t)
}

// A standard output that nobody reads holds up COMMAND, but nothing beyond its time.
func TestStandardOutputIsNotRead(t *testing.T) {
	w := newSQLiteWorld(t, "timeout = 2\n")
	cmd := w.process("run", "--", "head", "-c", "1000000", "/dev/zero")
	reader, stdout := fullPipe(t)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	w.begin(t, cmd)
	w.held(t, "snapshot")
	eventually(t, 5*time.Second, "the database is given back", func() bool { return w.exec(t, "INSERT INTO orders DEFAULT VALUES") == nil })
	_ = stdout.Close()
	go func() { _, _ = io.Copy(io.Discard, reader) }() // it ends with the command
	if code := ended(t, cmd, 5*time.Second); code != run.ExitSnapshot {
		t.Errorf("exit status %d\n%s", code, &stderr)
	}
}
