//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/run"
)

// unitLine returns the value of a key that is once in the unit.
func unitLine(t *testing.T, unit, key string) string {
	t.Helper()
	all := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1)
	if len(all) != 1 {
		t.Fatalf("%s is there %d times, want once", key, len(all))
	}
	return all[0][1]
}

func recoverUnit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "packaging/systemd/starhost-recover.service"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// systemd takes the unit without a word, with a program that is there.
func TestUnitIsValid(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := recoverUnit(t)
	program, _, _ := strings.Cut(unitLine(t, unit, "ExecStart"), " ")
	unit = strings.ReplaceAll(unit, "="+program+" ", "="+self+" ")
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{{"as it is", unit, true}, {"with a word that is none", strings.Replace(unit, "[Install]", "NoSuchKey=1\n[Install]", 1), false}} {
		path := filepath.Join(t.TempDir(), "starhost-recover.service")
		write(t, path, tt.text)
		said, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput()
		if ok := err == nil && len(said) == 0; ok != tt.ok {
			t.Errorf("%s: %v\n%s", tt.name, err, said)
		}
	}
}

// The unit starts if there is anything that a run can have been about: a configuration,
// or Azure's of a pair of scripts alone.
func TestUnitStartsWithEitherConfiguration(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	conditions := regexp.MustCompile(`(?m)^Condition.*$`).FindAllString(recoverUnit(t), -1)
	for _, tt := range []struct {
		name, file string
		starts     bool
	}{
		{"nothing", "", false},
		{"a configuration", platform.AzureMovedWorkload, true},
		{"a pair of scripts", platform.AzureMovedScripts, true},
		{"another file", "/etc/starhost/other.conf", false},
	} {
		dir := t.TempDir()
		if tt.file != "" {
			write(t, filepath.Join(dir, filepath.Base(tt.file)), "x")
		}
		args := []string{"condition"}
		for _, c := range conditions {
			args = append(args, strings.ReplaceAll(c, "/etc/starhost", dir))
		}
		said, err := exec.Command(analyze, args...).CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if starts := err == nil; starts != tt.starts {
			t.Errorf("%s: it starts: %t\n%s", tt.name, starts, said)
		}
	}
}

// What an undo leaves running outlives the unit.
func TestUnitKillsNobody(t *testing.T) {
	if got := unitLine(t, recoverUnit(t), "KillMode"); got != "process" {
		t.Errorf("KillMode=%s kills the database that an undo has started", got)
	}
}

// What the unit calls ends with a status that it takes for success exactly if nothing
// is held any more.
func TestUnitAcceptsWhatIsDone(t *testing.T) {
	unit := recoverUnit(t)
	accepted := append(strings.Fields(unitLine(t, unit, "SuccessExitStatus")), "0")
	args := strings.Fields(unitLine(t, unit, "ExecStart"))[1:]
	w := newExecWorld(t, "root", "exec_as(\"root\", [\"/bin/sh\", \"-c\", \"echo x > DIR/made\"], hold = \"file\", undo = undo.exec_as(\"root\", [\"/bin/rm\", \"DIR/made\"]))")
	for _, tt := range []struct {
		name    string
		prepare func()
		exit    int
		ok      bool
	}{
		{"nothing to do", func() {}, run.ExitNothing, true},
		{"a run died", func() { killedWhileFrozen(t, w.command) }, run.ExitDone, true},
		{"a run died, then a boot", func() { killedWhileFrozen(t, w.command); bootSince(t, w.command) }, run.ExitHeld, false},
	} {
		tt.prepare()
		got := w.command.run(args...).want(t, tt.exit)
		if ok := slices.Contains(accepted, strconv.Itoa(got.exit)); ok != tt.ok {
			t.Errorf("%s: status %d is taken for success: %t", tt.name, got.exit, ok)
		}
	}
	w.command.run(append(args, "--same-disks")...).want(t, run.ExitDone)
}
