//go:build linux

package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	_ "modernc.org/sqlite" // the driver "sqlite" of database/sql

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// The command line as a person sees it: testdata/script. The commands that the
// files have, besides those of testscript, are in scriptCommands. Directories are
// in memory, which no run freezes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", WorkdirRoot: memoryDir(t), Cmds: scriptCommands, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each command otherwise
			env.Setenv("STARHOST_CONFIG", filepath.Join(env.WorkDir, "workload.conf"))
			env.Setenv("STARHOST_STATE_DIR", filepath.Join(env.WorkDir, "state"))
			env.Setenv("STARHOST_RUNTIME_DIR", filepath.Join(env.WorkDir, "run"))
			return expandConfigs(env.WorkDir)
		},
	})
}

// expandConfigs replaces $WORK in the configs: connections are absolute.
func expandConfigs(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil {
		return err
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, bytes.ReplaceAll(text, []byte("$WORK"), []byte(dir)), 0o600)
		}
		if err == nil {
			err = os.Chmod(path, 0o600) // less is warned of
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scriptCommands are the commands of the files.
var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	// exits N PROGRAM ARG... runs a program, whose exit status must be N.
	"exits": func(ts *testscript.TestScript, _ bool, args []string) {
		want, err := strconv.Atoi(args[0])
		ts.Check(err)
		err, code := ts.Exec(args[1], args[2:]...), 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else {
			ts.Check(err)
		}
		if code != want {
			ts.Fatalf("exit status %d, want %d", code, want)
		}
		for _, out := range []string{"stdout", "stderr"} {
			if strings.Contains(ts.ReadFile(out), "goroutine ") {
				ts.Fatalf("the host panicked")
			}
		}
	},
	// sqlite FILE STATEMENT... executes statements, or, with !, wants each to fail.
	"sqlite": func(ts *testscript.TestScript, neg bool, args []string) {
		db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
		ts.Check(err)
		defer db.Close()
		for _, q := range args[1:] {
			if _, err := db.Exec(q); (err != nil) != neg {
				ts.Fatalf("%s: error %v", q, err)
			}
		}
	},
	// waitfor FILE... waits until the files are there.
	"waitfor": func(ts *testscript.TestScript, _ bool, args []string) {
		end := time.Now().Add(20 * time.Second)
		for _, name := range args {
			for !exists(ts.MkAbs(name)) {
				if time.Now().After(end) {
					ts.Fatalf("%s did not appear", name)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
	},
	// json PATH=VALUE... wants exactly one JSON object on standard output, with
	// these values; they are compared as text.
	"json": func(ts *testscript.TestScript, _ bool, args []string) {
		dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
		object := map[string]any{}
		ts.Check(dec.Decode(&object))
		if dec.More() {
			ts.Fatalf("there is more on standard output than one JSON object")
		}
		for _, arg := range args {
			path, want, _ := strings.Cut(arg, "=")
			if got := fmt.Sprint(valueAt(object, path)); got != want {
				ts.Fatalf("%s is %s, want %s", path, got, want)
			}
		}
	},
	// dead RUN WORKLOAD PATH writes the journal of a run that died with the
	// filesystem of PATH frozen.
	"dead": func(ts *testscript.TestScript, _ bool, args []string) {
		ts.Check(writeDeadRun(filepath.Join(ts.Getenv("STARHOST_STATE_DIR"), "runs"), args[0], args[1], args[2]))
	},
}

// valueAt returns what is at a path such as members.0.verdict.
func valueAt(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch c := v.(type) {
		case map[string]any:
			v = c[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(c) {
				return nil
			}
			v = c[i]
		default:
			return nil
		}
	}
	return v
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// writeDeadRun writes a journal without an end, of this boot, whose freeze has no
// result: nobody knows whether it was made.
func writeDeadRun(dir, run, workload, path string) error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	machine, _ := os.ReadFile("/etc/machine-id") // there may be none
	w, err := journal.Create(journal.OS{}, dir, run, time.Now)
	if err != nil {
		return err
	}
	frozen := action.FS{Device: "254:253", Mountpoint: path}
	thaw := frozen
	thaw.Thaw = true
	for _, r := range []journal.Record{
		{
			Type: journal.TypeBegin, Run: run, Boot: strings.TrimSpace(string(boot)), Machine: strings.TrimSpace(string(machine)), Version: "test",
			Deadline: time.Now().Add(time.Minute), Members: []journal.Member{{Workload: workload, Script: "sqlite.star", SHA256: "00"}},
		},
		{Type: journal.TypeIntent, Action: &action.Action{
			Op: action.Op{FS: &frozen}, Scope: action.ScopeBoot, Hold: "filesystem " + path, Undo: []action.Op{{FS: &thaw}}, UndoGiven: true,
		}},
	} {
		if _, err := w.Append(r, true); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

// Every verb can be learned from its help: an example of each, and the exit
// statuses of those that can fail in a way of their own.
func TestHelpOfEveryVerb(t *testing.T) {
	statuses := []string{"run", "pre", "post", "abort", "check", "plan", "status", "recover", "fmt", "lint", "install"}
	commands := newRoot(environment{getenv: os.Getenv}).Commands()
	for len(commands) > 0 {
		cmd := commands[0]
		commands = append(commands[1:], cmd.Commands()...)
		if cmd.Name() == "help" || cmd.Name() == "completion" || cmd.Parent().Name() == "completion" {
			continue
		}
		t.Run(cmd.CommandPath(), func(t *testing.T) { checkHelp(t, cmd, slices.Contains(statuses, cmd.Name())) })
	}
}

func checkHelp(t *testing.T, cmd *cobra.Command, statuses bool) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
	code := execute(environment{args: args, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }})
	if code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit status %d, %s", code, stderr.String())
	}
	help := stdout.String()
	wants := []string{cmd.Short, "Usage:\n  " + cmd.CommandPath(), "Examples:\n  " + cmd.CommandPath(), "--config FILE", "/etc/starhost/workload.conf"}
	if cmd.Long != "" {
		wants[0] = cmd.Long
	}
	if statuses {
		wants = append(wants, "Exit status: 0")
	}
	for _, text := range wants {
		if !strings.Contains(help, text) {
			t.Errorf("%q is not in\n%s", text, help)
		}
	}
}
