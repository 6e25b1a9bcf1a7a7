//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// trio is three databases on two filesystems, each with writers, under one config:
// orders (MariaDB) and stock (SQLite) on one, ledger (PostgreSQL) on the other.
type trio struct {
	t             *testing.T
	disks, images []string // where they are mounted; what a snapshot makes
	types         []string
	fs            []*testfs.FS
	maria, pg     *testdb.Server
	orders        restored
	ledger, stock *acks
	file          string // of the SQLite database
	stockDB       *sql.DB
	observer      *observer
	cancel        context.CancelFunc
	stopOrders    func()
	writers       sync.WaitGroup
	snapshot      string // a shell command
}

func newTrio(t *testing.T) *trio {
	w := &trio{t: t, types: []string{"xfs", "ext4"}, orders: restored{acks: map[string]*acks{}, rows: map[string]int{}}}
	var copies []string
	for _, fstype := range w.types {
		fs := testfs.New(t, fstype, 600)
		image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
		t.Cleanup(func() { _ = os.Remove(image) })
		w.fs, w.disks, w.images = append(w.fs, fs), append(w.disks, fs.Dir), append(w.images, image)
		copies = append(copies, fmt.Sprintf("cp --sparse=always %s %s", fs.Image, image))
	}
	w.snapshot = strings.Join(copies, " && ")
	w.maria = testdb.MariaDB(t, testdb.Options{Dir: w.disks[0], Args: []string{lossy, "--innodb-flush-log-at-trx-commit=0"}})
	w.pg = testdb.Postgres(t, testdb.Options{Dir: w.disks[1], Args: []string{"-c", "fsync=on"}})
	w.file = filepath.Join(w.disks[0], "stock.db")
	makeOrders(t, w.file)
	w.observer = observe(t, w.maria, w.disks...)
	w.observer.exec("CREATE USER poor@localhost IDENTIFIED BY '" + password + "'")
	w.write()
	return w
}

// write starts the writers.
func (w *trio) write() {
	t := w.t
	ctx, cancel := context.WithCancel(t.Context())
	w.cancel = cancel
	admin := w.pg.Pgx(t)
	for _, q := range []string{"CREATE TABLE commits (id INT PRIMARY KEY)", "CREATE ROLE starhost SUPERUSER LOGIN"} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	conn := w.pg.Pgx(t)
	w.ledger = w.busy(ctx, func(id int) error {
		_, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO commits VALUES (%d)", id))
		return err
	})
	db, err := sql.Open("sqlite", w.file+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	w.stockDB = db
	w.stock = w.busy(ctx, func(id int) error {
		_, err := db.ExecContext(ctx, "INSERT INTO orders VALUES (?)", id+3) // three are there
		return err
	})
	w.stopOrders = w.orders.startWriters(t, w.observer)
	t.Cleanup(w.stop)
	eventually(t, 20*time.Second, "the other writers are busy", func() bool { return w.ledger.count() >= 50 && w.stock.count() >= 50 })
}

// busy makes commits, with a pause after each, in which another one can get a lock.
func (w *trio) busy(ctx context.Context, commit func(id int) error) *acks {
	a := &acks{}
	w.writers.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for id := 1; ctx.Err() == nil; id++ {
			if err := commit(id); err != nil {
				if ctx.Err() == nil {
					w.t.Errorf("writer: %v", err)
				}
				return
			}
			a.add()
			<-tick.C
		}
	})
	return a
}

func (w *trio) stop() {
	w.stopOrders()
	w.cancel()
	w.writers.Wait()
	_ = w.stockDB.Close() // its files would keep the filesystem busy
}

// goOn waits until every writer has gone on, and sees that nothing is held.
func (w *trio) goOn(what string) {
	w.t.Helper()
	w.orders.reachMore(w.t)
	for name, a := range map[string]*acks{"ledger": w.ledger, "stock": w.stock} {
		n := a.count()
		eventually(w.t, 10*time.Second, what+": the writer of "+name+" goes on", func() bool { return a.count() > n+5 })
	}
	w.observer.nothingHeld(what)
}

// config is that of all three.
func (w *trio) config() string {
	return fmt.Sprintf(`
[workload "orders"]
workload_name = mariadb
connection = mysql://starhost@localhost/?socket=%s
password_file = PASSWORD_FILE
freeze_timeout = 30
[workload "ledger"]
workload_name = postgres
connection = postgres://starhost@localhost/postgres?socket=%s
password_file = PASSWORD_FILE
freeze_timeout = 30
[workload "stock"]
workload_name = sqlite
connection = sqlite://%s
freeze_timeout = 30
`, w.maria.Socket, filepath.Dir(w.pg.Socket), w.file)
}

// recordsOf reads the journal of a run.
func recordsOf(t *testing.T, c *command, id string) []journal.Record {
	t.Helper()
	path, err := journal.Path(filepath.Join(c.stateDir, "runs"), id)
	if err != nil {
		t.Fatal(err)
	}
	records, _, err := journal.Read(journal.OS{}, path)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// check ends the servers and compares the copies with what was acknowledged.
func (w *trio) check(c *command, r *run.Report) {
	t := w.t
	t.Helper()
	for _, m := range r.Members {
		if m.Verdict != run.Application || m.Error != nil {
			t.Errorf("%s: verdict %q, %+v", m.Workload, m.Verdict, m.Error)
		}
	}
	frozen := 0
	for _, rec := range recordsOf(t, c, r.Run) {
		if rec.Type == journal.TypeIntent && rec.Action.FS != nil {
			frozen++
		}
	}
	if r.Verdict != run.Application || len(r.Members) != 3 || frozen != len(w.fs) {
		t.Errorf("verdict %q of %d members, %d freezes", r.Verdict, len(r.Members), frozen)
	}
	from, to := snapshotTimes(t, c, r.Run)
	w.maria.Stop(t)
	w.pg.Stop(t)
	var copies []string
	for i, fs := range w.fs {
		fs.Unmount(t)
		copies = append(copies, testfs.MountCopy(t, w.images[i], w.types[i]))
		checkCarried(t, c, copies[i], r.Run)
	}
	checkPosition(t, filepath.Join(copies[0], "data"), r.Members[0].RecoveryPoint)
	maria := testdb.MariaDB(t, testdb.Options{Dir: copies[0]}).DB(t)
	for _, engine := range engines {
		w.compare(maria, "test."+engine, 0, w.orders.acks[engine], from, to)
	}
	if err := os.Remove(filepath.Join(copies[1], "data", "postmaster.pid")); err != nil {
		t.Fatal(err)
	}
	var rows, last int
	if err := testdb.Postgres(t, testdb.Options{Dir: copies[1]}).Pgx(t).QueryRow(t.Context(), "SELECT count(*), max(id) FROM commits").Scan(&rows, &last); err != nil {
		t.Fatal(err)
	}
	w.equal("commits", rows, last, w.ledger, from, to)
	stock, err := sql.Open("sqlite", filepath.Join(copies[0], "stock.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer stock.Close()
	w.compare(stock, "orders", 3, w.stock, from, to)
}

func (w *trio) compare(db *sql.DB, table string, more int, a *acks, from, to time.Time) {
	w.t.Helper()
	var rows, last int
	if err := db.QueryRowContext(w.t.Context(), "SELECT COUNT(*), COALESCE(MAX(id), 0) FROM "+table).Scan(&rows, &last); err != nil {
		w.t.Fatal(err)
	}
	w.equal(table, rows-more, last-more, a, from, to)
}

// equal compares the rows of a copy with the commits. The last row may be there although
// its writer had not been told.
func (w *trio) equal(table string, rows, last int, a *acks, from, to time.Time) {
	w.t.Helper()
	before, after := a.around(from, to)
	if rows < before || rows > before+1 || rows != last || before == 0 || after == 0 {
		w.t.Errorf("%s: the copy has %d rows up to id %d; %d were acknowledged before the snapshot, %d after", table, rows, last, before, after)
	}
	w.t.Logf("%s: %d rows, %d commits before the snapshot, %d after", table, rows, before, after)
}
