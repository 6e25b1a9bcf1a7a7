//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
)

// disks are the filesystems of one PostgreSQL, or copies of them.
type disks struct{ data, wal, space string }

// spread is a busy PostgreSQL with its data, its log and a tablespace on three
// filesystems, and an archive of its log. Every transaction writes a row to a table
// and one to a table in the tablespace.
type spread struct {
	*testdb.Server
	admin            *pgx.Conn
	data, wal, space *testfs.FS
	archive          string
	acks             *acks
	stop             func() // the writer
}

func newSpread(t *testing.T) *spread {
	t.Helper()
	s := &spread{data: testfs.New(t, "ext4", 300), wal: testfs.New(t, "ext4", 300), space: testfs.New(t, "ext4", 64), archive: memoryDir(t), acks: &acks{}}
	for _, dir := range []string{s.space.Dir, s.archive} { // the server makes files there itself
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	s.Server = testdb.Postgres(t, testdb.Options{Dir: s.data.Dir, Args: []string{
		"-c", "fsync=on", "-c", "archive_mode=on", "-c", "archive_command=cp %p " + s.archive + "/%f", "-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB",
	}})
	s.Stop(t)
	shell(t, "cp -a $1/pg_wal $2/pg_wal && rm -r $1/pg_wal && ln -s $2/pg_wal $1/pg_wal", s.Dir, s.wal.Dir)
	s.Start(t)
	s.admin = s.Pgx(t)
	for _, q := range []string{
		"COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; mkdir " + s.space.Dir + "/space'", "CREATE TABLESPACE space LOCATION '" + s.space.Dir + "/space'",
		"CREATE TABLE commits (id INT PRIMARY KEY)", "CREATE TABLE moves (id INT, filler TEXT) TABLESPACE space", "CREATE ROLE keeper LOGIN",
		"GRANT pg_read_all_settings, pg_checkpoint TO keeper", "GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal(), pg_ls_archive_statusdir() TO keeper",
	} {
		s.do(t, q)
	}
	s.write(t)
	return s
}

// write starts the writer, which ends between two transactions.
func (s *spread) write(t *testing.T) {
	conn, ended, done := s.Pgx(t), make(chan struct{}), make(chan struct{})
	s.stop = sync.OnceFunc(func() { close(ended); <-done })
	t.Cleanup(s.stop)
	tick := time.NewTicker(2 * time.Millisecond)
	go func() {
		defer close(done)
		defer tick.Stop()
		for id := 1; ; id++ {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			if _, err := conn.Exec(context.Background(), oneRow(id)); err != nil {
				return
			}
			s.acks.add()
		}
	}()
}

// oneRow is a transaction that writes a row to each table.
func oneRow(id int) string {
	return fmt.Sprintf("WITH c AS (INSERT INTO commits VALUES (%d)) INSERT INTO moves VALUES (%[1]d, repeat('x', 500))", id)
}

func (s *spread) insert(t *testing.T, id int) {
	t.Helper()
	s.do(t, oneRow(id))
}

func (s *spread) do(t *testing.T, query string) {
	t.Helper()
	if _, err := s.admin.Exec(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// more waits until the writer has written so many rows more.
func (s *spread) more(t *testing.T, rows int) {
	t.Helper()
	n := s.acks.count()
	eventually(t, 20*time.Second, "the writer is busy", func() bool { return s.acks.count() >= n+rows })
}

// archived ends the current file of the log and waits until it is archived.
func (s *spread) archived(t *testing.T) {
	t.Helper()
	var file string
	if err := s.admin.QueryRow(t.Context(), "SELECT pg_walfile_name(pg_switch_wal())").Scan(&file); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the log is archived", func() bool {
		_, err := os.Stat(filepath.Join(s.archive, file))
		return err == nil
	})
}

func (s *spread) command(t *testing.T, freeze, settings string) *command {
	return newCommand(t, fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://keeper@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\nfs_freeze = %s\n\n[settings \"orders\"]\n%s\n", filepath.Dir(s.Socket), freeze, settings))
}

// copied is a snapshot of one disk: of one moment, with all that was written before it.
func copied(t *testing.T, f *testfs.FS) (image string) {
	t.Helper()
	image = filepath.Join(filepath.Dir(f.Image), "snapshot.img")
	t.Cleanup(func() { _ = os.Remove(image) })
	f.Freeze(t)
	testfs.CopyImage(t, f, image)
	if err := f.Thaw(); err != nil {
		t.Fatal(err)
	}
	return image
}

// mounted mounts copies of images and makes the links of the data directory lead to them.
func mounted(t *testing.T, images disks, original *spread) disks {
	t.Helper()
	mount := func(image string) string {
		again := filepath.Join(memoryDir(t), "copy.img")
		shell(t, "chmod 755 $(dirname $2) && cp --sparse=always $1 $2", image, again)
		return testfs.MountCopy(t, again, "ext4")
	}
	d := disks{mount(images.data), mount(images.wal), mount(images.space)}
	shell(t, `rm -f $1/data/postmaster.pid && ln -sfn $2/pg_wal $1/data/pg_wal &&
		for link in $1/data/pg_tblspc/*; do ln -sfn $3/space $link; done`, d.data, d.wal, d.space)
	return d
}

// labelled gives a copy the label and the map of its backup, and has it read the archive.
func labelled(t *testing.T, d disks, after action.Value, s *spread) {
	t.Helper()
	write(t, d.data+"/data/backup_label", after.Get("labelfile").Text())
	write(t, d.data+"/data/tablespace_map", strings.ReplaceAll(after.Get("spcmapfile").Text(), s.space.Dir, d.space))
	fromArchive(t, d, "backup_label", "tablespace_map")
}

// fromArchive has a copy read the archive alone: the files of its log are of another
// moment than its data. The names are of files that the user of the server is to have.
func fromArchive(t *testing.T, d disks, names ...string) {
	t.Helper()
	shell(t, "find $1/pg_wal -type f -delete", d.wal)
	write(t, d.data+"/data/recovery.signal", "")
	for _, name := range append(names, "recovery.signal") {
		shell(t, "chown --reference=$1/PG_VERSION $1/$2", d.data+"/data", name)
	}
}

// started starts a server on a copy and waits until it has recovered.
func started(t *testing.T, d disks, args ...string) *pgx.Conn {
	t.Helper()
	conn := testdb.Postgres(t, testdb.Options{Dir: d.data, Args: args}).Pgx(t)
	eventually(t, 20*time.Second, "it has recovered", func() bool {
		var recovers bool
		err := conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&recovers)
		return err == nil && !recovers
	})
	return conn
}

// rows are those of both tables that can be read.
func rows(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var commits, last, moves, joined int
	err := conn.QueryRow(t.Context(), "SELECT count(c.id), max(c.id), count(m.id), count(c.id) FILTER (WHERE c.id = m.id) FROM commits c FULL JOIN moves m USING (id)").Scan(&commits, &last, &moves, &joined)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d rows up to %d, %d in the tablespace, %d of the same", commits, last, moves, joined)
}

func exactly(n int) string {
	return fmt.Sprintf("%d rows up to %[1]d, %[1]d in the tablespace, %[1]d of the same", n)
}

// shell runs a command with arguments $1, $2 …
func shell(t *testing.T, text string, args ...string) {
	t.Helper()
	if out, err := exec.Command("sh", append([]string{"-ec", text, "sh"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", text, err, out)
	}
}
