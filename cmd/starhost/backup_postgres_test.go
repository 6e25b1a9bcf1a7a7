//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/run"
)

// The disks of a busy PostgreSQL are snapshotted one after the other, at moments far
// apart. With the label and the map that the run kept, and the archive of the log, the
// copy has every row; without the label it is refused, or wrong.
func TestPostgresDisksOneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newSpread(t)
	s.more(t, 300)
	c := s.command(t, "snapshot", "mode = backup")
	c.run("pre").want(t, run.ExitDone)
	var images disks
	images.space = copied(t, s.space)
	s.more(t, 150)
	images.wal = copied(t, s.wal)
	s.more(t, 150)
	s.do(t, "SELECT pg_switch_wal()")
	s.do(t, "CHECKPOINT")
	s.more(t, 50)
	images.data = copied(t, s.data)
	s.more(t, 50)
	got := c.run("post", "--json").want(t, run.ExitDone)
	if got.report.Verdict != run.Application {
		t.Errorf("verdict %q", got.report.Verdict)
	}
	s.more(t, 20)
	s.stop()
	all := rows(t, s.admin)
	s.archived(t)
	s.Stop(t)

	point := got.report.Members[0].RecoveryPoint
	for _, name := range []string{"first", "last"} {
		if _, err := os.Stat(filepath.Join(s.archive, point.After.Get("wal").Get(name).Text())); err != nil {
			t.Errorf("the %s file of the log that the copy needs: %v", name, err)
		}
	}
	restore := []string{"-c", "restore_command=cp " + s.archive + "/%f %p"}

	t.Run("with the label", func(t *testing.T) {
		d := mounted(t, images, s)
		labelled(t, d, point.After, s)
		if got := rows(t, started(t, d, restore...)); got != all {
			t.Errorf("the copy has %s, want %s", got, all)
		}
	})
	t.Run("without the label", func(t *testing.T) {
		d := mounted(t, images, s)
		if text := refuses(t, d.data+"/data"); !strings.Contains(text, "could not locate a valid checkpoint record") {
			t.Errorf("it is not refused: %s", text)
		}
		// With the whole log in its place it starts, from the wrong checkpoint.
		shell(t, "cp $1/* $2/pg_wal && chown --reference=$2/pg_wal $2/pg_wal/*", s.archive, d.wal)
		got := rows(t, started(t, d))
		if t.Logf("without the label: %s", got); got == all {
			t.Error("the copy has all rows without its label: this test shows nothing")
		}
	})
	t.Run("without the end of the backup", func(t *testing.T) {
		d := mounted(t, images, s)
		labelled(t, d, point.After, s)
		last := filepath.Join(s.archive, point.After.Get("wal").Get("last").Text())
		if err := os.Remove(last); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		write(t, d.data+"/data/postgresql.auto.conf", "restore_command = 'cp "+s.archive+"/%f %p'\n")
		fromArchive(t, d, "postgresql.auto.conf")
		if text := refuses(t, d.data+"/data"); !strings.Contains(text, "WAL ends before") {
			t.Errorf("it is not refused: %s", text)
		}
	})
}

// refuses starts a server on a copy by itself, without others, and returns what it says if it cannot.
func refuses(t *testing.T, dir string) string {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, "/usr/lib/postgresql/15/bin/postgres", "--single", "-D", dir, "postgres")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	out, err := c.CombinedOutput()
	if err == nil {
		return ""
	}
	return string(out)
}
