//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/run"
)

// lateness is how long a run may go on after it was asked to stop.
const lateness = time.Second

// sleeper is the bundled script for SQLite; each phase sleeps for as long as its
// setting says while the database is held.
const sleeper = `load("@starhost//sqlite.star", base = "SETTINGS", finish = "postscript", prove = "verify", quiesce = "prescript")
API = 1
SETTINGS = base | {"prescript": 0.001, "verify": 0.001, "postscript": 0.001}
def prescript(ctx):
    point = quiesce(ctx)
    sleep(ctx.settings["prescript"])
    return point
def verify(ctx):
    sleep(ctx.settings["verify"])
    prove(ctx)
def postscript(ctx):
    sleep(ctx.settings["postscript"])
    return finish(ctx)
`

// sqliteWorld is a workload of an SQLite database in memory.
type sqliteWorld struct {
	*command
	database string
}

// newSQLiteWorld makes one; more is the rest of the config, settings at its end.
func newSQLiteWorld(t *testing.T, more string) *sqliteWorld {
	t.Helper()
	database := filepath.Join(memoryDir(t), "orders.db")
	c := newCommand(t, "[workload \"orders\"]\nworkload_name = sqlite\nscript = sleeper.star\nconnection = sqlite://"+database+"\nfs_freeze = snapshot\n"+more)
	write(t, filepath.Join(c.dir, "sleeper.star"), sleeper)
	w := &sqliteWorld{c, database}
	if err := w.exec(t, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	return w
}

// exec executes a statement on a connection of its own, which does not wait.
func (w *sqliteWorld) exec(t *testing.T, query string) error {
	t.Helper()
	db, err := sql.Open("sqlite", w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), query)
	return err
}

// nothingHeld fails the test unless somebody else can write.
func (w *sqliteWorld) nothingHeld(t *testing.T) {
	t.Helper()
	if err := w.exec(t, "INSERT INTO orders DEFAULT VALUES"); err != nil {
		t.Errorf("the database is still locked: %v", err)
	}
}

// held waits until the run is in the phase, and holds the write lock.
func (w *sqliteWorld) held(t *testing.T, phase string) {
	t.Helper()
	eventually(t, 20*time.Second, "the "+phase+" holds the database", func() bool {
		for _, path := range journalsOf(t, w.command) {
			text, err := os.ReadFile(path)
			if err == nil && inPhase(string(text), phase) {
				return true
			}
		}
		return false
	})
	if w.exec(t, "INSERT INTO orders DEFAULT VALUES") == nil {
		t.Fatal("the database is not locked: the test proves nothing")
	}
}

// inPhase reports whether the last record but one that waits is of the phase: the
// sleep of the script, or the snapshot itself.
func inPhase(journal, phase string) bool {
	_, after, ok := strings.Cut(journal, `"phase":"`+phase+`"`)
	return ok && (phase == "snapshot" || strings.Contains(after, `"sleep":{"seconds":60`))
}

// start starts the command with its output in buffers.
func (w *sqliteWorld) start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	cmd = w.process(args...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = stdout, stderr, time.Second
	w.begin(t, cmd)
	return cmd, stdout, stderr
}

// begin starts cmd, which does not outlive the test.
func (w *sqliteWorld) begin(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// ended waits for the end of the command, and returns its status.
func ended(t *testing.T, cmd *exec.Cmd, within time.Duration) int {
	t.Helper()
	hang := time.AfterFunc(within+10*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	defer hang.Stop()
	begin := time.Now()
	_ = cmd.Wait() // the status says it
	if took := time.Since(begin); took > within {
		t.Errorf("the command ended after %v, want at most %v", took, within)
	}
	return cmd.ProcessState.ExitCode()
}

func reportIn(t *testing.T, stdout, stderr *bytes.Buffer) *run.Report {
	t.Helper()
	r := &run.Report{}
	if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
		t.Fatalf("report: %v\n%s\n%s", err, stdout, stderr)
	}
	return r
}

// A signal in any phase ends the run within a second, with nothing held.
func TestSignal(t *testing.T) {
	t.Parallel()
	phases := []struct {
		name, more string
		exit       int
		verdict    run.Verdict
	}{
		{"prescript", "[settings \"orders\"]\nprescript = 60\n", run.ExitPrescript, run.NoVerdict},
		{"snapshot", "", run.ExitSnapshot, run.NoVerdict},
		{"verify", "[settings \"orders\"]\nverify = 60\n", run.ExitVerdict, run.Filesystem},
		{"postscript", "[settings \"orders\"]\npostscript = 60\n", run.ExitPostscript, run.Application},
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT, syscall.SIGABRT} {
		for _, p := range phases {
			t.Run(fmt.Sprintf("%v in %s", s, p.name), func(t *testing.T) {
				w := newSQLiteWorld(t, p.more)
				snapshot, mark := "true", mark()
				if p.name == "snapshot" {
					snapshot = "sleep " + mark + " & sleep " + mark
				}
				cmd, stdout, stderr := w.start(t, "run", "--json", "--", "sh", "-c", snapshot)
				w.held(t, p.name)
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				code := ended(t, cmd, lateness)
				w.nothingHeld(t)
				r := reportIn(t, stdout, stderr)
				if code != p.exit || r.Exit != p.exit || r.Verdict != p.verdict || len(r.Held) > 0 {
					t.Errorf("exit status %d, report %d %q, held %q; want %d, %q and nothing", code, r.Exit, r.Verdict, r.Held, p.exit, p.verdict)
				}
				if r.Error == nil || r.Error.Kind != "aborted" || !strings.Contains(r.Error.Message, "aborted by signal: "+s.String()) {
					t.Errorf("error %+v, want aborted by %v", r.Error, s)
				}
				if left := survivors(t, mark); left != nil {
					t.Errorf("the snapshot command goes on: %q", left)
				}
			})
		}
	}
}

// SIGUSR1 says that the snapshot was taken by somebody else.
func TestSnapshotTakenBySignal(t *testing.T) {
	t.Parallel()
	w := newSQLiteWorld(t, "")
	cmd := w.process("run", "--json")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	w.begin(t, cmd)
	w.held(t, "snapshot")
	if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if code := ended(t, cmd, lateness); code != run.ExitDone {
		t.Errorf("exit status %d\n%s\n%s", code, &stdout, &stderr)
	}
	w.nothingHeld(t)
	if r := reportIn(t, &stdout, &stderr); r.Verdict != run.Application {
		t.Errorf("verdict %q, error %+v", r.Verdict, r.Error)
	}
}

// Events are followed until an interrupt, which is no error.
func TestFollowEvents(t *testing.T) {
	w := newSQLiteWorld(t, "")
	w.command.run("run", "--", "true").want(t, run.ExitDone)
	cmd := w.process("events", "--follow", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.begin(t, cmd)
	lines := bufio.NewReader(stdout)
	waitForVerdict(t, lines) // of the first run
	w.command.run("run", "--", "false").want(t, run.ExitSnapshot)
	if line := waitForVerdict(t, lines); !strings.Contains(line, `"exit":4`) {
		t.Errorf("got %s, want the verdict of the second run", line)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("then %q, %v", rest, err)
	}
	if code := ended(t, cmd, lateness); code != run.ExitDone {
		t.Errorf("exit status %d", code)
	}
}

// waitForVerdict returns the next event that is the verdict of a run.
func waitForVerdict(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal("the events ended: ", err)
		}
		if strings.Contains(line, `"type":"starhost.verdict"`) {
			return line
		}
	}
}
