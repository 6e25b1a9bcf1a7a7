//go:build linux

package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// What a program did is undone by a program: after a failure, and at the end.
func TestProgramIsUndone(t *testing.T) {
	t.Parallel()
	const touch = `exec_as("LOGIN", ["/bin/sh", "-c", "echo x > DIR/made"], hold = "file", undo = undo.exec_as("LOGIN", ["/bin/rm", "DIR/made"]))
`
	for _, tt := range []struct {
		name, body string
		exit       int
	}{
		{"by the run itself", touch + "return {}", run.ExitDone},
		{"after an error of the script", touch + "fail(\"no\")", run.ExitPrescript},
		{"after a timeout", touch + "sleep(60)", run.ExitPrescript},
		{"after it failed half way", strings.Replace(touch, "made\"]", "made; exit 1\"]", 1), run.ExitPrescript},
		{"after it was killed half way", strings.Replace(touch, "made\"]", "made; sleep 600\"]", 1), run.ExitPrescript},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asUsers(t, func(t *testing.T, login string) {
				w := newExecWorld(t, login, tt.body)
				got := w.run(t).want(t, tt.exit)
				if exists(filepath.Join(w.dir, "made")) {
					t.Error("the file that the program made is still there")
				}
				actions := got.report.Members[0].Actions
				if last := actions[1]; last.Name != "exec_as" || !last.Undone || last.Hold != "file" || len(last.Undo) != 1 {
					t.Errorf("the report does not say that it was undone: %+v", last)
				}
				if len(got.report.Held) > 0 || got.took > tooLate {
					t.Errorf("held %q after %v", got.report.Held, got.took)
				}
			})
		})
	}
}

func TestExitCodeOfProgram(t *testing.T) {
	for _, tt := range []struct {
		name, call string
		exit       int
		says       string
	}{
		{"not ok", `exec_as("LOGIN", ["/bin/sh", "-c", "echo out; echo first >&2; echo last words >&2; exit 9"], undo = None)`, run.ExitPrescript, "sh ended with exit code 9: last words"},
		{"without errors on stderr", `exec_as("LOGIN", ["/bin/sh", "-c", "echo out; exit 9"], undo = None)`, run.ExitPrescript, "sh ended with exit code 9: out"},
		{"signal", `exec_as("LOGIN", ["/bin/sh", "-c", "kill -SEGV $$"], undo = None)`, run.ExitPrescript, "sh was ended by SIGSEGV"},
		{"ok", `exec_as("LOGIN", ["/bin/sh", "-c", "exit 9"], ok = [0, 9], undo = None)`, run.ExitDone, ""},
		{"tried", `try_exec_as("LOGIN", ["/bin/sh", "-c", "exit 9"], undo = None)`, run.ExitDone, ""},
		{"not there", `exec_as("LOGIN", ["/bin/rm", "DIR/none"], undo = None)`, run.ExitPrescript, "No such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asUsers(t, func(t *testing.T, login string) {
				got := newExecWorld(t, login, "return {\"code\": "+tt.call+".code}").run(t).want(t, tt.exit)
				if tt.exit == run.ExitDone {
					if before(got, "code") != "9" {
						t.Errorf("the script got code %s, want 9", before(got, "code"))
					}
					return
				}
				if e := got.report.Error; e.Kind != "script" || !strings.Contains(e.Message, tt.says) || len(e.Stack) == 0 {
					t.Errorf("error %+v, want %q with a stack", e, tt.says)
				}
			})
		})
	}
}

// A secret arrives at the program, and nowhere else, whatever the program says.
func TestSecretOfProgram(t *testing.T) {
	asUsers(t, func(t *testing.T, login string) {
		const call = `exec_as("LOGIN", ["/bin/sh", "-c", "line=$(cat); echo \"$line\"; echo \"$KEY\" >&2; [ \"$line\" = \"$KEY\" ] && printf %s \"$KEY\" | wc -c; exit CODE"], stdin = secret("key"), env = {"KEY": secret("key")}, undo = None)
`
		good := newExecWorld(t, login, strings.Replace("r = "+call, "CODE", "0", 1)+`print(r.stdout, r.stderr, secret("key"))
emit("said", out = r.stdout, err = r.stderr)
return {"stdout": r.stdout, "length": int(r.stdout.split("\n")[1].strip())}`)
		got := good.run(t).want(t, run.ExitDone)
		if before(got, "length") != strconv.Itoa(len(password)) {
			t.Errorf("the program got %s bytes, want %d", before(got, "length"), len(password))
		}
		if !strings.Contains(got.stderr, "***") {
			t.Errorf("the log does not show that something was blotted out:\n%s", got.stderr)
		}
		bad := newExecWorld(t, login, strings.Replace(call, "CODE", "5", 1))
		if got := bad.run(t).want(t, run.ExitPrescript); !strings.Contains(got.report.Error.Message, "code 5: ***") {
			t.Errorf("error %+v", got.report.Error)
		}
		missing := newExecWorld(t, login, `exec_as("LOGIN", ["/bin/sh"], stdin = secret("other"), undo = None)`)
		if got := missing.run(t).want(t, run.ExitPrescript); !strings.Contains(got.report.Error.Message, "secret.other = FILE") {
			t.Errorf("error %+v", got.report.Error)
		}
	})
}

// A program that is stuck in a write to a filesystem that somebody else froze
// cannot be killed. The run ends in time all the same, and leaves it behind.
func TestProgramStuckInTheKernel(t *testing.T) {
	f := testfs.New(t, "ext4", 0)
	path := filepath.Join(f.Dir, "stuck")
	w := newExecWorld(t, "root", `exec_as("root", ["/bin/sh", "-c", "echo x > `+path+`"], undo = None)`)
	f.Freeze(t)
	got := w.run(t).want(t, run.ExitPrescript)
	if got.took > tooLate || got.report.Error.Kind != "timeout" || len(got.report.Held) > 0 {
		t.Errorf("after %v: error %+v, held %q", got.took, got.report.Error, got.report.Held)
	}
	if survivors(t, path) == nil {
		t.Error("the program was not stuck: the test proves nothing")
	}
	if err := f.Thaw(); err != nil {
		t.Error(err)
	}
	eventually(t, 5*time.Second, "the program ends at the thaw", func() bool { return survivors(t, path) == nil })
}
