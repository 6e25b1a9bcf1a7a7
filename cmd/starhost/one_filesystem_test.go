//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// freezer is a workload that freezes a filesystem and does nothing else.
func freezer(t *testing.T, name, dir, more string) *command {
	t.Helper()
	c := newCommand(t, "[workload \""+name+"\"]\nworkload_name = freezer\nscript = freezer.star\nrequire = filesystem\n"+more)
	write(t, filepath.Join(c.dir, "freezer.star"), "API = 1\n\ndef prescript(ctx):\n    freeze(\""+dir+"\")\n")
	return c
}

// holding starts a run that is held until the function is called, which returns its status.
func (c *command) holding() (pid int, release func() int) {
	c.t.Helper()
	marker, over := filepath.Join(c.dir, "frozen"), filepath.Join(c.dir, "over")
	cmd := c.process("run", "--", "sh", "-c", "touch "+marker+"; until test -e "+over+"; do sleep 0.02; done")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(c.t, 10*time.Second, "the snapshot command runs", func() bool { _, err := os.Stat(marker); return err == nil })
	return cmd.Process.Pid, func() int {
		if err := os.WriteFile(over, nil, 0o600); err != nil {
			c.t.Fatal(err)
		}
		_ = cmd.Wait() // the status says it
		return cmd.ProcessState.ExitCode()
	}
}

// Two workloads of two configurations lie on one filesystem. While a run has it another
// one is refused, also when a stranger has thawed it, and does not thaw it under the first.
func TestOneRunHasAFilesystem(t *testing.T) {
	t.Parallel()
	fs := testfs.New(t, "xfs", 0)
	first := freezer(t, "orders", fs.Dir, "")
	second := freezer(t, "payments", fs.Dir, "")
	second.runtimeDir = first.runtimeDir
	_, release := first.holding()
	refused := func(exit int, verdict run.Verdict, says string) {
		t.Helper()
		got := second.run("run", "--json", "--", "true").want(t, exit)
		if got.report.Verdict != verdict || got.report.FrozenMS > 0 || !strings.Contains(got.report.Error.Message+got.stderr, says) {
			t.Errorf("verdict %s, frozen for %v ms, error %+v; want one that says %q", got.report.Verdict, got.report.FrozenMS, got.report.Error, says)
		}
	}
	refused(run.ExitVerdict, run.Crash, "frozen by somebody else")
	stillFrozen(t, fs, "after the other run was refused")
	if err := fs.Thaw(); err != nil {
		t.Fatal(err)
	}
	refused(run.ExitPrescript, run.NoVerdict, "in use by run")
	if exit := release(); exit != run.ExitVerdict {
		t.Errorf("a stranger has thawed it, and the first run ended with %d", exit)
	}
	got := second.run("run", "--json", "--", "true").want(t, run.ExitDone) // it is free now
	if got.report.Verdict != run.Filesystem {
		t.Errorf("verdict %s", got.report.Verdict)
	}
	if err := testfs.CanWrite(t, fs.Dir, 5*time.Second); err != nil {
		t.Error(err)
	}
}
