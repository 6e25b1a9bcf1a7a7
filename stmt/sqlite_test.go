package stmt

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/starhost/starhost/action"
	sqlite3 "modernc.org/sqlite"
)

var sqliteCases = cases{
	"read": {
		"PRAGMA data_version", "PRAGMA journal_mode", "PRAGMA main.page_count", "PRAGMA table_info(t)", "PRAGMA table_info = t",
		"PRAGMA database_list;", "PRAGMA quick_check", "PRAGMA integrity_check(1)", "PRAGMA compile_options", "PRAGMA busy_timeout",
		"PRAGMA synchronous", "PRAGMA locking_mode", "SELECT sqlite_version(), changes()", "SELECT [a], `a`, \"a\" FROM t",
		"SELECT 'a\\'", "SELECT 'a\\', 'b'", "SELECT ?1, :a, @b, $c", "SELECT * FROM pragma_table_info('t')", "EXPLAIN QUERY PLAN SELECT 1",
		"SELECT json_extract('{}', '$.a')", "SELECT count (*) FROM t", "SELECT 1 --x", "SELECT strftime('%s', 'now')", "SELECT x'00'",
		"SELECT '{}' ->> '$'", "SELECT a FROM t WHERE a LIKE ('b')", "SELECT a FROM t WHERE a GLOB 'b*'",
	},
	"local": {
		"PRAGMA busy_timeout = 5000", "PRAGMA busy_timeout(5000)", "PRAGMA query_only = ON", "PRAGMA main.synchronous = FULL",
		"PRAGMA cache_size = -2000", "PRAGMA temp_store = MEMORY", "PRAGMA wal_autocheckpoint = 0",
	},
	"change session": {
		"BEGIN IMMEDIATE", "BEGIN EXCLUSIVE TRANSACTION", "END", "RELEASE a", "PRAGMA locking_mode = EXCLUSIVE",
		"ATTACH DATABASE 'a' AS b", "DETACH b", "CREATE TEMP TABLE t AS SELECT 1",
	},
	"change durable": {
		"PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode = DELETE", "PRAGMA journal_mode(wal)",
		"PRAGMA user_version = 5", "PRAGMA writable_schema = 1", "PRAGMA optimize", "PRAGMA incremental_vacuum", "PRAGMA", "PRAGMA \"page_count\"",
		"SELECT * FROM pragma_optimize", "SELECT * FROM 'pragma_optimize'", "SELECT * FROM \"PRAGMA_OPTIMIZE\"", "SELECT * FROM [pragma_optimize]",
		"VACUUM", "VACUUM INTO 'x'", "REINDEX", "ANALYZE", "REPLACE INTO t VALUES (1)", "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
		"WITH x AS (SELECT 1) REPLACE INTO t SELECT * FROM x", "ATTACH f(1) AS b", "EXPLAIN PRAGMA optimize", "EXPLAIN QUERY PLAN PRAGMA optimize",
		"SELECT $a('), f(), ('", "SELECT $a::b('), (')", "SELECT :a(1)", "SELECT #1()", "SELECT [f](1)", "SELECT `abs`(1)", "SELECT 'f'(1)",
		"SELECT fts3_tokenizer('a', 'b')", "SELECT readfile('a')", "SELECT edit('a')", "SELECT 1_000", "SELECT a ^ b", "SELECT a[1]]",
	},
	"error more than one": {"SELECT 'a\\'; DROP TABLE t", "SELECT [;]; DROP TABLE t", "SELECT 1 --x\n; DROP TABLE t"},
	"error the quote":     {"SELECT [a", "SELECT `a"},
}

// TestReadsReadOnly makes every statement that is said to read, and checks that
// the file of the database is what it was.
func TestReadsReadOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (a, b, c, d); INSERT INTO t VALUES (1, 2, 3, 4); CREATE TABLE u (a)"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, query := range append(sqliteCases["read"], anyCases["read"]...) {
		if rows, err := db.Query(query); err == nil {
			for rows.Next() {
			}
			rows.Close()
			made++
		}
		after, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(before, after) {
			t.Fatalf("%s changed the file (%v)", query, err)
		}
	}
	if all := len(sqliteCases["read"]) + len(anyCases["read"]); made < all-8 {
		t.Errorf("only %d of %d statements could be made", made, all)
	}
}

// TestAbsenceSQLite checks the codes and messages against the real library.
func TestAbsenceSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{"COMMIT", "ROLLBACK", "END TRANSACTION", "RELEASE a", "DETACH a", "DROP TABLE missing"} {
		_, err := db.Exec(query)
		fault, ok := err.(*sqlite3.Error)
		if !ok || !AlreadyUndone("sqlite", query, action.Int(int64(fault.Code())), fault.Error()) {
			t.Errorf("%s: %v does not count as already undone", query, err)
		}
	}
}
