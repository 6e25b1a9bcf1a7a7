//go:build linux

package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// A subject is a database with a bundled script that is failed and killed at its records
// and actions, as TestKillMatrix and TestFaultAtEveryAction do with MariaDB.
type subject struct {
	*command
	mounts []string
	free   func(what string) // fails the test unless it is as nobody had ever held it
	best   run.Verdict       // of a run that nobody disturbs
}

// subjects are those scripts for which the matrix has no place, by name.
var subjects = map[string]func(t *testing.T) *subject{
	"legacy":          legacySubject,
	"postgres":        func(t *testing.T) *subject { return postgresSubject(t, "atomic") },
	"postgres-backup": func(t *testing.T) *subject { return postgresSubject(t, "backup") },
	"redis":           redisSubject,
	"sqlite":          sqliteSubject,
}

// hasty has what never ends be over soon.
const hasty = "prescript_timeout = 2\npostscript_timeout = 2\n"

// legacySubject is a pair of scripts that make and remove a file: a stand-in for a
// database that they would lock.
func legacySubject(t *testing.T) *subject {
	testfs.RequireRoot(t)
	c := newCommand(t, "")
	locked := filepath.Join(c.dir, "locked")
	write(t, c.config, fmt.Sprintf("[workload \"orders\"]\nworkload_name = legacy\nrequire = filesystem\nfs_freeze = snapshot\n"+hasty+"[settings \"orders\"]\nprescript = %[1]s/pre\npostscript = %[1]s/post\n", c.dir))
	for name, command := range map[string]string{"pre": ": > " + locked, "post": "rm -f " + locked} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte("#!/bin/sh\n"+command+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &subject{command: c, best: run.Filesystem, free: func(what string) {
		t.Helper()
		eventually(t, deadline(), what+": the second script was run", func() bool { return !exists(locked) })
	}}
}

func postgresSubject(t *testing.T, mode string) *subject {
	fs := testfs.New(t, "xfs", 600)
	server := testdb.Postgres(t, testdb.Options{Dir: fs.Dir, Args: []string{"-c", "fsync=on", "-c", "archive_mode=on", "-c", "archive_command=true"}})
	admin := server.Pgx(t)
	for _, q := range []string{"CREATE TABLE probe (id SERIAL)", "CREATE ROLE starhost SUPERUSER LOGIN"} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	c := newCommand(t, fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://starhost@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\n"+hasty+"[settings \"orders\"]\nmode = %s\n", filepath.Dir(server.Socket), mode))
	return &subject{command: c, mounts: []string{fs.Dir}, best: run.Application, free: func(what string) {
		postgresFree(t, server, what)
		eventually(t, deadline(), what+": no session is in backup mode", func() bool {
			var there bool
			return admin.QueryRow(t.Context(), backupThere).Scan(&there) == nil && !there
		})
	}}
}

func redisSubject(t *testing.T) *subject {
	fs := testfs.New(t, "ext4", 200)
	server := testdb.Redis(t, testdb.Options{Dir: fs.Dir, Args: []string{"--appendonly", "yes", "--requirepass", password}})
	return &subject{command: newCommand(t, redisConfig(server, "")), mounts: []string{fs.Dir}, best: run.Application, free: func(what string) {
		t.Helper()
		conn := server.Redis(t, password)
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(deadline()))
		if _, err := conn.Do("SET", "probe", what); err != nil {
			t.Errorf("%s: Redis: a write: %v", what, err)
		}
	}}
}

func sqliteSubject(t *testing.T) *subject {
	fs := testfs.New(t, "ext4", 32)
	path := filepath.Join(fs.Dir, "orders.db")
	makeOrders(t, path)
	return &subject{command: newCommand(t, sqliteConfig(path, "auto")+hasty), mounts: []string{fs.Dir}, best: run.Application, free: func(what string) {
		t.Helper()
		db, err := sql.Open("sqlite", fmt.Sprintf("%s?_pragma=busy_timeout(%d)", path, deadline().Milliseconds()))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(context.Background(), "INSERT INTO orders DEFAULT VALUES"); err != nil {
			t.Errorf("%s: SQLite: a commit: %v", what, err)
		}
	}}
}

// nothingHeld ends the test if something is.
func (s *subject) nothingHeld(what string) {
	s.t.Helper()
	for _, dir := range s.mounts {
		if err := testfs.CanWrite(s.t, dir, deadline()); err != nil {
			s.t.Errorf("%s: %v", what, err)
		}
	}
	s.free(what)
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// Whoever dies or is stopped while something is held, or is about to be: soon after nothing
// is. Each death comes once, all over the run; make torture has each at each record. The
// matrix has PostgreSQL.
func TestKillEverySubject(t *testing.T) {
	for name, newSubject := range subjects {
		if name == "postgres" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t)
			m := &matrix{command: s.command, workloads: []string{"orders"}, mounts: s.mounts, free: []func(string){s.free}, best: s.best, rows: map[string]*row{}}
			defer m.print()
			m.undisturbed()
			from := slices.IndexFunc(m.records, func(r journal.Record) bool { return r.Action != nil && len(r.Action.Undo) > 0 })
			records := m.records[from:]
			all := deaths()
			_, every := os.LookupEnv(tortureEnv)
			for i, death := range all {
				for j, r := range records {
					if every || j == i*len(records)/len(all) {
						held, struck := m.die(fmt.Sprint(r.N), death[0], death[1])
						m.note("at a record", death, held, struck)
					}
				}
			}
		})
	}
}

// Every kind of fault at the first action that takes something, and one at each other
// action: soon after nothing is held, and the report says what happened.
func TestFaultsOfEverySubject(t *testing.T) {
	for name, newSubject := range subjects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t)
			f := &faults{command: s.command, observer: s, best: s.best}
			f.clean = f.run("run", "--json", "--", "true").want(t, run.ExitDone).report
			actions := slices.DeleteFunc(slices.Clone(f.clean.Members[0].Actions), func(a run.ActionReport) bool { return a.State == "" })
			takes := slices.IndexFunc(actions, func(a run.ActionReport) bool { return a.Hold != "" })
			for n, a := range actions {
				if (name == "redis" || name == "postgres-backup") && n < takes-1 {
					continue // each takes as long as a program; they are all alike, or those of postgres
				}
				for i, kind := range faultKinds {
					if strings.HasPrefix(a.Name, "try_") && kind == "timeout" {
						continue // that is an answer to the script, too
					}
					if n == max(takes, 0) || i == n%len(faultKinds) {
						f.at(n+1, kind)
					}
				}
			}
		})
	}
}
