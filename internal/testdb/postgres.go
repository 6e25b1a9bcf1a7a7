package testdb

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Postgres starts a PostgreSQL server, the newest one installed. Its superuser is
// postgres, without a password.
func Postgres(t testing.TB, o Options) *Server {
	t.Helper()
	binary := program(t, o.Binary, "", newest("/usr/lib/postgresql/*/bin/postgres"))
	s := prepare(t, o, "postgres")
	if !s.restored {
		run(t, s, filepath.Join(filepath.Dir(binary), "initdb"), "-D", s.Dir, "-U", "postgres", "-A", "trust",
			"--no-sync", "--locale=C", "--encoding=UTF8")
	}
	s.User, s.stop = "postgres", syscall.SIGINT // fast shutdown
	s.Socket = filepath.Join(s.home, ".s.PGSQL.5432")
	s.argv = append([]string{
		binary, "-D", s.Dir, "-k", s.home, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=16MB", "-c", "max_connections=40",
	}, o.Args...)
	s.ping = func(ctx context.Context) error {
		conn, err := s.connect(ctx)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	s.clean = func() { removeSegment(s.Dir) }
	s.Start(t)
	return s
}

// newest returns the last match by version.
func newest(pattern string) string {
	matches, _ := filepath.Glob(pattern)
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	slices.SortFunc(matches, func(a, b string) int { return version(a) - version(b) })
	if len(matches) == 0 {
		return ""
	}
	return matches[len(matches)-1]
}

// removeSegment removes the System V shared memory that a killed server leaves
// behind; its id is the last word of line 7 of postmaster.pid.
func removeSegment(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) < 7 {
		return
	}
	words := strings.Fields(lines[6])
	if len(words) != 2 {
		return
	}
	if id, err := strconv.Atoi(words[1]); err == nil {
		removeSharedMemory(id)
	}
}
