//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// On MySQL, which has no stages, the script takes the read lock. Nothing is committed
// while the snapshot is taken, and the position that is recorded is that of the server.
func TestRunOnMySQL56(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"lossy redo":    {"--innodb-flush-log-at-trx-commit=0"},
		"no binary log": {"--skip-log-bin", "--gtid-mode=OFF", "--skip-log-slave-updates"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := testfs.New(t, "ext4", 600)
			server := testdb.MySQL56(t, testdb.Options{Dir: fs.Dir, Args: args})
			o := observe(t, server, fs.Dir)
			c := newCommand(t, configFor("mysql", "mysql", server.Socket, ""))
			inside, leave := filepath.Join(c.dir, "inside"), filepath.Join(c.dir, "leave")
			done := make(chan outcome, 1)
			go func() {
				wait := fmt.Sprintf("touch %s; until [ -e %s ]; do sleep 0.01; done", inside, leave)
				done <- c.run("run", "--json", "--", "sh", "-c", wait)
			}()
			eventually(t, 20*time.Second, "the snapshot", func() bool { _, err := os.Stat(inside); return err == nil })
			if err := o.commit(300 * time.Millisecond); err == nil {
				t.Error("a row was committed during the snapshot")
			}
			gtids := o.value("SELECT @@global.gtid_executed")
			write(t, leave, "")
			got := (<-done).want(t, run.ExitDone)
			o.nothingHeld("after the run")
			if got.report.Verdict != run.Application || got.report.FrozenMS < 300 {
				t.Errorf("verdict %q, frozen for %v ms", got.report.Verdict, got.report.FrozenMS)
			}
			point := got.report.Members[0].RecoveryPoint.Before
			if lock := point.Get("lock").Text(); lock != "FLUSH TABLES WITH READ LOCK" {
				t.Errorf("the lock is %s", lock)
			}
			if position := point.Get("position"); position.Get("gtid_executed").Text() != gtids || position.IsNone() != (gtids == "") {
				t.Errorf("position %s, but GTIDs %q at the server", position, gtids)
			}
		})
	}
}

// A FLUSH TABLES WITH READ LOCK that is given up behind a long SELECT leaves a stall behind
// on MySQL: whoever reads that table waits until the SELECT has ended. The script looks
// before it locks, so this does not happen; without the look it does.
func TestStallBehindLongSelect(t *testing.T) {
	t.Parallel() // it waits for most of the time
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MySQL56(t, testdb.Options{Dir: fs.Dir})
	o := observe(t, server, fs.Dir)
	o.exec("CREATE TABLE test.busy (id INT)")
	o.exec("INSERT INTO test.busy VALUES (1)")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	go func() { _, _ = server.DB(t).ExecContext(ctx, "SELECT SLEEP(60) FROM test.busy") }()
	const long = "SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist WHERE state = 'User sleep' AND time >= 1"
	eventually(t, 20*time.Second, "a long SELECT", func() bool { return o.value(long) != "0" })

	for _, c := range []struct {
		name, settings string
		says           string
		stalls         bool
	}{
		{"with the look", "long_query = 1\nquiet_wait = 0\n", "SELECT SLEEP(60) FROM test.busy", false},
		{"without", "long_query = 1000\nlock_wait = 1\n", "1205 (HY000): Lock wait timeout", true},
	} {
		command := newCommand(t, configFor("mysql", "mysql", server.Socket, "[settings \"orders\"]\n"+c.settings))
		got := command.run("run", "--json", "--", "true").want(t, run.ExitPrescript)
		if got.report.Error == nil || !strings.Contains(got.report.Error.Message, c.says) || len(got.report.Held) > 0 {
			t.Errorf("%s: held %q, error %+v, want %q", c.name, got.report.Held, got.report.Error, c.says)
		}
		if o.value(long) == "0" {
			t.Fatalf("%s: the SELECT has ended: the test proves nothing", c.name)
		}
		within, done := context.WithTimeout(t.Context(), time.Second)
		_, err := o.db.ExecContext(within, "SELECT COUNT(*) FROM test.busy")
		done()
		if (err != nil) != c.stalls {
			t.Errorf("%s: another SELECT: %v; it stalls: %t", c.name, err, c.stalls)
		}
	}
	o.exec("KILL QUERY " + o.value(long))
	o.nothingHeld("after the SELECT")
}

// A replica stays what it was: read-only, and its applier runs again if it ran, after a run
// and after a kill -9 of everybody. The snapshot of it is the source at the recorded GTIDs.
func TestReplicaOnMySQL56(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	source := testdb.MySQL56(t, testdb.Options{Args: []string{"--skip-networking=0", "--bind-address=127.0.0.1", "--port=" + port}})
	db := source.DB(t)
	exec := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec("CREATE USER copier@127.0.0.1 IDENTIFIED BY 'x'")
	exec("GRANT REPLICATION SLAVE ON *.* TO copier@127.0.0.1")
	exec("CREATE DATABASE app")
	exec("CREATE TABLE app.orders (id INT AUTO_INCREMENT PRIMARY KEY)")

	fs := testfs.New(t, "ext4", 600)
	replica := testdb.MySQL56(t, testdb.Options{Dir: fs.Dir, Args: []string{"--server-id=2", "--read-only", "--relay-log=relay"}})
	o := observe(t, replica, fs.Dir)
	o.exec("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=" + port + ", MASTER_USER='copier', MASTER_PASSWORD='x', MASTER_AUTO_POSITION=1, MASTER_CONNECT_RETRY=1")
	o.exec("START SLAVE")
	rows := func() string { return o.value("SELECT COUNT(*) FROM app.orders") }
	has := func(n string) {
		t.Helper()
		eventually(t, 20*time.Second, n+" rows at the replica", func() bool {
			return o.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app'") == "1" && rows() == n
		})
	}
	insert := func() { exec("INSERT INTO app.orders VALUES (), (), ()") }
	insert()
	has("3")

	c := newCommand(t, configFor("mysql", "mysql", replica.Socket, "[settings \"orders\"]\nreplica = only\nstop_replica = true\nrotate_log = true\n"))
	image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
	t.Cleanup(func() { _ = os.Remove(image) })
	inside, leave := filepath.Join(c.dir, "inside"), filepath.Join(c.dir, "leave")
	done := make(chan outcome, 1)
	go func() {
		done <- c.run("run", "--json", "--", "sh", "-c", fmt.Sprintf("cp --sparse=always %s %s; touch %s; until [ -e %s ]; do sleep 0.01; done", fs.Image, image, inside, leave))
	}()
	eventually(t, 20*time.Second, "the snapshot", func() bool { _, err := os.Stat(inside); return err == nil || len(done) > 0 })
	if state := applier(t, o); state != "Yes No" || rows() != "3" {
		t.Errorf("in the window the receiver and the applier run: %s, and there are %s rows", state, rows())
	}
	insert() // the source goes on; now the receiver waits for its disk, and SHOW SLAVE STATUS for the receiver
	write(t, leave, "")
	got := (<-done).want(t, run.ExitDone)
	if got.report.Verdict != run.Application {
		t.Errorf("verdict %q", got.report.Verdict)
	}
	has("6")
	unchanged := func(what string) {
		t.Helper()
		eventually(t, 20*time.Second, what+": replication goes on", func() bool { return applier(t, o) == "Yes Yes" })
		if o.value("SELECT @@global.read_only") != "1" {
			t.Errorf("%s: the replica is writable", what)
		}
		o.nothingHeld(what)
	}
	unchanged("after the run")

	c.env = []string{deathEnv + "=snapshot+0ms supervisor,watchdog KILL", faultTime + "=" + filepath.Join(c.dir, "struck")}
	c.run("run", "--", "sleep", "1000")
	c.env = nil
	if state := applier(t, o); state != "Yes No" {
		t.Errorf("after the kill the receiver and the applier run: %s: the test proves nothing", state)
	}
	c.run("recover").want(t, run.ExitDone)
	unchanged("after the kill")

	replica.Stop(t)
	fs.Unmount(t) // the copy has the same UUID
	copied := testfs.MountCopy(t, image, "ext4")
	again := testdb.MySQL56(t, testdb.Options{Dir: copied, Args: []string{"--server-id=3", "--skip-slave-start", "--relay-log=relay"}}).DB(t)
	var n, gtids, file string
	err := again.QueryRowContext(t.Context(), "SELECT (SELECT COUNT(*) FROM app.orders), @@global.gtid_executed").Scan(&n, &gtids)
	position := got.report.Members[0].RecoveryPoint.Before.Get("position")
	file = position.Get("file").Text()
	if err != nil || n != "3" || gtids != position.Get("gtid_executed").Text() || !strings.Contains(gtids, ",") || file != "bin.000002" {
		t.Errorf("the copy has %s rows at GTIDs %s, %v; recorded is %s", n, gtids, err, position)
	}
}

// applier says whether the receiver and the applier of a replica run: "Yes No".
func applier(t *testing.T, o *observer) string {
	t.Helper()
	rows, err := o.db.QueryContext(t.Context(), "SHOW SLAVE STATUS")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatalf("no replica: %v", err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatal(err)
	}
	value := func(name string) string { return values[slices.Index(columns, name)].String }
	return value("Slave_IO_Running") + " " + value("Slave_SQL_Running")
}

// freePort is one that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
