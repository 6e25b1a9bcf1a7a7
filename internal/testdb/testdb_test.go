package testdb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
)

func TestMariaDB(t *testing.T) {
	var dir, socket string
	t.Run("life", func(t *testing.T) {
		s := testdb.MariaDB(t, testdb.Options{Args: []string{"--server-id=7"}})
		dir, socket = s.Dir, s.Socket
		answer := func() string {
			t.Helper()
			var version, id string
			if err := s.DB(t).QueryRow("SELECT VERSION(), @@server_id").Scan(&version, &id); err != nil {
				t.Fatal(err)
			}
			return version + " " + id
		}
		if got := answer(); !strings.HasSuffix(got, " 7") || !strings.Contains(got, "MariaDB") {
			t.Errorf("the server says it is %q", got)
		}
		s.Kill(t)
		if err := s.DB(t).Ping(); err == nil {
			t.Error("a killed server answers")
		}
		s.Start(t)
		answer()
		s.Pause(t)
		s.Resume(t)
		answer()
		s.Stop(t)
		s.Start(t)
		answer()
	})
	for _, path := range []string{dir, socket} {
		if _, err := os.Stat(path); path != "" && err == nil {
			t.Errorf("%s was left behind", path)
		}
	}
}

func TestPostgresOnGivenDirectory(t *testing.T) {
	mount := t.TempDir()
	// The server's user has to get there.
	for dir := mount; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("life", func(t *testing.T) {
		s := testdb.Postgres(t, testdb.Options{Dir: mount})
		if filepath.Dir(s.Dir) != mount {
			t.Errorf("data is in %s, want it in %s", s.Dir, mount)
		}
		var one int
		if err := s.Pgx(t).QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil {
			t.Fatal(err)
		}
		s.Kill(t)
		s.Start(t)
		if err := s.Pgx(t).QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil {
			t.Fatal(err)
		}
	})
	if left, _ := os.ReadDir(mount); len(left) > 0 {
		t.Errorf("%v were left behind", left)
	}
}

func TestMySQL56(t *testing.T) {
	s := testdb.MySQL56(t, testdb.Options{})
	for range 2 {
		var version string
		if err := s.DB(t).QueryRow("SELECT VERSION()").Scan(&version); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(version, "5.6.") {
			t.Errorf("the server says it is %q", version)
		}
		s.Kill(t)
		s.Start(t)
	}
}
