package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/drivertest"
	"github.com/starhost/starhost/host/driver/mysql"
	"github.com/starhost/starhost/internal/testdb"
)

// outside is somebody who looks at the server without our driver.
type outside struct{ db *sql.DB }

func look(t testing.TB, s *testdb.Server) outside {
	db := s.DB(t)
	db.SetMaxOpenConns(1)
	return outside{db}
}

func (o outside) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := o.db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func (o outside) count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := o.db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (o outside) running(t testing.TB, id string, statement bool) bool {
	t.Helper()
	query := "SELECT count(*) FROM information_schema.processlist WHERE id = ?"
	if statement {
		query += " AND command <> 'Sleep' AND info IS NOT NULL"
	}
	return o.count(t, query, id) > 0
}

const password = `it's a "secret"\`

func config(s *testdb.Server) driver.Config {
	return driver.Config{Driver: "mysql", User: "keeper", Password: password, Socket: s.Socket, Database: "app", RunID: "test"}
}

func serve(t *testing.T) (*testdb.Server, outside) {
	t.Helper()
	s := testdb.MariaDB(t, testdb.Options{})
	o := look(t, s)
	o.exec(t, "CREATE DATABASE app")
	o.exec(t, "CREATE USER keeper@localhost IDENTIFIED BY '"+`it\'s a "secret"\\`+"'")
	o.exec(t, "GRANT ALL ON *.* TO keeper@localhost")
	return s, o
}

func TestConformance(t *testing.T) {
	s, o := serve(t)
	drivertest.Run(t, drivertest.Subject{
		Connect: mysql.Connect,
		Config:  config(s),
		Block:   "SELECT SLEEP(30)",
		Remark:  "SET @state = 7",
		Recall:  "SELECT coalesce(@state, 0) AS v",
		Rows:    func(n int) string { return fmt.Sprintf("SELECT seq AS n FROM seq_1_to_%d LIMIT %d", max(n, 1), n) },
		Wide:    "SELECT repeat('x', 300000) AS t FROM seq_1_to_10",
		Echo:    "SELECT ? AS v",
		Twice:   "SELECT 1 AS a, 2 AS a",
		Multi:   "SELECT 1; SET @state = 7",
		Values:  values,
		Create:  "CREATE OR REPLACE TABLE held AS SELECT 0 AS n",
		Lock:    []string{"LOCK TABLES held WRITE"},
		Write:   "UPDATE held SET n = n + 1",
		Unlock:  "UNLOCK TABLES",

		SyntaxCode: action.Int(1064),
		Running:    o.running,
		Kill:       func(t testing.TB, id string) { o.exec(t, "KILL CONNECTION "+id) },
		Process:    s,
		Users:      true,
	})
}

var values = []drivertest.ValueCase{
	{Query: "SELECT 42 AS v", Want: action.Int(42)},
	{Query: "SELECT -9223372036854775808 AS v", Want: action.Int(-1 << 63)},
	{Query: "SELECT CAST(18446744073709551615 AS UNSIGNED) AS v", Want: action.Uint(1<<64 - 1)},
	{Query: "SELECT TRUE AS v", Want: action.Int(1)}, // MySQL has no booleans
	{Query: "SELECT 1.5e0 AS v", Want: action.Float(1.5)},
	{Query: "SELECT CAST(1.1 AS FLOAT) AS v", Want: action.Float(1.1)},
	{Query: "SELECT 12345678901234567890.10 AS v", Want: action.String("12345678901234567890.10")},
	{Query: "SELECT DATE '2024-02-29' AS v", Want: action.String("2024-02-29")},
	{Query: "SELECT TIMESTAMP '2024-02-29 01:02:03.456' AS v", Want: action.String("2024-02-29 01:02:03.456")},
	{Query: "SELECT CAST('0000-00-00' AS DATE) AS v", Want: action.String("0000-00-00")},
	{Query: "SELECT TIME '-12:00:01' AS v", Want: action.String("-12:00:01")},
	{Query: "SELECT NULL AS v", Want: action.Value{}},
	{Query: "SELECT '' AS v", Want: action.String("")},
	{Query: "SELECT 'Zürich 🐘' AS v", Want: action.String("Zürich 🐘")},
	{Query: "SELECT x'00ff41' AS v", Want: action.Bytes([]byte{0, 0xff, 'A'})},
	{Query: "SELECT CAST('text' AS BINARY) AS v", Want: action.Bytes([]byte("text"))},
	{Query: `SELECT JSON_OBJECT('a', 1) AS v`, Want: action.String(`{"a": 1}`)},
	{Query: "SELECT UUID() LIKE '%-%' AS v", Want: action.Int(1)},
	{Query: "SELECT @@datadir LIKE '/%' AS v", Want: action.Int(1)},
}

// TestTypesWithParameters holds the two ways of making a statement together.
func TestTypesWithParameters(t *testing.T) {
	s, _ := serve(t)
	session := open(t, s)
	for _, c := range []struct {
		query string
		param action.Value
	}{
		{"SELECT n, u, d, f, t, b, e FROM kinds WHERE n = -1", action.Value{}},
		{"SELECT n, u, d, f, t, b, e FROM kinds WHERE n = ?", action.Int(-1)},
	} {
		do(t, session, "CREATE OR REPLACE TABLE kinds (n int, u bigint unsigned, d decimal(5,2), f double, t timestamp(3), b blob, e enum('x','y'))")
		do(t, session, "INSERT INTO kinds VALUES (?, ?, ?, ?, ?, ?, ?)", action.Int(-1), action.Uint(1<<64-1), action.String("1.50"),
			action.Float(0.1), action.String("2024-01-01 00:00:00.5"), action.Bytes([]byte{0, '\'', '\\', 0xff}), action.String("y"))
		var params []action.Value
		if !c.param.IsNone() {
			params = append(params, c.param)
		}
		got := action.List(do(t, session, c.query, params...).Rows[0]...)
		want := action.List(action.Int(-1), action.Uint(1<<64-1), action.String("1.50"), action.Float(0.1),
			action.String("2024-01-01 00:00:00.500"), action.Bytes([]byte{0, '\'', '\\', 0xff}), action.String("y"))
		if !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", c.query, got, want)
		}
	}
	// Statements that cannot be prepared take parameters all the same.
	do(t, session, "SET SESSION lock_wait_timeout = ?", action.Int(9))
	do(t, session, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'")
	if got := do(t, session, "SELECT ? AS v", action.String(`a\'b`)).Rows[0][0].Text(); got != `a\'b` {
		t.Errorf("without backslash escapes: got %q", got)
	}
}

// TestStates has the server's errors sorted by what they certify.
func TestStates(t *testing.T) {
	s, _ := serve(t)
	server := connect(t, s)
	session, holder := openOn(t, server), openOn(t, server)
	do(t, holder, "CREATE TABLE t (n int PRIMARY KEY) ENGINE=MyISAM")
	do(t, session, "CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (100); INSERT INTO t VALUES (100); END")
	do(t, session, "CREATE PROCEDURE q() BEGIN SELECT 1 AS a; SELECT 2 AS b; END")
	do(t, session, "SET SESSION lock_wait_timeout = 1")
	for _, c := range []struct {
		query string
		state action.State
		code  int64
	}{
		{"SELECT * FROM nowhere", action.NotApplied, 1146},
		{"INSERT INTO t VALUES (1), (1)", action.Unknown, 1062}, // one row stays
		{"CALL p()", action.Unknown, 1062},
		{"CALL q()", action.Applied, 0},
		{"SET STATEMENT max_statement_time = 0.05 FOR SELECT SLEEP(9)", action.Unknown, 1969},
		{"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t", action.Unknown, 0},
	} {
		r := session.Do(t.Context(), c.query, nil)
		code := int64(0)
		if r.Err != nil {
			code, _ = r.Err.Code.AsInt()
		}
		if r.State != c.state || code != c.code {
			t.Errorf("%s: state %s, error %v; want %s, %d", c.query, r.State, r.Err, c.state, c.code)
		}
	}
	session = openOn(t, server)
	do(t, session, "SET SESSION lock_wait_timeout = 1")
	do(t, holder, "LOCK TABLES t WRITE")
	r := session.Do(t.Context(), "FLUSH TABLES WITH READ LOCK", nil)
	if r.State != action.Unknown || r.Err.Message != "1205 (HY000): Lock wait timeout exceeded; try restarting transaction" {
		t.Errorf("lock wait timeout: %s %v", r.State, r.Err)
	}
}

func TestConfig(t *testing.T) {
	for name, cfg := range map[string]driver.Config{
		"no user":           {Socket: "/s"},
		"no server":         {User: "u"},
		"unknown parameter": {User: "u", Socket: "/s", Params: map[string]string{"multiStatements": "true"}},
		"tls":               {User: "u", Host: "h", Params: map[string]string{"tls": "maybe"}},
		"sslrootcert":       {User: "u", Host: "h", Params: map[string]string{"tls": "true", "sslrootcert": "/nowhere"}},
		"nobody there":      {User: "u", Socket: "/nowhere/s.sock"},
	} {
		if server, err := mysql.Connect(t.Context(), cfg); err == nil {
			_ = server.Close()
			t.Errorf("%s: connected", name)
		} else if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func connect(t *testing.T, s *testdb.Server) driver.Server {
	t.Helper()
	server, err := mysql.Connect(t.Context(), config(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func openOn(t *testing.T, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func open(t *testing.T, s *testdb.Server) driver.Session {
	t.Helper()
	return openOn(t, connect(t, s))
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
