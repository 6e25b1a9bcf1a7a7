//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/starhost/starhost/run"
)

// A snapshot in mode atomic is the base from which the archived log is replayed: to a
// transaction, a position, a time or a name, with every row until then and none after.
func TestPostgresPointInTime(t *testing.T) {
	t.Parallel()
	s := newSpread(t)
	s.more(t, 100)
	dir := memoryDir(t)
	images := disks{filepath.Join(dir, "data"), filepath.Join(dir, "wal"), filepath.Join(dir, "space")}
	c := s.command(t, "auto", "switch_wal = true")
	got := c.run("run", "--json", "--", "sh", "-ec", fmt.Sprintf("cp --sparse=always %s %s; cp --sparse=always %s %s; cp --sparse=always %s %s",
		s.space.Image, images.space, s.wal.Image, images.wal, s.data.Image, images.data)).want(t, run.ExitDone)
	if got.report.Verdict != run.Application {
		t.Errorf("verdict %q", got.report.Verdict)
	}
	s.more(t, 20)
	s.stop()

	type target struct{ setting, value, rows string }
	var targets []target
	n := s.acks.count()
	for _, kind := range []struct{ setting, query string }{
		{"recovery_target_xid", "SELECT max(xmin::text::bigint)::text FROM commits WHERE id = (SELECT max(id) FROM commits)"},
		{"recovery_target_lsn", "SELECT pg_current_wal_insert_lsn()::text"},
		{"recovery_target_time", "SELECT clock_timestamp()::text"},
		{"recovery_target_name", "SELECT 'before ' || pg_create_restore_point('before the mistake')"},
	} {
		for range 10 {
			n++
			s.insert(t, n)
		}
		at := target{setting: kind.setting, rows: exactly(n)}
		if err := s.admin.QueryRow(t.Context(), kind.query).Scan(&at.value); err != nil {
			t.Fatal(err)
		}
		if kind.setting == "recovery_target_name" {
			at.value = "before the mistake"
		}
		targets = append(targets, at)
	}
	s.insert(t, n+1)
	s.archived(t)
	s.Stop(t)
	for _, at := range targets {
		t.Run(at.setting, func(t *testing.T) {
			d := mounted(t, images, s)
			write(t, d.data+"/data/recovery.signal", "")
			shell(t, "chown --reference=$1/PG_VERSION $1/recovery.signal", d.data+"/data")
			conn := started(t, d, "-c", "restore_command=cp "+s.archive+"/%f %p", "-c", at.setting+"="+at.value, "-c", "recovery_target_action=promote")
			if got := rows(t, conn); got != at.rows {
				t.Errorf("the copy has %s, want %s", got, at.rows)
			}
		})
	}
}
