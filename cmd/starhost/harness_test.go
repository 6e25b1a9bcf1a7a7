//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest"
)

// asCommand makes the test program the real command, with faults if asked for.
const asCommand = "STARHOST_TEST_COMMAND"

func TestMain(m *testing.M) {
	starhost.Init(scripttest.Job())
	if os.Getenv(asCommand) != "" {
		_ = os.Unsetenv(asCommand)
		code := execute(environment{
			args: asHook(os.Args), stdin: os.Stdin, stdout: ownOutput(), stderr: os.Stderr, getenv: os.Getenv, wrap: faultFromEnv(),
			observe: deathFromEnv(),
		})
		noteStatus()
		os.Exit(code)
	}
	// Without the option a program with the race detector waits for a second at its end.
	// Whatever a test starts inherits it; for ourselves it is too late.
	_ = os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	// The tests that run beside each other wait for servers and deadlines most of the time.
	_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	testscript.Main(m, map[string]func(){"starhost": main})
}

// statusTo names the file that the command writes /proc/self/status to at its very end:
// its peak of memory. Whoever started it knows only a peak that may be its own, because
// a program that is executed inherits one.
const statusTo = "STARHOST_TEST_STATUS"

func noteStatus() {
	if path := os.Getenv(statusTo); path != "" {
		text, _ := os.ReadFile("/proc/self/status")
		_ = os.WriteFile(path, text, 0o600) // a test that misses it fails
	}
}

// password is that of the user our runs log in as. It must be seen nowhere.
const password = `Tr0ub4dor"&3 of %s`

// command is a place to run the real command from: a config, a state directory
// and a runtime directory on tmpfs.
type command struct {
	t                    testing.TB
	dir, config          string
	stateDir, runtimeDir string
	program              string // what is run: this program, or one built without the race detector
	env                  []string
	stdin                *os.File
}

// newCommand writes the config; PASSWORD_FILE in it is the path of a file with
// the password.
func newCommand(t testing.TB, config string) *command {
	t.Helper()
	c := &command{t: t, dir: filepath.Join(memoryDir(t), "home"), runtimeDir: memoryDir(t), program: thisProgram}
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.config, c.stateDir = filepath.Join(c.dir, "workload.conf"), filepath.Join(c.dir, "state")
	passwordFile := filepath.Join(c.dir, "password")
	write(t, passwordFile, password+"\n")
	write(t, c.config, strings.ReplaceAll(config, "PASSWORD_FILE", passwordFile))
	t.Cleanup(c.checkNoPassword)
	return c
}

// memoryDir returns a directory on tmpfs, which no test freezes, and where nothing is
// late because others keep the disk busy.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "starhost-test-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outcome is how one command ended.
type outcome struct {
	exit           int
	report         *run.Report // with --json
	stdout, stderr string
	took           time.Duration
}

// process starts the command.
func (c *command) process(args ...string) *exec.Cmd {
	cmd := exec.Command(c.program, append([]string{
		"--config", c.config, "--state-dir", c.stateDir, "--runtime-dir", c.runtimeDir,
	}, args...)...)
	cmd.Env = append(append(os.Environ(), asCommand+"=1"), c.env...)
	if c.stdin != nil {
		cmd.Stdin = c.stdin
	}
	return cmd
}

// run runs the command to its end, which must come within a minute.
func (c *command) run(args ...string) outcome {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := c.process(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	hang := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	err := cmd.Wait()
	hang.Stop()
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	exit := (*exec.ExitError)(nil)
	switch {
	case errors.As(err, &exit):
		o.exit = exit.ExitCode()
	case err != nil:
		c.t.Fatalf("%v: %v\n%s", args, err, o.stderr)
	}
	if strings.HasPrefix(o.stdout, "{") {
		o.report = &run.Report{}
		if err := json.Unmarshal(stdout.Bytes(), o.report); err != nil {
			c.t.Fatalf("report of %v: %v\n%s", args, err, o.stdout)
		}
	}
	if where := secretIn(o.stdout + o.stderr); where != "" {
		c.t.Errorf("the password is in the output of %v: %s", args, where)
	}
	return o
}

// want fails the test unless the command ended with that status.
func (o outcome) want(t testing.TB, exit int) outcome {
	t.Helper()
	if o.exit != exit {
		t.Fatalf("exit status %d, want %d\n%s\n%s", o.exit, exit, o.stdout, o.stderr)
	}
	return o
}

// checkNoPassword looks for the password in everything that was written.
func (c *command) checkNoPassword() {
	for _, dir := range []string{c.stateDir, c.runtimeDir} {
		noPasswordBelow(c.t, dir)
	}
}

// forget removes what runs have left, after a look for the password: with hundreds of
// runs in a test, reading the old journals would take longer than a run.
func (c *command) forget() {
	c.t.Helper()
	c.checkNoPassword()
	if err := os.RemoveAll(c.stateDir); err != nil {
		c.t.Fatal(err)
	}
}

func noPasswordBelow(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if where := secretIn(string(text)); where != "" {
			t.Errorf("the password is in %s: %s", path, where)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// secretIn returns where the password stands in text, in any form, or "".
func secretIn(text string) string {
	for _, part := range []string{"Tr0ub4dor", `&3 of %s`} {
		if i := strings.Index(text, part); i >= 0 {
			return text[max(0, i-60):min(len(text), i+60)]
		}
	}
	return ""
}

// eventually polls until ok says yes; what is expected is in what.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", within, what)
		case <-tick.C:
		}
	}
}

// config is a config for one workload of a server that is reached by a socket.
func configFor(workload, scheme, socket, more string) string {
	return fmt.Sprintf("[workload \"orders\"]\nworkload_name = %s\nconnection = %s://starhost@localhost/?socket=%s\npassword_file = PASSWORD_FILE\n%s",
		workload, scheme, socket, more)
}
