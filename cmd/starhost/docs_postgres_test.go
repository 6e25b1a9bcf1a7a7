//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
)

// postgres starts the server of the documents, with data, a tablespace, the log and nothing
// else on the filesystem at dir, and an archive elsewhere. Links lead to tablespace and log,
// and the data directory has no configuration, as on Debian: a copy needs one of its own.
// Its user has the rights that the documents name, and no others.
func (w *docWorld) postgres(t *testing.T, dir string) {
	t.Helper()
	archive, mounted := w.dir+"/archive", w.here("/mnt/restored")
	if err := os.Mkdir(archive, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o777, archive: 0o777, w.dir: 0o755, mounted: 0o755} { // the server is another user
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	server := testdb.PostgresMajor(t, 15, testdb.Options{Dir: dir, Args: []string{"-c", "fsync=on", "-c", "archive_mode=on", "-c", "archive_command=cp %p " + archive + "/%f"}})
	server.Stop(t)
	shell(t, "runuser -u $(stat -c %U $1) -- /usr/lib/postgresql/15/bin/pg_checksums --enable -D $1", server.Dir)
	shell(t, "mv $1/pg_wal $2/wal && ln -s $2/wal $1/pg_wal && chown -h --reference=$1 $1/pg_wal && touch $2/wal/original", server.Dir, dir)
	server.Start(t)
	shell(t, "mkdir $2/kept && mv $1/postgresql.conf $1/pg_hba.conf $2/kept/", server.Dir, w.dir) // which a server that runs does not miss
	w.put("/run/postgresql", filepath.Dir(server.Socket))
	w.put("/srv/archive", archive)
	w.put("/var/lib/postgresql/15/main", server.Dir)
	w.put("/var/lib/postgresql/15/", dir+"/")
	w.put("/mnt/restored/main", mounted+"/data")
	t.Cleanup(func() {
		if _, err := os.Stat(dir + "/wal/original"); err != nil {
			t.Errorf("a command of the document has emptied the log of the original, to which the link of the copy leads: %v", err)
		}
	})
	t.Cleanup(func() { // of a document that fails before it has stopped its server
		_ = exec.Command("runuser", "-u", "postgres", "--", "/usr/lib/postgresql/15/bin/pg_ctl", "-D", mounted+"/data", "-m", "immediate", "-s", "-w", "stop").Run()
	})
	statements := sqlBlock(t, "databases/postgres.md", "-- PostgreSQL").text
	admin := server.Pgx(t)
	for _, q := range []string{
		"COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; mkdir " + dir + "/space'", "CREATE TABLESPACE space LOCATION '" + dir + "/space'",
		"CREATE TABLE orders (id INT PRIMARY KEY) TABLESPACE space", "INSERT INTO orders VALUES (1), (2), (3)",
		strings.ReplaceAll(statements, "'…'", "'"+w.password+"'"),
	} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}
