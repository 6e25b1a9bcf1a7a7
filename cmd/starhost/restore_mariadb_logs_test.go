//go:build linux

package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// A snapshot and the binary logs that were written after it make the database as it was at
// any transaction in between: from the recorded position to a position, and from the
// recorded GTID to a GTID. Nothing is missing, nothing is there twice, and the ends of lines
// in a statement are as they were.
func TestMariaDBToAPointInTime(t *testing.T) {
	t.Parallel()
	for rotate, format := range map[string]string{"false": "ROW", "true": "STATEMENT"} {
		t.Run("rotate_log="+rotate, func(t *testing.T) {
			t.Parallel()
			testfs.Require(t, "mariadb-binlog", "mariadb")
			fs := testfs.New(t, "ext4", 600)
			server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--binlog-format=" + format}})
			o := observe(t, server, fs.Dir)
			o.exec("CREATE TABLE test.orders (id INT PRIMARY KEY, note TEXT)")
			insert := func(ids ...int) {
				for _, id := range ids {
					o.exec(fmt.Sprintf("INSERT INTO test.orders VALUES (%d, 'two\r\nlines')", id))
				}
			}
			insert(1, 2, 3)
			image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
			t.Cleanup(func() { _ = os.Remove(image) })
			c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "[settings \"orders\"]\nrotate_log = "+rotate+"\n"))
			got := c.run("run", "--json", "--", "cp", "--sparse=always", fs.Image, image).want(t, run.ExitDone)

			insert(4, 5)
			o.exec("FLUSH BINARY LOGS") // so that there are several
			insert(6, 7)
			position, gtid := masterStatus(t, o)
			o.exec("DELETE FROM test.orders") // what nobody wanted
			insert(8)
			logs := copyLogs(t, server.Dir)
			server.Stop(t)
			fs.Unmount(t) // the copy has the same UUID

			before := got.report.Members[0].RecoveryPoint.Before.Get("position")
			first := filepath.Join(logs, before.Get("file").Text())
			if _, err := os.Stat(first); err != nil {
				t.Fatal(err)
			}
			files := logsFrom(t, logs, first)
			for name, args := range map[string]string{
				"positions": fmt.Sprintf("--start-position=%s --stop-position=%s %s", before.Get("position"), position, files),
				"GTIDs":     fmt.Sprintf("--start-position=%s --stop-position=%s %s", before.Get("gtid_binlog_pos").Text(), gtid, files),
			} {
				if ids := replayed(t, image, image+"."+name, args); ids != "1,2,3,4,5,6,7" {
					t.Errorf("by %s: %s: the copy has the rows %s, want 1 to 7", name, args, ids)
				}
			}
		})
	}
}

// masterStatus is where the binary log ends.
func masterStatus(t *testing.T, o *observer) (position, gtid string) {
	t.Helper()
	var file, end string
	var do, ignore sql.NullString
	if err := o.db.QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &end, &do, &ignore); err != nil {
		t.Fatal(err)
	}
	return end, o.value("SELECT @@global.gtid_binlog_pos")
}

// copyLogs is the log backup: it takes the binary logs to another place.
func copyLogs(t *testing.T, dir string) string {
	t.Helper()
	logs := t.TempDir()
	all, err := filepath.Glob(dir + "/bin.0*")
	if err != nil || len(all) < 2 {
		t.Fatalf("binary logs %q, %v", all, err)
	}
	for _, file := range all {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(logs, filepath.Base(file)), string(data))
	}
	return logs
}

// logsFrom are a file and all later ones.
func logsFrom(t *testing.T, dir, first string) string {
	t.Helper()
	all, err := filepath.Glob(dir + "/bin.0*")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range all {
		if file >= first {
			files = append(files, file)
		}
	}
	return strings.Join(files, " ")
}

// replayed starts a server on a copy of the image, replays the logs, and returns the rows.
func replayed(t *testing.T, image, again, args string) (ids string) {
	t.Helper()
	if out, err := exec.Command("cp", "--sparse=always", image, again).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = os.Remove(again) })
	copied := testfs.MountCopy(t, again, "ext4")
	server := testdb.MariaDB(t, testdb.Options{Dir: copied})
	defer server.Stop(t)
	db := server.DB(t)
	count := 0
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM test.orders").Scan(&count); err != nil || count != 3 {
		t.Fatalf("the copy has %d rows, %v; want 3", count, err)
	}
	out, err := exec.Command("sh", "-c", "mariadb-binlog "+args+" | mariadb --no-defaults --binary-mode --user=root --socket="+server.Socket).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT GROUP_CONCAT(id ORDER BY id), SUM(note <> 'two\r\nlines') FROM test.orders").Scan(&ids, &count); err != nil {
		t.Fatal(err)
	}
	if count > 0 {
		t.Errorf("%d texts are not what they were", count)
	}
	return ids
}

// The client that is given a binary log changes the ends of lines unless it is told not to:
// every command of the documents tells it.
func TestBinaryLogsAreReplayedAsTheyAre(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(root + "/docs/recovery/mysql.md")
	if err != nil {
		t.Fatal(err)
	}
	replays := 0
	for line := range strings.Lines(string(data)) {
		_, client, found := strings.Cut(line, " | m")
		if !found || !strings.Contains(line, "binlog ") {
			continue
		}
		replays++
		if !strings.Contains(client, " --binary-mode") {
			t.Errorf("without --binary-mode: %s", line)
		}
	}
	if replays < 2 {
		t.Errorf("%d commands replay a binary log, want 2 or more", replays)
	}
}
