//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

const (
	// inProcessDir is where the copy of this test finds the config of its run.
	inProcessDir = "STARHOST_TEST_IN_PROCESS"
	// inProcessMemory is how much data the copy may have besides what it begins with: for
	// the machine's sake, and four times what a worker may have.
	inProcessMemory = 1 << 30
)

// harmful are bombs that the process which runs the interpreter does not survive, or
// that it has no end for.
var harmful = []string{"freeze_dag", "list_repeat_16g", "string_join", "string_replace", "tuple_repeat", "zip_many"}

// The same bombs in a run whose scripts are in its process: it dies while the server is
// locked, or does not end. That is what the worker is for, and shows that
// TestBombsWhileLocked can fail.
func TestBombsInProcess(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{})
	w := &blast{observer: observe(t, server)}
	harm := 0
	for _, b := range bombs(t) {
		if !slices.Contains(harmful, b.name) {
			continue
		}
		flushed := w.counter("COM_FLUSH")
		what := inProcess(t, b.command(t, server))
		t.Logf("%s %s", b.name, what)
		if what != "" {
			harm++
		}
		if flushed = w.counter("COM_FLUSH") - flushed; flushed != 1 && !b.loading {
			t.Errorf("%s: the server was locked %d times", b.name, flushed)
		}
		w.nothingHeld(b.name) // the server ends the sessions of who is gone
	}
	if harm < 5 {
		t.Errorf("only %d did harm", harm)
	}
}

// inProcess returns what harm a bomb does to the run, and the process of it.
func inProcess(t *testing.T, c *command) string {
	t.Helper()
	took, _ := bombLimits()
	ctx, cancel := context.WithTimeout(t.Context(), took+time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestInProcess$")
	cmd.Env = append(os.Environ(), inProcessDir+"="+c.dir, "GOTRACEBACK=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case ctx.Err() != nil:
		return "hangs"
	case err != nil && strings.Contains(text, "--- FAIL"):
		t.Fatalf("the copy failed: %s", text)
	case err != nil:
		line, _, _ := strings.Cut(text, "\n")
		return fmt.Sprintf("dies: %v: %s", err, line)
	}
	t.Logf("survived: %.200s", text)
	return ""
}

// TestInProcess is the copy: it ends well if the bomb did no harm to it.
func TestInProcess(t *testing.T) {
	dir := os.Getenv(inProcessDir)
	if dir == "" {
		t.Skip("is for TestBombsInProcess")
	}
	limit := memoryOf(t, "/proc/self/status", "VmData:") + inProcessMemory
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(filepath.Join(dir, "workload.conf"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := starhost.Run(t.Context(), starhost.Options{
		Config: file, StateDir: filepath.Join(dir, "state"), RuntimeDir: filepath.Join(dir, "run"), InProcess: true,
		Snapshot: func(context.Context, run.Snapshot) error { return nil },
	})
	fmt.Println(report, err)
}
