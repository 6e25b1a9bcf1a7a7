//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/event"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// home is a window whose filesystem holds everything but the runtime directory: the
// data of the server, the configuration, the state directory, the working directory
// of the command, and the files that its standard output and standard error go to.
type home struct {
	*window
	c     *command
	marks string // on tmpfs: what a snapshot command and the test tell each other
	// out and log are open from the beginning: no file can be made while it is frozen.
	out, log map[string]*os.File
}

// newHome makes one. A server is dear, so its tests share it.
func newHome(t *testing.T, fstype string) *home {
	t.Helper()
	fs := testfs.New(t, fstype, 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	return &home{window: &window{t, fs, server, observe(t, server, fs.Dir)}}
}

// move begins anew with another config, in a folder of its own.
func (h *home) move(t *testing.T, more string) {
	t.Helper()
	h.t, h.observer.t = t, t
	h.c = newSupervised(t, "")
	t.Cleanup(func() { _ = h.fs.Thaw() }) // of a test that failed; mostly nobody has frozen it
	dir, err := os.MkdirTemp(h.fs.Dir, "home-")
	if err != nil {
		t.Fatal(err)
	}
	h.c.dir, h.c.config, h.c.stateDir = dir, filepath.Join(dir, "workload.conf"), filepath.Join(dir, "state")
	config := configFor("mariadb", "mysql", h.server.Socket, more)
	write(t, filepath.Join(dir, "password"), password+"\n")
	write(t, h.c.config, strings.ReplaceAll(config, "PASSWORD_FILE", filepath.Join(dir, "password")))
	h.marks, h.out, h.log = memoryDir(t), map[string]*os.File{}, map[string]*os.File{}
	for _, verb := range []string{"run", "pre", "post", "abort"} {
		h.out[verb], h.log[verb] = create(t, filepath.Join(dir, verb+".json")), create(t, filepath.Join(dir, verb+".log"))
	}
}

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// start starts a verb at home. An end that is not waited for is that of the test.
func (h *home) start(verb string, args ...string) *exec.Cmd {
	h.t.Helper()
	cmd := h.c.process(append([]string{"--json", "--log-level", "debug", verb}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.c.dir, h.out[verb], h.log[verb]
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = h.fs.Thaw() // nobody may have frozen it
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd
}

// over waits for the end of a command. What hangs in the kernel ends with a thaw only.
func (h *home) over(cmd *exec.Cmd, within time.Duration) int {
	h.t.Helper()
	stuck := time.AfterFunc(within+time.Second, func() { _ = h.fs.Thaw() })
	defer stuck.Stop()
	return ended(h.t, cmd, within)
}

// ends waits for the end of a verb and returns the report that it has written.
func (h *home) ends(cmd *exec.Cmd, verb string, exit int) *run.Report {
	h.t.Helper()
	code := h.over(cmd, 10*time.Second)
	text, err := os.ReadFile(h.out[verb].Name())
	if err != nil {
		h.t.Fatal(err)
	}
	if code != exit {
		log, _ := os.ReadFile(h.log[verb].Name())
		h.t.Fatalf("%s ended with %d, want %d\n%s\n%s", verb, code, exit, text, log)
	}
	r := &run.Report{}
	if err := json.Unmarshal(text, r); err != nil {
		h.t.Fatalf("the report of %s: %v\n%s", verb, err, text)
	}
	return r
}

// snapshot is a command that writes to both of its streams, says that it is there and
// waits for release.
func (h *home) snapshot() []string {
	return []string{"--", "sh", "-c", fmt.Sprintf("echo out; echo err >&2; : > %s/there; until [ -e %s/go ]; do sleep 0.02; done", h.marks, h.marks)}
}

func (h *home) reached(within time.Duration) {
	h.t.Helper()
	eventually(h.t, within, "the snapshot command runs", func() bool { _, err := os.Stat(filepath.Join(h.marks, "there")); return err == nil })
}

func (h *home) release() {
	h.t.Helper()
	write(h.t, filepath.Join(h.marks, "go"), "")
}

// isFrozen fails the test unless the filesystem is frozen and status answers, from
// there and from elsewhere.
func (h *home) isFrozen() {
	h.t.Helper()
	if err := testfs.CanWrite(h.t, h.fs.Dir, 200*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		h.t.Errorf("the filesystem is not frozen: %v", err)
	}
	for _, dir := range []string{"/", h.c.dir} {
		for _, args := range [][]string{{"status"}, {"status", "--json"}} {
			cmd := h.c.process(args...)
			var stdout bytes.Buffer
			cmd.Dir, cmd.Stdout, cmd.WaitDelay = dir, &stdout, time.Second
			if err := cmd.Start(); err != nil {
				h.t.Fatal(err)
			}
			code := h.over(cmd, 3*time.Second) // it would wait for the thaw, which is later
			if text := stdout.String(); code != run.ExitDone || !strings.Contains(strings.ToLower(text), "alive") || !strings.Contains(text, "orders: lock") {
				h.t.Errorf("%v in %s ended with %d and says %s", args, dir, code, text)
			}
		}
	}
}

// kept fails the test unless the journal, the events and the report of the run are
// complete. The report is that of its last verb.
func (h *home) kept(r *run.Report, events ...string) {
	h.t.Helper()
	path, err := journal.Path(filepath.Join(h.c.stateDir, "runs"), r.Run)
	if err != nil {
		h.t.Fatal(err)
	}
	records, tail, err := journal.Read(journal.OS{}, path)
	if err != nil || tail.Torn || len(tail.Damaged) > 0 || len(tail.Newer) > 0 || len(records) == 0 {
		h.t.Fatalf("the journal has %d records, its tail is %+v: %v", len(records), tail, err)
	}
	open := map[int]bool{}
	for i, rec := range records {
		if rec.N != i+1 {
			h.t.Fatalf("record %d has number %d", i+1, rec.N)
		}
		switch rec.Type {
		case journal.TypeIntent:
			open[rec.N] = true
		case journal.TypeResult:
			delete(open, rec.Of)
		}
	}
	last := records[len(records)-1]
	if last.Type != journal.TypeEnd || last.Verdict != r.Verdict.String() || len(open) > 0 {
		h.t.Errorf("the last record is %s with verdict %q, want the end with %q; intents without a result: %v", last.Type, last.Verdict, r.Verdict, open)
	}
	text, err := os.ReadFile(strings.TrimSuffix(path, filepath.Ext(path)) + ".report.json")
	saved := run.Report{}
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || saved.Run != r.Run || saved.Verdict != r.Verdict || saved.Exit != last.Exit {
		h.t.Errorf("the report that was kept: %v\n%s", err, text)
	}
	h.told(r.Run, append([]string{"started", "quiesced"}, events...))
}

// told fails the test unless the events of a run are these.
func (h *home) told(id string, want []string) {
	h.t.Helper()
	list, err := event.Read(h.c.stateDir, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		if e.Type == event.Dropped {
			h.t.Errorf("events were dropped: %v", e.Data)
		}
		if name, ours := strings.CutPrefix(e.Type, event.Prefix); ours && e.Run == id && !strings.HasPrefix(e.Type, event.ScriptPrefix) {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("the events are %v, want %v", got, want)
	}
}

// What a run freezes may hold everything that it needs itself: nothing waits for what
// is frozen, and nothing is missing afterwards.
func TestFrozenHome(t *testing.T) {
	t.Parallel()
	for _, fstype := range []string{"ext4", "xfs"} {
		t.Run(fstype, func(t *testing.T) {
			h := newHome(t, fstype)
			t.Run("run", func(t *testing.T) { runAtHome(t, h) })
			t.Run("run by hand", func(t *testing.T) { byHand(t, h) })
			t.Run("post", func(t *testing.T) { preAtHome(t, h, "post") })
			t.Run("abort", func(t *testing.T) { preAtHome(t, h, "abort") })
		})
	}
}

func runAtHome(t *testing.T, h *home) {
	h.move(t, "")
	cmd := h.start("run", h.snapshot()...)
	h.reached(10 * time.Second)
	h.isFrozen()
	h.release()
	released := time.Now()
	r := h.ends(cmd, "run", run.ExitDone)
	if took := time.Since(released); took > 700*time.Millisecond {
		t.Errorf("the run took %v to end after its snapshot", took)
	}
	h.nothingHeld("after run")
	h.wants(r, run.ExitDone, run.Application, "")
	h.kept(r, "frozen", "snapshot", "thawed", "verdict")
	h.logged("run", "err", "out", "phase=postscript")
}

func byHand(t *testing.T, h *home) {
	h.move(t, "")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	h.c.stdin = r // nothing comes, and no end
	cmd := h.start("run")
	eventually(t, 10*time.Second, "the filesystem is frozen", func() bool {
		return errors.Is(testfs.CanWrite(t, h.fs.Dir, 100*time.Millisecond), testfs.ErrBlocked)
	})
	h.isFrozen()
	if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	report := h.ends(cmd, "run", run.ExitDone)
	h.nothingHeld("after run")
	h.kept(report, "frozen", "snapshot", "thawed", "verdict")
	h.logged("run", "Take the snapshot")
}

func preAtHome(t *testing.T, h *home, verb string) {
	h.move(t, "")
	cmd := h.start("pre")
	if code := h.over(cmd, 10*time.Second); code != run.ExitDone {
		t.Fatalf("pre ended with %d", code)
	}
	h.isFrozen()
	r := h.ends(h.start(verb), verb, run.ExitDone)
	h.nothingHeld("after " + verb)
	h.kept(r, "frozen", "snapshot", "thawed", "verdict")
	answer, err := os.ReadFile(h.out["pre"].Name())
	if err != nil || !strings.Contains(string(answer), r.Run) {
		t.Errorf("the answer of pre: %v\n%s", err, answer)
	}
}
