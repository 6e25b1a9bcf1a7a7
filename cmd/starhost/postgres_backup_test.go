//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

// backupThere asks for the session of a backup. There is another one, which holds nothing.
const backupThere = "SELECT count(*) > 0 FROM pg_stat_activity WHERE usename = 'starhost' AND query LIKE '%flush_lsn%'"

// backupOutcome is how a run in mode backup ends after something has happened while its disks were
// snapshotted.
type backupOutcome struct {
	name, freeze, settings string
	happens                func(ctx context.Context, admin *pgx.Conn) error
	verdict                run.Verdict
	message                string // part of it; which one it is may depend on who notices first
}

var backupOutcomes = []backupOutcome{
	{"nothing happens", "snapshot", "mode = backup", func(context.Context, *pgx.Conn) error { return nil }, run.Application, ""},
	{"its session is ended", "snapshot", "mode = backup", func(ctx context.Context, admin *pgx.Conn) error {
		_, err := admin.Exec(ctx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'starhost'")
		return err
	}, run.Filesystem, ""},
	{"the server's own limit ends it", "snapshot", "mode = backup\ndead_man = 1", func(ctx context.Context, admin *pgx.Conn) error {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for there := true; there; <-tick.C {
			if err := admin.QueryRow(ctx, backupThere).Scan(&there); err != nil {
				return err
			}
		}
		return nil
	}, run.Filesystem, ""},
	{"its filesystems are frozen", "auto", "mode = backup", func(context.Context, *pgx.Conn) error { return nil }, run.Application, ""},
	{"a log is begun twice", "auto", "mode = atomic\nswitch_wal = true", func(context.Context, *pgx.Conn) error { return nil }, run.Application, ""},
}

// testPostgresBackups makes runs on a server with an archive, as the user of the documentation.
func testPostgresBackups(t *testing.T, major int, server *testdb.Server) {
	for _, o := range backupOutcomes {
		t.Run(o.name, func(t *testing.T) {
			c := newCommand(t, backupConfig(server, o.freeze, o.settings))
			r := o.lead(t, c, server.Pgx(t))
			if o.settings == "mode = backup" && o.verdict == run.Application {
				checkLabel(t, c, major, r)
			}
		})
	}
	t.Run("starhost is killed", func(t *testing.T) {
		c, admin := newSupervised(t, backupConfig(server, "snapshot", "mode = backup")), server.Pgx(t)
		c.run("pre").want(t, run.ExitDone)
		c.signal(syscall.SIGKILL)
		eventually(t, 10*time.Second, "the server ends the backup with its session", func() bool {
			var there bool
			return admin.QueryRow(t.Context(), backupThere).Scan(&there) == nil && !there
		})
		if r := c.run("post", "--json").want(t, run.ExitVerdict).report; r.Verdict == run.Application || len(r.Held) > 0 {
			t.Errorf("verdict %q, held %q", r.Verdict, r.Held)
		}
		c.run("recovery-point", "--value", "after.labelfile").want(t, run.ExitUsage)
	})
	t.Run("it is a standby, which is promoted", func(t *testing.T) {
		server.Stop(t)
		if err := os.WriteFile(filepath.Join(server.Dir, "standby.signal"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		server.Start(t)
		c, admin := newCommand(t, backupConfig(server, "snapshot", "mode = backup")), server.Pgx(t)
		standby := backupOutcome{happens: backupOutcomes[0].happens, verdict: run.Application}
		if label := standby.lead(t, c, admin).Members[0].RecoveryPoint.After.Get("labelfile").Text(); !strings.Contains(label, "BACKUP FROM: standby") {
			t.Errorf("label %q", label)
		}
		promoted := backupOutcome{verdict: run.Filesystem, message: "changed during the snapshot", happens: func(ctx context.Context, admin *pgx.Conn) error {
			_, err := admin.Exec(ctx, "SELECT pg_promote()")
			return err
		}}
		promoted.lead(t, c, admin)
	})
}

func backupConfig(server *testdb.Server, freeze, settings string) string {
	return fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://starhost@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\nfs_freeze = %s\n\n[settings \"orders\"]\n%s\n", filepath.Dir(server.Socket), freeze, settings)
}

func (o backupOutcome) lead(t *testing.T, c *command, admin *pgx.Conn) *run.Report {
	t.Helper()
	file, err := config.Load(c.config)
	if err != nil {
		t.Fatal(err)
	}
	r, err := starhost.Run(t.Context(), starhost.Options{Config: file, StateDir: c.stateDir, RuntimeDir: c.runtimeDir, Snapshot: func(ctx context.Context, _ run.Snapshot) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return o.happens(ctx, admin)
	}})
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	if r.Error != nil {
		text = r.Error.Message
	}
	if r.Verdict != o.verdict || !strings.Contains(text, o.message) || len(r.Held) > 0 || (o.verdict == run.Application) != (r.Exit == run.ExitDone) {
		t.Errorf("verdict %q, exit %d, held %q: %s", r.Verdict, r.Exit, r.Held, text)
	}
	if after := r.Members[0].RecoveryPoint.After; o.verdict != run.Application && !after.Get("labelfile").IsNone() {
		t.Errorf("a label of what is no backup: %s", after)
	}
	return r
}

// checkLabel compares the label with the recovery point, and both with what the command prints.
func checkLabel(t *testing.T, c *command, major int, r *run.Report) {
	t.Helper()
	point := r.Members[0].RecoveryPoint
	label, wal := point.After.Get("labelfile").Text(), point.After.Get("wal")
	for _, want := range []string{
		"LABEL: starhost " + r.Run + "\n", "BACKUP FROM: primary\n",
		fmt.Sprintf("START WAL LOCATION: %s (file %s)\n", point.Before.Get("backup").Get("start").Text(), wal.Get("first").Text()),
	} {
		if !strings.Contains(label, want) {
			t.Errorf("PostgreSQL %d: the label has no %q:\n%s", major, want, label)
		}
	}
	if !strings.HasPrefix(point.After.Get("spcmapfile").Text(), "16384 /") || !point.After.Get("archived").Equal(action.Bool(true)) || wal.Get("last").Text() < wal.Get("first").Text() {
		t.Errorf("after: %s", point.After)
	}
	if got := c.run("recovery-point", r.Run, "--value", "after.labelfile").want(t, run.ExitDone); got.stdout != label {
		t.Errorf("the command prints %q, the report has %q", got.stdout, label)
	}
	if plan := c.run("plan").want(t, run.ExitDone); !strings.Contains(plan.stdout, "backup") {
		t.Errorf("the plan has no backup:\n%s", plan.stdout)
	}
}
