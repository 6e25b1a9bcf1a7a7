//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// subvolume makes a btrfs with a subvolume for the data and a directory for snapshots.
func subvolume(t *testing.T, name string) (data, snapshots string, fs *testfs.FS) {
	t.Helper()
	testfs.Require(t, "btrfs", "mkfs.btrfs")
	fs = testfs.New(t, "btrfs", 900)
	data, snapshots = filepath.Join(fs.Dir, name), filepath.Join(fs.Dir, "snapshots")
	btrfs(t, "subvolume", "create", data)
	if err := os.Mkdir(snapshots, 0o755); err != nil { // a database server is another user
		t.Fatal(err)
	}
	return data, snapshots, fs
}

func btrfs(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("btrfs", args...).CombinedOutput(); err != nil {
		t.Fatalf("btrfs %q: %v\n%s", args, err, out)
	}
}

// A snapshot that btrfs takes of a busy server has every row that was acknowledged
// before it and none that was acknowledged after it, without a freeze.
func TestSnapshotByBtrfsMariaDB(t *testing.T) {
	data, snapshots, _ := subvolume(t, "db")
	server := testdb.MariaDB(t, testdb.Options{Dir: data, Args: []string{lossy, "--innodb-flush-log-at-trx-commit=0"}})
	o := observe(t, server, data)
	r := restored{acks: map[string]*acks{}, rows: map[string]int{}}
	stop := r.startWriters(t, o)

	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "fs_freeze = snapshot\n"))
	got := c.run("run", "--json", "--", "sh", "-c", `btrfs -q subvolume snapshot -r `+data+` `+snapshots+`/$STARHOST_RUN`).want(t, run.ExitDone)
	r.reachMore(t)
	stop()
	o.nothingHeld("after the run")
	if got.report.Verdict != run.Application || got.report.FrozenMS != 0 {
		t.Errorf("verdict %q, frozen for %v ms", got.report.Verdict, got.report.FrozenMS)
	}
	r.from, r.to = snapshotPhase(t, c, got.report.Run, "verify")
	r.checkRate(t)
	server.Stop(t)

	copied := filepath.Join(filepath.Dir(snapshots), "restored")
	btrfs(t, "subvolume", "snapshot", filepath.Join(snapshots, got.report.Run), copied) // a server writes
	checkPosition(t, filepath.Join(copied, "data"), got.report.Members[0].RecoveryPoint)
	r.checkCopy(t, copied)
}

// The same for SQLite in WAL mode.
func TestSnapshotByBtrfsSQLite(t *testing.T) {
	data, snapshots, _ := subvolume(t, "db")
	path := filepath.Join(data, "orders.db")
	makeOrders(t, path)
	a, stop := writeOrders(t, path)

	c := newCommand(t, sqliteConfig(path, "snapshot"))
	got := c.run("run", "--json", "--", "sh", "-c", `btrfs -q subvolume snapshot -r `+data+` `+snapshots+`/$STARHOST_RUN`).want(t, run.ExitDone)
	n := a.count()
	eventually(t, 10*time.Second, "the writer goes on", func() bool { return a.count() > n+5 })
	stop()
	if got.report.Verdict != run.Application || got.report.FrozenMS != 0 {
		t.Errorf("verdict %q, frozen for %v ms", got.report.Verdict, got.report.FrozenMS)
	}
	from, to := snapshotPhase(t, c, got.report.Run, "verify")
	before, after := a.around(from, to)
	copied := filepath.Join(filepath.Dir(snapshots), "restored")
	btrfs(t, "subvolume", "snapshot", filepath.Join(snapshots, got.report.Run), copied)
	if rows := countOrders(t, filepath.Join(copied, "orders.db")); rows != before+madeOrders || before == 0 || after == 0 {
		t.Errorf("the copy has %d rows, %d of them made first; %d were acknowledged before the snapshot, %d after", rows, madeOrders, before, after)
	}
}

// A btrfs that is frozen cannot take a snapshot of itself. Check and plan say so; run
// does not start the command it knows, ends one that it does not, and says why.
func TestFrozenBtrfsTakesNoSnapshot(t *testing.T) {
	data, snapshots, fs := subvolume(t, "db")
	path := filepath.Join(data, "orders.db")
	makeOrders(t, path)
	c := newCommand(t, sqliteConfig(path, "auto\nfreeze_timeout = 1"))
	for _, verb := range []string{"check", "plan"} {
		if got := c.run(verb).want(t, run.ExitDone); !strings.Contains(got.stdout, "fs_freeze = snapshot") {
			t.Errorf("%s does not say what to do:\n%s", verb, got.stdout)
		}
	}
	command := []string{"btrfs", "-q", "subvolume", "snapshot", "-r", data, filepath.Join(snapshots, "one")}
	for _, tt := range []struct {
		name, says string
		command    []string
		frozen     float64 // at most, milliseconds
		exit       int
	}{
		{"btrfs itself", "not started", command, 900, run.ExitSnapshot},
		{"in a shell", "freeze_timeout", []string{"sh", "-c", strings.Join(command, " ")}, 1300, run.ExitSnapshot},
		{"of the disk below", "", []string{"true"}, 900, run.ExitDone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			got := c.run(append([]string{"run", "--json", "--"}, tt.command...)...).want(t, tt.exit)
			if e := got.report.Error; tt.says != "" && (e == nil || !strings.Contains(e.Message, tt.says) || !strings.Contains(e.Message, "fs_freeze = snapshot")) {
				t.Errorf("error %+v, want %q and what to do", e, tt.says)
			}
			if got.report.FrozenMS == 0 || got.report.FrozenMS > tt.frozen {
				t.Errorf("frozen for %v ms", got.report.FrozenMS)
			}
			if err := testfs.CanWrite(t, fs.Dir, time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	c.t = t
}

func sqliteConfig(path, freezes string) string {
	return fmt.Sprintf("[workload \"orders\"]\nworkload_name = sqlite\nconnection = sqlite://%s\nfs_freeze = %s\n", path, freezes)
}

// madeOrders is how many rows makeOrders makes.
const madeOrders = 3

// writeOrders adds a row after the other, and notes when each was acknowledged.
func writeOrders(t *testing.T, path string) (a *acks, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	a = &acks{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer db.Close()
		tick := time.NewTicker(2 * time.Millisecond) // who writes without a pause leaves nobody else the lock
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			if _, err := db.ExecContext(ctx, "INSERT INTO orders DEFAULT VALUES"); err != nil {
				if ctx.Err() == nil {
					t.Errorf("the writer: %v", err)
				}
				return
			}
			a.add()
		}
	}()
	eventually(t, 20*time.Second, "the writer is busy", func() bool { return a.count() >= 100 })
	return a, func() { cancel(); <-done }
}

func countOrders(t *testing.T, path string) (rows int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	check := ""
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity_check: %s, %v", check, err)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM orders").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
