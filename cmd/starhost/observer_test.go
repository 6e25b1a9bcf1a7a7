//go:build unix

package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
)

// observer looks at a MariaDB server and its filesystems from outside, with
// connections and processes of its own.
type observer struct {
	t       testing.TB
	server  *testdb.Server
	db      *sql.DB
	mounts  []string
	globals map[string]string
}

// observe makes the tables and the user of the tests, and notes the globals.
func observe(t testing.TB, server *testdb.Server, mounts ...string) *observer {
	t.Helper()
	o := &observer{t: t, server: server, db: server.DB(t), mounts: mounts}
	for _, q := range []string{
		"CREATE DATABASE test",
		"CREATE TABLE test.probe (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB",
		"CREATE USER starhost@localhost IDENTIFIED BY '" + password + "'",
		"GRANT ALL ON *.* TO starhost@localhost",
	} {
		o.exec(q)
	}
	o.globals = o.readGlobals()
	return o
}

func (o *observer) exec(query string, args ...any) {
	o.t.Helper()
	if _, err := o.db.ExecContext(o.t.Context(), query, args...); err != nil {
		o.t.Fatalf("%s: %v", query, err)
	}
}

func (o *observer) value(query string) string {
	o.t.Helper()
	var v string
	if err := o.db.QueryRowContext(o.t.Context(), query).Scan(&v); err != nil {
		o.t.Fatalf("%s: %v", query, err)
	}
	return v
}

// readGlobals returns the globals that a script could have changed.
func (o *observer) readGlobals() map[string]string {
	o.t.Helper()
	rows, err := o.db.QueryContext(o.t.Context(), "SHOW GLOBAL VARIABLES WHERE variable_name NOT LIKE '%gtid%' AND variable_name NOT LIKE '%timestamp%'")
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	globals := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			o.t.Fatal(err)
		}
		globals[name] = value
	}
	return globals
}

// nothingHeld fails the test unless every mount can be written to, a fresh
// connection can commit, no session of ours is left, and globals are as before.
func (o *observer) nothingHeld(what string) {
	o.t.Helper()
	for _, dir := range o.mounts {
		if err := testfs.CanWrite(o.t, dir, time.Second); err != nil {
			o.t.Errorf("%s: %s: %v", what, dir, err)
		}
	}
	if err := o.commit(time.Second); err != nil {
		o.t.Errorf("%s: a commit on a fresh connection: %v", what, err)
	}
	eventually(o.t, time.Second, what+": no session of ours at the server", func() bool { return o.sessions() == 0 })
	for name, value := range o.readGlobals() {
		if o.globals[name] != value {
			o.t.Errorf("%s: global %s is %s, was %s", what, name, value, o.globals[name])
		}
	}
	if o.t.Failed() {
		o.t.FailNow()
	}
}

// commit inserts a row on a connection of its own.
func (o *observer) commit(within time.Duration) error {
	ctx, cancel := context.WithTimeout(o.t.Context(), within)
	defer cancel()
	conn, err := o.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.ExecContext(ctx, "INSERT INTO test.probe VALUES ()")
	return err
}

// sessions counts the sessions of the user that only our runs log in as.
func (o *observer) sessions() int {
	o.t.Helper()
	n := 0
	_, err := fmt.Sscan(o.value("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'starhost'"), &n)
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// keepGlobals takes the globals as they are now for what they must be later.
func (o *observer) keepGlobals() { o.globals = maps.Clone(o.readGlobals()) }
