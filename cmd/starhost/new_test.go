//go:build linux

package main

import (
	"path/filepath"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

// The skeletons for servers prove a quiesce of the real ones as they are. That for
// SQLite is in testdata/script.
func TestSkeletonsOnServers(t *testing.T) {
	t.Parallel()
	for database, start := range map[string]func(*testing.T) (socket string){
		"mysql": func(t *testing.T) string {
			server := testdb.MariaDB(t, testdb.Options{})
			for _, q := range []string{"CREATE USER starhost@localhost IDENTIFIED BY '" + password + "'", "GRANT ALL ON *.* TO starhost@localhost"} {
				if _, err := server.DB(t).ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			return server.Socket
		},
		"postgres": func(t *testing.T) string {
			server := testdb.Postgres(t, testdb.Options{Args: []string{"-c", "fsync=on"}})
			for _, q := range []string{"CREATE ROLE starhost SUPERUSER LOGIN", "CREATE DATABASE starhost"} {
				if _, err := server.Pgx(t).Exec(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			return filepath.Dir(server.Socket)
		},
	} {
		t.Run(database, func(t *testing.T) {
			c := newCommand(t, configFor("mine", database, start(t), "script = mine.star\nfs_freeze = snapshot\n"))
			c.run("new", "mine", "--database", database, "--dir", c.dir).want(t, run.ExitDone)
			got := c.run("run", "--json", "--", "true").want(t, run.ExitDone)
			if got.report.Verdict != run.Application {
				t.Errorf("verdict %q", got.report.Verdict)
			}
		})
	}
}
