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

// postgres starts the server of the documents, with data, a tablespace and nothing else on
// the filesystem at dir, and an archive elsewhere. Its user has the rights that the
// documents name, and no others.
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
	server.Start(t)
	w.put("/run/postgresql", filepath.Dir(server.Socket))
	w.put("/srv/archive", archive)
	w.put("/var/lib/postgresql/15/main", server.Dir)
	w.put("/var/lib/postgresql/15/", dir+"/")
	w.put("/mnt/restored/main", mounted+"/data")
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
