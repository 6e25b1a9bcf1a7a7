package worlds_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/sqlite"
	"github.com/starhost/starhost/scripttest/worlds"
)

const fileQuery = "SELECT file FROM pragma_database_list WHERE name = 'main'"

// The subjects of on: "" is both, "wal" and "delete" are files in that mode.
var sqliteSequences = []sequence{
	{name: "script", steps: []string{
		"main| " + fileQuery, "=lock| PRAGMA busy_timeout = 100", "main| PRAGMA synchronous = FULL", "lock| BEGIN IMMEDIATE", "=main| PRAGMA journal_mode",
		"main| PRAGMA wal_checkpoint(PASSIVE)", "main| PRAGMA data_version", "main| PRAGMA page_count", "commit",
		"main| BEGIN IMMEDIATE", "main| PRAGMA data_version", "lock| ROLLBACK", "commit", "main| PRAGMA data_version", "main| BEGIN IMMEDIATE", "main| ROLLBACK",
	}},
	{name: "script whose lock is gone", steps: []string{
		"main| PRAGMA data_version", "lock| BEGIN IMMEDIATE", "lock end", "commit", "main| BEGIN IMMEDIATE", "main| PRAGMA data_version", "main| ROLLBACK", "lock| ROLLBACK",
	}},
	{name: "script while somebody writes", steps: []string{
		"other| BEGIN IMMEDIATE", "lock| PRAGMA busy_timeout = 100", "lock| BEGIN IMMEDIATE", "main| PRAGMA wal_checkpoint(PASSIVE)", "main| PRAGMA synchronous = FULL", "main| PRAGMA data_version", "main| PRAGMA page_count",
		"other| COMMIT", "lock| BEGIN IMMEDIATE", "lock| COMMIT",
	}},
	{name: "readers", steps: []string{
		"a| PRAGMA data_version", "r| BEGIN", "commit", "r| PRAGMA data_version", "commit", "a| PRAGMA data_version", "r| PRAGMA data_version", "a| PRAGMA wal_checkpoint(PASSIVE)", "a| BEGIN IMMEDIATE", "a| BEGIN IMMEDIATE", "a| BEGIN",
		"a| PRAGMA data_version", "a| PRAGMA wal_checkpoint(PASSIVE)", "a| COMMIT", "r| COMMIT", "r| COMMIT", "r| ROLLBACK", "a| PRAGMA wal_checkpoint(PASSIVE)", "commit", "a| PRAGMA wal_checkpoint", "r| BEGIN DEFERRED TRANSACTION", "r| PRAGMA wal_checkpoint(PASSIVE)",
		"r| SELECT count(*) AS n FROM sqlite_schema", "r| PRAGMA wal_checkpoint(PASSIVE)", "r end", "a| PRAGMA wal_checkpoint(PASSIVE)", "r| BEGIN", "r| PRAGMA page_count", "commit", "r end", "commit",
	}},
	{name: "other checkpoints", steps: []string{
		"commit", "commit", "a| PRAGMA wal_checkpoint(FULL)", "commit", "a| PRAGMA wal_checkpoint(RESTART)", "commit", "w| BEGIN IMMEDIATE", "a| PRAGMA wal_checkpoint(FULL)", "a| PRAGMA wal_checkpoint(TRUNCATE)", "w| ROLLBACK",
		"r| BEGIN", "r| PRAGMA page_count", "a| PRAGMA wal_checkpoint(RESTART)", "a| PRAGMA wal_checkpoint(FULL)", "commit", "a| PRAGMA wal_checkpoint(FULL)", "r| COMMIT", "a| PRAGMA main.wal_checkpoint(TRUNCATE)", "commit", "a| PRAGMA wal_checkpoint = PASSIVE",
	}},
	{name: "script while somebody reads", steps: []string{
		"commit", "somebody reads", "commit", "main| PRAGMA wal_checkpoint(PASSIVE)", "lock| BEGIN IMMEDIATE", "main| PRAGMA wal_checkpoint(PASSIVE)", "lock| ROLLBACK", "main| PRAGMA wal_checkpoint(RESTART)", "e| BEGIN EXCLUSIVE", "e| ROLLBACK",
		"nobody reads", "main| PRAGMA wal_checkpoint(PASSIVE)", "commit",
	}},
	{name: "a transaction with an error", steps: []string{"a| BEGIN", "a| SELECT nothing FROM pragma_page_count", "a| CHECKPOINT", "commit", "a| PRAGMA wal_checkpoint", "a| SELECT 1 AS one", "a| COMMIT"}},
	{name: "a transaction that reads a pragma", steps: []string{"a| BEGIN", "a| SELECT 1", "commit", "a| " + fileQuery, "commit", "a| PRAGMA wal_checkpoint", "a| ROLLBACK", "commit"}},
	{name: "exclusive", steps: []string{
		"c| SELECT 1 AS one", "a| BEGIN EXCLUSIVE", "commit", "b| PRAGMA page_count", "b| SELECT count(*) FROM sqlite_schema", "b| PRAGMA data_version", "b| PRAGMA journal_mode", "b| " + fileQuery, "b| BEGIN", "b| PRAGMA page_count", "b| SELECT 1", "b| ROLLBACK", "b| BEGIN IMMEDIATE", "b| SELECT 1", "b| PRAGMA synchronous", "b| PRAGMA synchronous = FULL", "b| PRAGMA wal_checkpoint", "b| PRAGMA encoding", "b| PRAGMA page_size", "b| PRAGMA query_only", "b| PRAGMA busy_timeout", "b| PRAGMA database_list",
		"c| SELECT 1 AS one", "c| PRAGMA synchronous", "c| PRAGMA wal_checkpoint", "c| PRAGMA journal_mode", "c| " + fileQuery, "c| PRAGMA page_count", "c| PRAGMA database_list", "c| SELECT * FROM pragma_page_count", "a| ROLLBACK",
		"b| PRAGMA page_count", "r| BEGIN", "r| PRAGMA user_version", "a| BEGIN EXCLUSIVE TRANSACTION", "r| END", "a| END TRANSACTION", "a| BEGIN IMMEDIATE TRANSACTION", "b| PRAGMA page_count", "a| ROLLBACK TRANSACTION",
	}},
	{name: "pragmas", steps: []string{
		"=a| PRAGMA busy_timeout", "=a| PRAGMA busy_timeout(50)", "=a| PRAGMA busy_timeout", "=b| PRAGMA busy_timeout", "=a| PRAGMA busy_timeout = -1", "=a| PRAGMA synchronous", "a| PRAGMA synchronous = OFF", "=a| PRAGMA synchronous", "a| PRAGMA synchronous = 1", "=a| PRAGMA synchronous",
		"a| BEGIN", "a| PRAGMA synchronous = FULL", "a| PRAGMA main.synchronous", "a| ROLLBACK", "a| PRAGMA database_list", "=a| PRAGMA page_size", "=a| PRAGMA freelist_count", "=a| PRAGMA user_version", "=a| PRAGMA application_id", "=a| PRAGMA encoding", "=a| PRAGMA integrity_check",
		"=a| PRAGMA quick_check", "=a| PRAGMA query_only", "a| PRAGMA query_only = ON", "=a| PRAGMA query_only", "=a| PRAGMA foreign_keys", "=a| PRAGMA wal_autocheckpoint", "=a| PRAGMA wal_autocheckpoint = 0", "=a| PRAGMA wal_autocheckpoint",
		"=a| SELECT journal_mode FROM pragma_journal_mode", "a| SELECT page_count FROM pragma_page_count", "=a| SELECT timeout FROM pragma_busy_timeout", "a| SELECT * FROM pragma_database_list", "a| SELECT data_version FROM pragma_data_version", "=a| SELECT user_version AS v FROM pragma_user_version()",
	}},
	{name: "journal mode of a log", on: "wal", steps: []string{"=a| PRAGMA journal_mode = WAL"}},
	{name: "journal mode of a journal", on: "delete", steps: []string{"=a| PRAGMA journal_mode = DELETE"}},
	{name: "selects", steps: []string{
		"=a| SELECT 1", "=a| SELECT 1 AS one, 'x' AS x, NULL AS n", "=a| SELECT sqlite_version()", "=a| select  Sqlite_Version() as v", "=a| SELECT 1 = 1, 2 > 3 AS no", "=a| SELECT true AS t", "=a| SELECT coalesce(NULL, 7) AS c",
		"=a| SELECT 'a' || 'b'", "=a| SELECT CAST('12x' AS integer) AS n, CAST(7 AS text) AS t", "a| SELECT nothing", "a| SELECT nothing FROM pragma_database_list", "=a| SELECT ? AS a, ?2 AS b <- x y", "=a| SELECT name FROM pragma_database_list WHERE seq = ? OR name = 'main' <- 7",
		"a| SELECT 1::int", "a| FLUSH TABLES", "a| SELECT 'x", "a| SELECT (1", "a| SELECT 1)", "a| CHECKPOINT", "a| ", "a| -- nothing", "=a| SELECT 1 AS x; -- one", "a| COMMIT", "a| ROLLBACK", "=a| SELECT count(*) FROM pragma_database_list",
		"=a| SELECT NOT 1 AS a, 1 IS NULL AS b, 2 IS NOT NULL AS c",
	}},
}

func TestAgreeSqlite(t *testing.T) {
	covers(t, "sqlite.star", sqliteSequences)
	for _, mode := range []string{"wal", "delete"} {
		for _, seq := range sqliteSequences {
			if seq.on != "" && seq.on != mode {
				continue
			}
			t.Run(mode+" "+seq.name, func(t *testing.T) { sqliteAgrees(t, mode, seq) })
		}
	}
}

func sqliteAgrees(t *testing.T, mode string, seq sequence) {
	path := filepath.Join(t.TempDir(), "app.db")
	outside, reader := openSqlite(t, path, mode)
	config := driver.Config{Driver: "sqlite", Database: path}
	server, err := sqlite.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	world, err := worlds.New("sqlite", action.Dict(
		action.Entry{Key: "journal_mode", Value: action.String(mode)}, action.Entry{Key: "path", Value: action.String(path)},
	))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := world.Identity().Version, server.Identity().Version; got != want {
		t.Errorf("the world is of version %s, the driver of %s", got, want)
	}
	p := &pair{world: world, real: server, digest: digester()}
	commit := func() (string, string) {
		return fmt.Sprint(p.world.Commit()), fmt.Sprint(outside.Do(t.Context(), "INSERT INTO entries VALUES (1)", nil).Err == nil)
	}
	p.special = map[string]func() (string, string){
		"commit": commit,
		"somebody reads": func() (string, string) {
			works(t, reader, "BEGIN", "SELECT count(*) FROM entries")
			if mode == "wal" {
				commit() // which that reader does not see
			}
			return fmt.Sprint(p.world.Set("reader", action.Bool(true))), "<nil>"
		},
		"nobody reads": func() (string, string) {
			works(t, reader, "COMMIT")
			return fmt.Sprint(p.world.Set("reader", action.Bool(false))), "<nil>"
		},
	}
	p.held = func(t *testing.T) []string { return sqliteHeld(t, p, outside) }
	p.agree(t, seq.steps)
}

// openSqlite makes a file and returns connections to it that are no sessions of the pair.
func openSqlite(t *testing.T, path, mode string) (outside, reader driver.Session) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := sqlite.Connect(t.Context(), driver.Config{Driver: "sqlite", Database: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	outside, err = server.Open(t.Context(), "outside")
	if err != nil {
		t.Fatal(err)
	}
	works(t, outside, "PRAGMA journal_mode = "+mode, "CREATE TABLE entries (id INT)", "INSERT INTO entries VALUES (1)")
	reader, err = server.Open(t.Context(), "reader")
	if err != nil {
		t.Fatal(err)
	}
	return outside, reader
}

func works(t *testing.T, session driver.Session, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if r := session.Do(t.Context(), q, nil); r.Err != nil {
			t.Fatalf("%s: %v", q, r.Err)
		}
	}
}

// sqliteHeld asks from outside whether the write lock is taken, and each session whether it
// is in a transaction, in which it cannot begin one.
func sqliteHeld(t *testing.T, p *pair, outside driver.Session) (held []string) {
	t.Helper()
	begun := 0
	for _, session := range p.open {
		if session.Do(t.Context(), "BEGIN", nil).Err != nil {
			begun++
		} else {
			session.Do(t.Context(), "ROLLBACK", nil)
		}
	}
	if outside.Do(t.Context(), "BEGIN IMMEDIATE", nil).Err == nil {
		outside.Do(t.Context(), "ROLLBACK", nil)
	} else {
		held = append(held, "write lock")
		begun--
	}
	if begun > 0 {
		held = append(held, "open transaction")
	}
	slices.Sort(held)
	return held
}

// digester returns what is compared where the values themselves cannot be: whether
// data_version is another one than before in that session, and whether a checkpoint is complete.
func digester() func(side, session, query string, rows *action.Rows) string {
	last := map[string]string{}
	return func(side, session, query string, rows *action.Rows) string {
		if rows == nil || len(rows.Rows) != 1 {
			return ""
		}
		row := rows.Rows[0]
		switch {
		case strings.Contains(query, "wal_checkpoint"):
			log, _ := row[1].AsInt()
			return fmt.Sprintf(" busy %s, %d, complete: %v", row[0], min(log, 1), row[1].Equal(row[2]))
		case query == "PRAGMA data_version":
			before := last[side+session]
			last[side+session] = row[0].String()
			return fmt.Sprintf(" another: %v", before != "" && before != row[0].String())
		}
		return ""
	}
}
