package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/drivertest"
	"github.com/starhost/starhost/host/driver/sqlite"
)

func config(t *testing.T) driver.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's 100% a file?#.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil { // an empty file is an empty database
		t.Fatal(err)
	}
	return driver.Config{Driver: "sqlite", Database: path}
}

func TestConformance(t *testing.T) {
	const numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < %d) SELECT n FROM s"
	drivertest.Run(t, drivertest.Subject{
		Connect: sqlite.Connect,
		Config:  config(t),
		// The first row comes at once; computing the second one goes on for ever.
		Block:  "SELECT 1 AS n UNION ALL SELECT * FROM (" + fmt.Sprintf(numbers, 1<<60) + " WHERE n < 0)",
		Remark: "CREATE TEMP TABLE IF NOT EXISTS remark AS SELECT 7 AS n",
		Recall: "SELECT 7 * count(*) AS v FROM temp.sqlite_schema",
		Rows:   func(n int) string { return fmt.Sprintf(numbers+" LIMIT %d", max(n, 1), n) },
		Wide:   "SELECT hex(zeroblob(150000)) AS t FROM (" + fmt.Sprintf(numbers, 10) + ")",
		Echo:   "SELECT ? AS v",
		Twice:  "SELECT 1 AS a, 2 AS a",
		Multi:  "SELECT 1; CREATE TEMP TABLE remark AS SELECT 7 AS n",
		Values: values,

		SyntaxCode: action.Int(1),
	})
}

var values = []drivertest.ValueCase{
	{Query: "SELECT 42 AS v", Want: action.Int(42)},
	{Query: "SELECT -9223372036854775808 AS v", Want: action.Int(-1 << 63)},
	{Query: "SELECT true AS v", Want: action.Int(1)}, // SQLite has no booleans
	{Query: "SELECT 1.0 AS v", Want: action.Float(1)},
	{Query: "SELECT 9e999 AS v", Want: action.String("+Inf")},
	{Query: "SELECT date('2024-02-29') AS v", Want: action.String("2024-02-29")},
	{Query: "SELECT NULL AS v", Want: action.Value{}},
	{Query: "SELECT '' AS v", Want: action.String("")},
	{Query: "SELECT x'' AS v", Want: action.Bytes(nil)},
	{Query: "SELECT 'Zürich 🐘' AS v", Want: action.String("Zürich 🐘")},
	{Query: "SELECT CAST(x'ff' AS TEXT) AS v", Want: action.Bytes([]byte{0xff})},
	{Query: "SELECT x'00ff41' AS v", Want: action.Bytes([]byte{0, 0xff, 'A'})},
	{Query: "/* a */ SELECT ';--' AS v ; /* b ; */ -- c; d", Want: action.String(";--")},
}

// TestDeclaredTypes has texts in columns declared as dates come back as they are.
func TestDeclaredTypes(t *testing.T) {
	session := open(t, connect(t, config(t)))
	do(t, session, "CREATE TABLE d (a DATE, b DATETIME, c BOOLEAN, e BLOB, f DECIMAL(5,2))")
	do(t, session, "INSERT INTO d VALUES (?, ?, ?, ?, ?)", action.String("2024-2-3"), action.String("2024-02-03T04:05Z"),
		action.Bool(true), action.Bytes([]byte{0, 1}), action.Float(1.5))
	got := action.List(do(t, session, "SELECT * FROM d").Rows[0]...)
	want := action.List(action.String("2024-2-3"), action.String("2024-02-03T04:05Z"), action.Int(1), action.Bytes([]byte{0, 1}), action.Float(1.5))
	if !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestLock has a session hold the database against another one, and its end give
// the lock back and take the change back.
func TestLock(t *testing.T) {
	server := connect(t, config(t))
	holder, other := open(t, server), open(t, server)
	do(t, holder, "CREATE TABLE t (n int)")
	do(t, holder, "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END;")
	do(t, holder, "BEGIN IMMEDIATE")
	do(t, holder, "INSERT INTO t VALUES (1)")
	r := other.Do(t.Context(), "INSERT INTO t VALUES (2)", nil)
	if r.State != action.NotApplied || r.Err == nil || !r.Err.Code.Equal(action.Int(5)) || r.Err.Lost {
		t.Errorf("against the lock: %s %v, want SQLITE_BUSY, not applied", r.State, r.Err)
	}
	if err := server.End(t.Context(), holder.ID()); err != nil {
		t.Fatal(err)
	}
	do(t, other, "INSERT INTO t VALUES (3)")
	if rows := do(t, other, "SELECT n FROM t").Rows; len(rows) != 1 || !rows[0][0].Equal(action.Int(3)) {
		t.Errorf("got rows %v, want 3 alone", rows)
	}
	if r := other.Do(t.Context(), "INSERT INTO t VALUES (?, ?)", []action.Value{action.Int(1), action.Uint(1 << 63)}); r.State != action.NotApplied {
		t.Errorf("two values for one column: %+v", r)
	}
}

// TestFileReplaced has another file put in the place of the database.
func TestFileReplaced(t *testing.T) {
	cfg := config(t)
	server := connect(t, cfg)
	if err := os.Rename(cfg.Database, cfg.Database+".old"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(t.Context(), "main"); err == nil {
		t.Error("opened a file that is not there")
	}
	if _, err := os.Stat(cfg.Database); err == nil {
		t.Error("a file was made")
	}
	if err := os.WriteFile(cfg.Database, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(t.Context(), "main"); !errors.Is(err, driver.ErrGone) {
		t.Errorf("another file: got %v, want %v", err, driver.ErrGone)
	}
	if connect(t, cfg).Identity().SameLife(server.Identity()) {
		t.Error("two files have one identity")
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("this is some text and no database at all, but long enough to have a header of 100 bytes, which this one has"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]driver.Config{
		"no path":           {},
		"no file":           {Database: filepath.Join(dir, "none")},
		"directory":         {Database: dir},
		"no database":       {Database: text},
		"unknown parameter": {Database: text, Params: map[string]string{"mode": "rwc"}},
		"busy_timeout":      {Database: text, Params: map[string]string{"busy_timeout": "-1"}},
	} {
		if server, err := sqlite.Connect(t.Context(), cfg); err == nil {
			_ = server.Close()
			t.Errorf("%s: connected", name)
		}
	}
}

func connect(t *testing.T, cfg driver.Config) driver.Server {
	t.Helper()
	server, err := sqlite.Connect(t.Context(), cfg)
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
