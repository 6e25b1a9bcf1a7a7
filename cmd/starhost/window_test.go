//go:build linux

package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// window is a run whose snapshot is a function of the test: what happens while
// everything is held.
type window struct {
	t      *testing.T
	fs     *testfs.FS
	server *testdb.Server
	*observer
}

func newWindow(t *testing.T, args ...string) *window {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: args})
	return &window{t, fs, server, observe(t, server, fs.Dir)}
}

// run leads a run; snapshot is called while everything is held.
func (w *window) run(more string, snapshot func(context.Context) error) *run.Report {
	w.t.Helper()
	c := newCommand(w.t, configFor("mariadb", "mysql", w.server.Socket, more))
	file, err := config.Load(c.config)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := starhost.Run(w.t.Context(), starhost.Options{
		Config: file, StateDir: c.stateDir, RuntimeDir: c.runtimeDir,
		Snapshot: func(ctx context.Context, _ run.Snapshot) error { return snapshot(ctx) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *window) wants(r *run.Report, exit int, verdict run.Verdict, says string) {
	w.t.Helper()
	text := ""
	if r.Error != nil {
		text = r.Error.Message
	}
	if r.Exit != exit || r.Verdict != verdict || !strings.Contains(text, says) {
		w.t.Errorf("exit status %d, verdict %q, error %q; want %d, %q, %q", r.Exit, r.Verdict, text, exit, verdict, says)
	}
}

// killOurs ends every session of ours at the server, as an administrator would.
func (w *window) killOurs() {
	w.t.Helper()
	rows, err := w.db.QueryContext(w.t.Context(), "SELECT id FROM information_schema.processlist WHERE user = 'starhost'")
	if err != nil {
		w.t.Error(err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			w.t.Error(err)
			return
		}
		if _, err := w.db.ExecContext(w.t.Context(), "KILL "+id); err != nil {
			w.t.Error(err)
		}
	}
}

// Whoever ends the lock during the snapshot ends the claim that it is consistent.
func TestLockLostDuringSnapshot(t *testing.T) {
	w := newWindow(t)
	t.Run("killed", func(t *testing.T) {
		w.t, w.observer.t = t, t
		r := w.run("", func(context.Context) error { w.killOurs(); return nil })
		w.wants(r, run.ExitVerdict, run.Filesystem, "session")
		w.nothingHeld("after the lock session was killed")
	})
	t.Run("dropped by wait_timeout", func(t *testing.T) {
		w.t, w.observer.t = t, t
		r := w.run("[settings \"orders\"]\ndead_man = 1\n", func(context.Context) error {
			// What stays are the emergency sessions of the run and of its watchdog.
			eventually(t, 8*time.Second, "the server drops the idle lock", func() bool { return w.sessions() <= 2 })
			return nil
		})
		w.wants(r, run.ExitVerdict, run.Filesystem, "session")
		w.nothingHeld("after the lock was dropped by wait_timeout")
	})
}

// A global that was set for the snapshot is set back, on another session if its own
// is gone, unless somebody else has changed it meanwhile.
func TestGlobalIsSetBackUnlessSomebodyElseChangedIt(t *testing.T) {
	w := newWindow(t, "--innodb-flush-log-at-trx-commit=0")
	const global = "SELECT @@global.innodb_flush_log_at_trx_commit"
	inWindow := ""
	r := w.run("", func(context.Context) error { inWindow = w.value(global); return nil })
	w.wants(r, run.ExitDone, run.Application, "")
	if got := w.value(global); got != "0" || inWindow != "1" {
		t.Errorf("%s in the window, %s afterwards, want 1 and 0", inWindow, got)
	}
	r = w.run("", func(context.Context) error { w.killOurs(); return nil })
	w.wants(r, run.ExitVerdict, run.Filesystem, "")
	w.nothingHeld("after a run whose session was killed")

	r = w.run("", func(context.Context) error { w.exec("SET GLOBAL innodb_flush_log_at_trx_commit = 2"); return nil })
	w.wants(r, run.ExitDone, run.Application, "")
	if got := w.value(global); got != "2" {
		t.Errorf("the global is %s, somebody else had set it to 2", got)
	}
}

// What somebody else froze is refused, and stays frozen.
func TestForeignFreezeIsRefused(t *testing.T) {
	w := newWindow(t)
	other := testfs.New(t, "xfs", 0)
	other.Freeze(t)
	r := w.run("fs_freeze = "+w.fs.Dir+", "+other.Dir+"\n", func(context.Context) error {
		t.Error("a snapshot was taken")
		return nil
	})
	w.wants(r, run.ExitPrescript, run.NoVerdict, "frozen by somebody else")
	w.nothingHeld("after the refusal")
	if err := testfs.CanWrite(t, other.Dir, 300*time.Millisecond); !errors.Is(err, testfs.ErrBlocked) {
		t.Errorf("the filesystem that somebody else froze can be written to: %v", err)
	}
	if err := other.Thaw(); errors.Is(err, syscall.EINVAL) {
		t.Error("the filesystem that somebody else froze was thawed")
	}
}

// Snapshot commands that go wrong, by the real command.
func TestSnapshotCommandGoesWrong(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	file := filepath.Join(w.fs.Dir, "written-while-frozen")
	for _, tt := range []struct {
		name, command, more string
		exit                int
		kind, says          string
	}{
		{"fails", "exit 3", "", run.ExitSnapshot, "snapshot", "exit code 3"},
		{"is killed", "kill -9 $$", "", run.ExitSnapshot, "snapshot", "SIGKILL"},
		{"hangs", "sleep 1000", "freeze_timeout = 1", run.ExitSnapshot, "timeout", "freeze_timeout"},
		{"ignores SIGTERM", "trap '' TERM; while :; do sleep 1000; done", "freeze_timeout = 1", run.ExitSnapshot, "timeout", "freeze_timeout"},
		{"leaves a child", "setsid sleep 1000 & exit 0", "", run.ExitDone, "", ""},
		{"closes its output", "exec >&- 2>&- <&-; true", "", run.ExitDone, "", ""},
		{"writes to what is frozen", "echo x > " + file, "freeze_timeout = 1", run.ExitSnapshot, "timeout", "freeze_timeout"},
		{"outlives the hold", "sleep 1000", "timeout = 2\nfreeze_timeout = 10", run.ExitSnapshot, "timeout", "held for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.t, w.observer.t = t, t
			c := newCommand(t, configFor("mariadb", "mysql", w.server.Socket, tt.more+"\n"))
			got := c.run("run", "--json", "--", "sh", "-c", tt.command).want(t, tt.exit)
			w.nothingHeld(tt.name)
			if tt.exit != run.ExitDone && (string(got.report.Error.Kind) != tt.kind || !strings.Contains(got.report.Error.Message, tt.says)) {
				t.Errorf("error %+v, want %s: %s", got.report.Error, tt.kind, tt.says)
			}
			if got.report.FrozenMS > 1300 && !strings.Contains(tt.more, "freeze_timeout = 10") {
				t.Errorf("frozen for %v ms", got.report.FrozenMS)
			}
		})
	}
}

// A FLUSH TABLES WITH READ LOCK that waits behind a long statement is given up, and
// nobody waits behind it any more.
func TestLockStuckBehindLongUpdate(t *testing.T) {
	t.Parallel()
	w := newWindow(t)
	w.exec("INSERT INTO test.probe VALUES ()")
	ctx, cancel := context.WithCancel(t.Context())
	updated := make(chan struct{})
	go func() {
		defer close(updated)
		_, _ = w.db.ExecContext(ctx, "UPDATE test.probe SET id = id + 1000 WHERE SLEEP(8) = 0")
	}()
	defer func() { cancel(); <-updated }()
	running := func() bool {
		return w.value("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE test.probe%'") == "1"
	}
	eventually(t, 5*time.Second, "the update runs", running)
	w.exec("CREATE TABLE IF NOT EXISTS test.other (id INT AUTO_INCREMENT PRIMARY KEY)")

	c := newCommand(t, configFor("mariadb", "mysql", w.server.Socket, "[settings \"orders\"]\nlock = ftwrl\nlock_wait = 1\n"))
	got := c.run("run", "--json", "--", "true").want(t, run.ExitPrescript)
	if !running() {
		t.Fatal("the update ended too early: the test proves nothing")
	}
	if err := testfs.CanWrite(t, w.fs.Dir, time.Second); err != nil {
		t.Error(err)
	}
	within, done := context.WithTimeout(t.Context(), time.Second)
	defer done()
	if _, err := w.db.ExecContext(within, "INSERT INTO test.other VALUES ()"); err != nil {
		t.Errorf("a writer waits behind the lock that was given up: %v", err)
	}
	if !strings.Contains(got.report.Error.Message, "FLUSH TABLES") && !strings.Contains(got.report.Error.Message, "1205") && !strings.Contains(got.report.Error.Message, "timeout") {
		t.Errorf("the report does not say why: %s", got.report.Error.Message)
	}
	if w.sessions() != 0 {
		t.Error("a session of ours is still at the server")
	}
}
