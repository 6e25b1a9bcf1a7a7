//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/run"
)

// said is what a caller says in one call: arguments and variables of the environment.
type said struct{ args, env []string }

func words(list ...string) said   { return said{args: list} }
func inEnv(list ...string) said   { return said{env: list} }
func (s said) with(e string) said { return said{s.args, append(slices.Clone(s.env), e)} }

// calls is what a caller says before and after its snapshot, and when there is none;
// abort is nil where it has no word for that.
type calls struct {
	pre, post said
	abort     *said
}

// contracts are the calls as the callers make them. One that is missing fails the test.
var contracts = map[string]calls{
	"azure":     {words("pre"), words("post"), new(words("abort"))},
	"qemu-ga":   {words("freeze"), words("thaw"), new(words("abort"))},
	"vmware":    {words("freeze"), words("thaw"), new(words("freezeFail"))},
	"gcp":       {words("pre", "0/1,0/2"), words("post", "0/1,0/2"), new(words("abort"))},
	"aws":       {words("pre-script", "3b9b7a76"), words("post-script", "3b9b7a76"), nil},
	"velero":    {words("freeze"), words("thaw"), new(words("abort"))},
	"kanister":  {words("freeze"), words("thaw"), new(words("abort"))},
	"zrepl":     {inEnv("ZREPL_HOOKTYPE=pre_snapshot", "ZREPL_FS=tank/db", "ZREPL_SNAPNAME=x", "ZREPL_DRYRUN=", "ZREPL_TIMEOUT=30"), inEnv("ZREPL_HOOKTYPE=post_snapshot", "ZREPL_TIMEOUT=30"), nil},
	"sanoid":    {inEnv("SANOID_SCRIPT=pre", "SANOID_TARGETS=tank/db"), inEnv("SANOID_SCRIPT=post", "SANOID_PRE_FAILURE=0"), new(inEnv("SANOID_SCRIPT=post", "SANOID_PRE_FAILURE=1"))},
	"borgmatic": {words("freeze"), words("thaw"), new(words("abort"))},
	"proxmox":   {words("pre-stop", "snapshot", "101"), words("pre-restart", "snapshot", "101"), new(words("backup-abort", "snapshot", "101"))},
	"snapper":   {words("create-snapshot-pre", "/", "btrfs", "42"), words("create-snapshot-post", "/", "btrfs", "42"), nil},
}

// The exit statuses that callers are promised; those of aws are its own.
const (
	okay = iota
	nothing
	misused
	preFailed
	expired
	busyElsewhere
	notReady
)

func promised(caller string, what int) int {
	if caller == "aws" {
		return [...]int{0, 205, 206, 201, 203, 206, 206}[what]
	}
	return [...]int{0, 0, 2, 3, 5, 8, 3}[what]
}

// hookWorld is a workload of an SQLite database in memory, and who calls for it.
type hookWorld struct {
	*sqliteWorld
	caller string
	calls
}

// hookedScript is the bundled script for SQLite. It can be slow, or fail, and its
// recovery point shows what the caller has said.
const hookedScript = `load("@starhost//sqlite.star", base = "SETTINGS", finish = "postscript", prove = "verify", quiesce = "prescript")
API = 1
SETTINGS = base | {"slow": 0.001, "slow_post": 0.001, "fails": False}
def prescript(ctx):
    point = quiesce(ctx)
    sleep(ctx.settings["slow"])
    if ctx.settings["fails"]:
        fail("as it was told")
    return {"params": ctx.params, "database": point, "data_version": point["data_version"]}
def verify(ctx):
    prove(ctx)
def postscript(ctx):
    sleep(ctx.settings["slow_post"])
    return finish(ctx)
`

// newHookWorld makes one; more are keys of the workload, settings those of the script.
func newHookWorld(t *testing.T, caller, more, settings string) *hookWorld {
	t.Helper()
	calls, ok := contracts[caller]
	if !ok {
		t.Fatalf("%s has no contract here: say how it calls", caller)
	}
	database := filepath.Join(memoryDir(t), "orders.db")
	c, err := platform.Lookup(caller)
	if err != nil {
		t.Fatal(err)
	}
	if c.Freezes == platform.FreezeUs { // the others see to filesystems by themselves
		more += "fs_freeze = snapshot\n"
	}
	s := &sqliteWorld{newSupervised(t, "[workload \"orders\"]\nworkload_name = sqlite\nscript = hooked.star\nconnection = sqlite://"+database+"\n"+
		more+"\n[settings \"orders\"]\n"+settings), database}
	write(t, filepath.Join(s.dir, "hooked.star"), hookedScript)
	if err := s.exec(t, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	s.plainly(!slices.Contains(withRace, caller))
	return &hookWorld{s, caller, calls}
}

// withRace are callers of each kind, whose processes have the race detector. The code is
// the same for all, so the others do without.
var withRace = []string{"aws", "qemu-ga", "zrepl"}

// hook is the call by a link, as a caller makes it. No flag of ours is
// among the arguments, but for those in flags.
func (w *hookWorld) hook(s said, flags ...string) *exec.Cmd {
	cmd := exec.Command(w.program)
	cmd.Args = append(append([]string{"/usr/local/lib/starhost/starhost-" + w.caller}, flags...), s.args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "STARHOST_CONFIG="+w.config, "STARHOST_STATE_DIR="+w.stateDir, "STARHOST_RUNTIME_DIR="+w.runtimeDir)
	cmd.Env = append(cmd.Env, s.env...)
	cmd.Dir = "/"
	return cmd
}

// answered is what a caller got.
type answered struct {
	exit   int
	stderr string
	took   time.Duration
	report struct {
		run.Report
		Caller callerReport `json:"caller"`
	}
}

// call calls the hook and waits for its answer and the end of its output.
func (w *hookWorld) call(t *testing.T, s said, flags ...string) answered {
	t.Helper()
	cmd := w.hook(s, flags...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, 20*time.Second
	start := time.Now()
	err := cmd.Run()
	a := answered{exit: cmd.ProcessState.ExitCode(), stderr: stderr.String(), took: time.Since(start)}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", w.caller, s, err)
	}
	if slices.Contains(flags, "--json") {
		if err := json.Unmarshal(stdout.Bytes(), &a.report); err != nil {
			t.Fatalf("%s %v: %v: %s\n%s", w.caller, s, err, stdout.String(), a.stderr)
		}
	} else if stdout.Len() > 0 {
		t.Errorf("%s %v says on standard output: %s", w.caller, s, stdout.String())
	}
	return a
}

// wants calls the hook, which must end with what is promised for that.
func (w *hookWorld) wants(t *testing.T, what int, s said, flags ...string) answered {
	t.Helper()
	a := w.call(t, s, flags...)
	if want := promised(w.caller, what); a.exit != want {
		t.Fatalf("%s %v ended with %d, want %d\n%s", w.caller, s, a.exit, want, a.stderr)
	}
	if a.exit != 0 && !strings.HasPrefix(a.stderr, "starhost: ") && strings.Count(a.stderr, "\n") > 3 {
		t.Errorf("%s %v says more than a caller shows: %s", w.caller, s, a.stderr)
	}
	return a
}

// locked reports whether somebody else can not write.
func (w *hookWorld) locked(t *testing.T) bool {
	return w.exec(t, "INSERT INTO orders DEFAULT VALUES") != nil
}

// quiesced fails the test unless a supervisor holds the database.
func (w *hookWorld) quiesced(t *testing.T) {
	t.Helper()
	if locked := w.locked(t); !locked || len(w.sockets()) != 1 {
		t.Fatalf("the database is locked: %v, by the supervisors at %v", locked, w.sockets())
	}
}

// slow waits until the prescript of that many runs sleeps, or has.
func (w *hookWorld) slow(t *testing.T, runs int) {
	t.Helper()
	eventually(t, 20*time.Second, "the prescript sleeps", func() bool {
		n := 0
		for _, path := range journalsOf(t, w.command) {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), `"sleep":{"seconds":60`) {
				n++
			}
		}
		return n >= runs
	})
	if !w.locked(t) {
		t.Fatal("the database is not locked: the test proves nothing")
	}
}

// free fails the test if anything is held.
func (w *hookWorld) free(t *testing.T, when string) {
	t.Helper()
	if w.locked(t) {
		t.Errorf("the database is still locked %s", when)
	}
	eventually(t, 5*time.Second, "supervisors end "+when, func() bool { return len(w.sockets()) == 0 })
}

// sockets are those of supervisors that hold something. That their processes end is
// looked at when the test does.
func (w *hookWorld) sockets() []string {
	list, _ := filepath.Glob(filepath.Join(w.runtimeDir, "pre", "*.sock"))
	return list
}

// eachCaller runs a test for every caller that there is.
func eachCaller(t *testing.T, test func(t *testing.T, caller string)) {
	for _, name := range platform.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}
