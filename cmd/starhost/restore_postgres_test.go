//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// A snapshot of the disk of a busy PostgreSQL has every row that was acknowledged
// before the recorded position, without a gap, and recovers at least up to it.
func TestRestoredPostgres(t *testing.T) {
	t.Parallel()
	fs := testfs.New(t, "ext4", 600)
	server := testdb.Postgres(t, testdb.Options{Dir: fs.Dir, Args: []string{"-c", "fsync=on"}})
	admin := server.Pgx(t)
	for _, q := range []string{"CREATE TABLE commits (id INT PRIMARY KEY)", "CREATE ROLE starhost SUPERUSER LOGIN"} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := &acks{}
	conn := server.Pgx(t)
	done := make(chan error, 1)
	go func() {
		for id := 1; ; id++ {
			if _, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO commits VALUES (%d)", id)); err != nil {
				done <- err
				return
			}
			a.add()
		}
	}()
	eventually(t, 20*time.Second, "the writer is busy", func() bool { return a.count() >= 300 })

	image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
	t.Cleanup(func() { _ = os.Remove(image) })
	c := newCommand(t, fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://starhost@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\n", filepath.Dir(server.Socket)))
	got := c.run("run", "--json", "--", "cp", "--sparse=always", fs.Image, image).want(t, run.ExitDone)
	n := a.count()
	eventually(t, 10*time.Second, "the writer goes on", func() bool { return a.count() > n+20 })
	cancel()
	<-done
	if got.report.Verdict != run.Application {
		t.Errorf("verdict %q", got.report.Verdict)
	}
	if err := testfs.CanWrite(t, fs.Dir, time.Second); err != nil {
		t.Error(err)
	}
	from, to := snapshotTimes(t, c, got.report.Run)
	before, after := a.around(from, to)
	server.Stop(t)
	fs.Unmount(t)

	copied := testfs.MountCopy(t, image, "ext4")
	checkCarried(t, c, copied, got.report.Run)
	if err := os.Remove(filepath.Join(copied, "data", "postmaster.pid")); err != nil {
		t.Fatal(err)
	}
	again := testdb.Postgres(t, testdb.Options{Dir: copied}).Pgx(t)
	var rows, last int
	var reached bool
	lsn := got.report.Members[0].RecoveryPoint.Before.Get("position").Get("lsn").Text()
	err := again.QueryRow(t.Context(), "SELECT count(*), max(id), pg_current_wal_insert_lsn() >= $1::text::pg_lsn FROM commits", lsn).Scan(&rows, &last, &reached)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in the copy, %d acknowledged before the snapshot, %d after", rows, before, after)
	// The last row may be on the disk although the writer had not been told.
	if rows < before || rows > before+1 || rows != last || after == 0 {
		t.Errorf("the copy has %d rows up to id %d; %d were acknowledged before, %d after", rows, last, before, after)
	}
	if !reached {
		t.Errorf("the copy recovered to before the recorded position %s", lsn)
	}
}
