//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// tooLate is when a run whose prescript_timeout is a second must be over, on a
// busy machine. What it runs would take ten minutes.
const tooLate = 5 * time.Second

var marks atomic.Int64

// mark returns an argument for sleep(1) that no other process has.
func mark() string { return fmt.Sprintf("600.%d%04d", os.Getpid(), marks.Add(1)) }

// survivors returns the command lines that have the mark in them.
func survivors(t testing.TB, mark string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(mark)) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

// execWorld is a workload without a connection, whose script runs programs.
type execWorld struct {
	*command
	login string // who starhost and the programs of the script are
	uid   uint32
}

// newExecWorld writes a script whose prescript is body; LOGIN in it is the user,
// DIR the folder.
func newExecWorld(t *testing.T, login, body string) *execWorld {
	t.Helper()
	u, err := user.Lookup(login)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	c := newCommand(t, strings.ReplaceAll(`[workload "programs"]
workload_name = custom
script = x.star
fs_freeze = snapshot
prescript_timeout = 1
secret.key = PASSWORD_FILE
exec_as =
	LOGIN: /bin/sh
	LOGIN: /bin/rm
`, "LOGIN", login))
	w := &execWorld{c, login, uint32(uid)}
	text := "API = 1\ndef prescript(ctx):\n    freeze()\n    " + strings.ReplaceAll(body, "\n", "\n    ") +
		"\ndef verify(ctx):\n    pass\n"
	write(t, filepath.Join(c.dir, "x.star"), strings.NewReplacer("LOGIN", login, "DIR", c.dir).Replace(text))
	w.give(t)
	return w
}

// give gives the files to the user.
func (w *execWorld) give(t *testing.T) {
	t.Helper()
	if int(w.uid) == os.Getuid() {
		return
	}
	err := os.Chmod(filepath.Dir(w.dir), 0o755)
	for _, path := range []string{w.dir, w.runtimeDir, w.config, filepath.Join(w.dir, "x.star"), filepath.Join(w.dir, "password")} {
		err = errors.Join(err, os.Chown(path, int(w.uid), -1))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// run leads a run as the user.
func (w *execWorld) run(t *testing.T) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := w.process("run", "--json", "--", "/bin/true")
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = w.dir, &stdout, &stderr, time.Second
	if int(w.uid) != os.Getuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: w.uid, Gid: w.uid}}
	}
	start := time.Now()
	err := cmd.Run()
	o := outcome{exit: cmd.ProcessState.ExitCode(), took: time.Since(start), stdout: stdout.String(), stderr: stderr.String(), report: &run.Report{}}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err) // something kept the streams of the command open
	}
	if err := json.Unmarshal(stdout.Bytes(), o.report); err != nil {
		t.Fatalf("report: %v\n%s\n%s", err, o.stdout, o.stderr)
	}
	if where := secretIn(o.stdout + o.stderr); where != "" {
		t.Errorf("the password is in the output: %s", where)
	}
	return o
}

// asUsers runs a test as who we are and, if we are root, as nobody.
func asUsers(t *testing.T, test func(t *testing.T, login string)) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	logins := []string{me.Username}
	if os.Getuid() == 0 {
		logins = append(logins, "nobody")
	}
	for _, login := range logins {
		t.Run(login, func(t *testing.T) { t.Parallel(); test(t, login) })
	}
}

// before is what the prescript returned, as text.
func before(o outcome, key string) string {
	return o.report.Members[0].RecoveryPoint.Before.Get(key).String()
}

// unruly are programs that do what programs should not. None hangs the run or
// outlives it. MARK is in the command line of whatever they leave behind.
var unruly = []struct {
	name, program, more string
	hangs               bool // the program does not end by itself
}{
	{"ignores SIGTERM", `trap "" TERM INT HUP; while :; do sleep MARK; done`, "", true},
	{"forks", `sleep MARK & sleep MARK & exit 0`, "", false},
	{"forks and waits", `sleep MARK & sleep MARK & wait`, "", true},
	{"double fork in its own session", `(setsid sh -c "trap \"\" TERM; sleep MARK & sleep MARK" &); exit 0`, "", false},
	{"double fork and waits", `(setsid sh -c "sleep MARK & sleep MARK" &); sleep MARK`, "", true},
	{"closes its output", `exec >&- 2>&-; sleep MARK`, "", true},
	{"leaves its output open", `setsid sleep MARK & exit 0`, "", false},
	{"does not read", `exit 0`, `, stdin = "x" * 300000`, false},
	{"does not read and waits", `sleep MARK`, `, stdin = "x" * 300000`, true},
	{"writes without end", `while :; do echo MARK; done`, "", true},
	{"stops itself", `kill -STOP $$; sleep MARK`, "", true},
}

func TestUnrulyProgram(t *testing.T) {
	t.Parallel()
	for _, tt := range unruly {
		t.Run(tt.name, func(t *testing.T) {
			asUsers(t, func(t *testing.T, login string) {
				mark := mark()
				w := newExecWorld(t, login, fmt.Sprintf("exec_as(\"LOGIN\", [\"/bin/sh\", \"-c\", %s], undo = None%s)",
					quoted(strings.ReplaceAll(tt.program, "MARK", mark)), tt.more))
				got := w.run(t)
				if tt.hangs {
					got.want(t, run.ExitPrescript)
					if got.report.Error.Kind != "timeout" || !strings.Contains(got.report.Error.Message, "prescript") {
						t.Errorf("error %+v, want that of the prescript's timeout", got.report.Error)
					}
				} else {
					got.want(t, run.ExitDone)
				}
				if got.took > tooLate {
					t.Errorf("the run took %v", got.took)
				}
				eventually(t, time.Second, "everything it started is gone", func() bool { return survivors(t, mark) == nil })
			})
		})
	}
}

// quoted is text as a Starlark string.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

func TestOutputOfProgram(t *testing.T) {
	asUsers(t, func(t *testing.T, login string) {
		const body = `r = exec_as("LOGIN", ["/bin/sh", "-c", "head -c SIZE /dev/zero | tr '\\0' x; head -c SIZE /dev/zero | tr '\\0' y >&2"], undo = None)
return {"stdout": len(r.stdout), "stderr": len(r.stderr), "truncated": r.truncated}`
		for size, want := range map[string]string{"200000": "200000 200000 False", "1000000": "262144 262144 True"} {
			got := newExecWorld(t, login, strings.ReplaceAll(body, "SIZE", size)).run(t).want(t, run.ExitDone)
			if said := before(got, "stdout") + " " + before(got, "stderr") + " " + before(got, "truncated"); !strings.EqualFold(said, want) {
				t.Errorf("of %s bytes the script got %s, want %s", size, said, want)
			}
		}
	})
}

func TestProgramThatIsNotAllowed(t *testing.T) {
	asUsers(t, func(t *testing.T, login string) {
		for _, tt := range []struct{ login, path string }{{"daemon", "/bin/sh"}, {login, "/bin/cat"}} {
			w := newExecWorld(t, login, fmt.Sprintf("exec_as(%q, [%q, \"DIR/marker\"], undo = None)", tt.login, tt.path))
			got := w.run(t).want(t, run.ExitPrescript)
			line := fmt.Sprintf("add the line %q to exec_as", tt.login+": "+tt.path)
			if got.report.Error.Kind != "refused" || !strings.Contains(got.report.Error.Message, line) {
				t.Errorf("error %+v, want refused with %s", got.report.Error, line)
			}
		}
	})
}

// A program has the user's ids and groups, and nothing of our environment.
func TestProgramRunsAsItsUser(t *testing.T) {
	testfs.RequireRoot(t)
	w := newExecWorld(t, "nobody", `r = exec_as("nobody", ["/bin/sh", "-c", "id -u; id -g; id -G; env; grep CapEff /proc/self/status"], undo = None)
return {"stdout": r.stdout}`)
	w.uid = 0 // starhost itself
	for _, path := range []string{w.config, filepath.Join(w.dir, "x.star"), w.dir, w.runtimeDir, filepath.Join(w.dir, "password")} {
		if err := os.Chown(path, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{"OURS=1"}
	said := before(w.run(t).want(t, run.ExitDone), "stdout")
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := nobody.GroupIds()
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.Join([]string{nobody.Uid, nobody.Gid, strings.Join(groups, " ")}, `\n`) + `\n`
	if !strings.Contains(said, ids) || !strings.Contains(said, "USER=nobody") || !strings.Contains(said, "0000000000000000") {
		t.Errorf("the program says %s, want ids %s", said, ids)
	}
	if strings.Contains(said, "OURS") {
		t.Errorf("the program has our environment: %s", said)
	}
}
