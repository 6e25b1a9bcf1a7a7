package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/drivertest"
	"github.com/starhost/starhost/host/driver/postgres"
	"github.com/starhost/starhost/internal/testdb"
)

const password = `it's a "secret"\`

// serve starts a server that wants the password of the user keeper.
func serve(t *testing.T) *testdb.Server {
	t.Helper()
	s := testdb.Postgres(t, testdb.Options{})
	exec(t, s, `CREATE ROLE keeper LOGIN PASSWORD 'it''s a "secret"\' IN ROLE pg_monitor`)
	exec(t, s, `CREATE DATABASE app OWNER keeper`)
	rules := "local all postgres trust\nlocal all all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(s.Dir, "pg_hba.conf"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "SELECT pg_reload_conf()")
	// The postmaster reads the file when it gets to it.
	wrong := config(s)
	wrong.Password = "wrong"
	await(t, "passwords are wanted", func() bool {
		server, err := postgres.Connect(t.Context(), wrong)
		if err == nil {
			_ = server.Close()
		}
		return err != nil
	})
	return s
}

func config(s *testdb.Server) driver.Config {
	return driver.Config{Driver: "postgres", User: "keeper", Password: password, Socket: s.Socket, Database: "app", RunID: "test"}
}

// number makes a query from outside our driver, on a connection of its own.
func number(t testing.TB, s *testdb.Server, query string, args ...any) (n int) {
	t.Helper()
	conn := s.Pgx(t)
	defer conn.Close(context.Background())
	if err := conn.QueryRow(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func exec(t testing.TB, s *testdb.Server, query string) {
	t.Helper()
	conn := s.Pgx(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestConformance(t *testing.T) {
	s := serve(t)
	drivertest.Run(t, drivertest.Subject{
		Connect: postgres.Connect,
		Config:  config(s),
		Block:   "SELECT pg_sleep(30)",
		Remark:  "SET starhost.state = 7",
		Recall:  "SELECT coalesce(current_setting('starhost.state', true), '0')::int AS v",
		Rows:    func(n int) string { return fmt.Sprintf("SELECT generate_series(1, %d) AS n", n) },
		Wide:    "SELECT repeat('x', 300000) AS t FROM generate_series(1, 10)",
		Echo:    "SELECT $1::text AS v",
		Twice:   "SELECT 1 AS a, 2 AS a",
		Multi:   "SELECT 1; SET starhost.state = 7",
		Values:  values,
		Create:  "CREATE TABLE held AS SELECT 0 AS n",
		Lock:    []string{"BEGIN", "LOCK TABLE held"},
		Write:   "UPDATE held SET n = n + 1",
		Unlock:  "COMMIT",

		SyntaxCode: action.String("42601"),
		Running: func(t testing.TB, id string, statement bool) bool {
			t.Helper()
			query := "SELECT count(*) FROM pg_stat_activity WHERE pid = $1::text::int"
			if statement {
				query += " AND state = 'active'"
			}
			return number(t, s, query, id) > 0
		},
		Kill:    func(t testing.TB, id string) { number(t, s, "SELECT pg_terminate_backend($1::text::int)::int", id) },
		Process: s,
		Users:   true,
	})
}

var values = []drivertest.ValueCase{
	{Query: "SELECT 42 AS v", Want: action.Int(42)},
	{Query: "SELECT -1::smallint AS v", Want: action.Int(-1)},
	{Query: "SELECT (-9223372036854775808)::bigint AS v", Want: action.Int(-1 << 63)},
	{Query: "SELECT 4294967295::oid AS v", Want: action.Int(1<<32 - 1)},
	{Query: "SELECT true AS v", Want: action.Bool(true)},
	{Query: "SELECT 1.5::float8 AS v", Want: action.Float(1.5)},
	{Query: "SELECT 1.1::real AS v", Want: action.Float(1.1)},
	{Query: "SELECT 'NaN'::float8 AS v", Want: action.String("NaN")},
	{Query: "SELECT '-Infinity'::float8 AS v", Want: action.String("-Infinity")},
	{Query: "SELECT 12345678901234567890.10 AS v", Want: action.String("12345678901234567890.10")},
	{Query: "SELECT date '2024-02-29' AS v", Want: action.String("2024-02-29")},
	{Query: "SELECT timestamp '2024-02-29 01:02:03.456' AS v", Want: action.String("2024-02-29 01:02:03.456")},
	{Query: "SELECT interval '1 day 2 hours' AS v", Want: action.String("1 day 02:00:00")},
	{Query: "SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS v", Want: action.String("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")},
	{Query: "SELECT '10.0.0.1'::inet AS v", Want: action.String("10.0.0.1")},
	{Query: `SELECT '{"a": 1}'::json AS v`, Want: action.String(`{"a": 1}`)},
	{Query: "SELECT '0/16B3748'::pg_lsn AS v", Want: action.String("0/16B3748")},
	{Query: "SELECT ARRAY[1,2] AS v", Want: action.String("{1,2}")},
	{Query: "SELECT NULL::int AS v", Want: action.Value{}},
	{Query: "SELECT '' AS v", Want: action.String("")},
	{Query: "SELECT 'Zürich 🐘' AS v", Want: action.String("Zürich 🐘")},
	{Query: `SELECT '\x00ff41'::bytea AS v`, Want: action.Bytes([]byte{0, 0xff, 'A'})},
}

func TestParameterTypes(t *testing.T) {
	session := open(t, connect(t, config(serve(t))))
	do(t, session, "CREATE TABLE kinds (i int, f real, b bool, t text, x bytea, d date)")
	do(t, session, "INSERT INTO kinds VALUES ($1, $2, $3, $4, $5, $6)", action.Int(1), action.Float(0.5), action.Bool(true),
		action.String("it's"), action.Bytes([]byte{0, '\\', 0xff}), action.String("2024-02-29"))
	got := action.List(do(t, session, "SELECT * FROM kinds WHERE i = $1 AND b = $2", action.Int(1), action.Bool(true)).Rows[0]...)
	want := action.List(action.Int(1), action.Float(0.5), action.Bool(true), action.String("it's"),
		action.Bytes([]byte{0, '\\', 0xff}), action.String("2024-02-29"))
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestStates has the server's errors sorted by what they certify.
func TestStates(t *testing.T) {
	s := serve(t)
	session := open(t, connect(t, config(s)))
	for _, c := range []struct {
		query string
		state action.State
		code  string
	}{
		{"SELECT * FROM nowhere", action.NotApplied, "42P01"},
		{"SELECT pg_backup_start('x')", action.NotApplied, "42501"},
		{"VACUUM", action.Applied, ""},
		{"CHECKPOINT", action.NotApplied, "42501"},
		{"CREATE TABLE t (n int PRIMARY KEY)", action.Applied, ""},
		{"INSERT INTO t VALUES (1), (1)", action.NotApplied, "23505"},
		{"DO $$ BEGIN COMMIT; PERFORM 1/0; END $$", action.Unknown, "22012"},
		{"SET statement_timeout = 50", action.Applied, ""},
		{"SELECT pg_sleep(9)", action.Unknown, "57014"},
	} {
		r := session.Do(t.Context(), c.query, nil)
		code := ""
		if r.Err != nil {
			code = r.Err.Code.Text()
		}
		if r.State != c.state || code != c.code {
			t.Errorf("%s: state %s, error %v; want %s, %q", c.query, r.State, r.Err, c.state, c.code)
		}
	}
}

// TestIdentity has the identity of a server read with and without the privilege,
// and the session's name at the server.
func TestIdentity(t *testing.T) {
	s := serve(t)
	var want string
	conn := s.Pgx(t)
	if err := conn.QueryRow(t.Context(), "SELECT system_identifier::text FROM pg_control_system()").Scan(&want); err != nil {
		t.Fatal(err)
	}
	server := connect(t, config(s))
	if got := server.Identity().Server; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := number(t, s, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'starhost test'"); n != 1 {
		t.Errorf("%d sessions are named after the run, want 1", n)
	}
	// The function is one of the database that is connected to.
	exec(t, s, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public")
	cfg := config(s)
	cfg.Database = "postgres"
	exec(t, s, "GRANT CONNECT ON DATABASE postgres TO keeper")
	exec(t, s, "REVOKE pg_monitor FROM keeper")
	if id := connect(t, cfg).Identity(); id.Server != id.Address {
		t.Errorf("without the privilege the server is %q, want its address %q", id.Server, id.Address)
	}
}

// TestEnvironment has libpq's variables and files say something else.
func TestEnvironment(t *testing.T) {
	s := serve(t)
	home := t.TempDir()
	for name, value := range map[string]string{
		"PGHOST": "/nowhere", "PGPORT": "1", "PGDATABASE": "nowhere", "PGUSER": "nobody", "PGPASSWORD": "wrong",
		"PGPASSFILE": "/nowhere", "PGAPPNAME": "other", "PGCONNECT_TIMEOUT": "x", "PGSSLMODE": "x", "PGSSLKEY": "/nowhere",
		"PGSSLCERT": "/nowhere", "PGSSLCERTMODE": "x", "PGSSLSNI": "x", "PGSSLROOTCERT": "/nowhere", "PGSSLPASSWORD": "x",
		"PGSSLNEGOTIATION": "x", "PGTARGETSESSIONATTRS": "standby", "PGSERVICEFILE": "/nowhere", "PGTZ": "Asia/Tokyo",
		"PGOPTIONS": "-c statement_timeout=1", "PGMINPROTOCOLVERSION": "9", "PGMAXPROTOCOLVERSION": "1",
		"PGCHANNELBINDING": "x", "PGREQUIREAUTH": "x", "HOME": home,
	} {
		t.Setenv(name, value)
	}
	if err := os.WriteFile(filepath.Join(home, ".pgpass"), []byte("*:*:*:*:"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	session := open(t, connect(t, config(s)))
	row := do(t, session, "SELECT current_user::text, current_database()::text, current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout").Rows[0]
	if got, want := action.List(row...), action.List(action.String("keeper"), action.String("app"),
		action.String("starhost test"), action.String("0")); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	without := config(s)
	without.Password = ""
	if server, err := postgres.Connect(t.Context(), without); err == nil {
		_ = server.Close()
		t.Error("a password was found in a file")
	}
	t.Setenv("PGSERVICE", "other")
	if server, err := postgres.Connect(t.Context(), config(s)); err == nil || !strings.Contains(err.Error(), "PGSERVICE") {
		if server != nil {
			_ = server.Close()
		}
		t.Errorf("with PGSERVICE: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]driver.Config{
		"no user":           {Socket: "/s"},
		"no server":         {User: "u"},
		"two servers":       {User: "u", Host: "a,b"},
		"relative socket":   {User: "u", Socket: "s"},
		"socket's port":     {User: "u", Socket: "/s/.s.PGSQL.x"},
		"unknown parameter": {User: "u", Socket: "/s", Params: map[string]string{"options": "-c fsync=off"}},
		"sslmode":           {User: "u", Host: "h", Password: "S3cret", Params: map[string]string{"sslmode": "maybe"}},
		"nobody there":      {User: "u", Socket: "/nowhere", Password: "S3cret"},
	} {
		server, err := postgres.Connect(t.Context(), cfg)
		switch {
		case err == nil:
			_ = server.Close()
			t.Errorf("%s: connected", name)
		case strings.Contains(err.Error(), "S3cret"):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func connect(t *testing.T, cfg driver.Config) driver.Server {
	t.Helper()
	server, err := postgres.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func open(t *testing.T, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func do(t *testing.T, session driver.Session, query string, params ...action.Value) *action.Rows {
	t.Helper()
	r := session.Do(t.Context(), query, params)
	if r.Err != nil {
		t.Fatalf("%s: %v", query, r.Err)
	}
	return r.Rows
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}
