package stmt

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
)

// cases lists statements by what they are expected to be: "read", "local", "change"
// with a scope, or "error" with a part of its text.
type cases map[string][]string

func (c cases) check(t *testing.T, database string) {
	t.Helper()
	for want, queries := range c {
		for _, query := range queries {
			if got := answer(database, query); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s\n\tis  %s\n\twant %s", database, query, got, want)
			}
		}
	}
}

// answer puts what Classify says on one line.
func answer(database, query string) string {
	info, err := Classify(database, query)
	if err != nil {
		return "error " + err.Error()
	}
	return strings.TrimSpace(info.Class.String()+" "+info.Scope.String()) + ": " + info.What
}

var allCases = map[string]cases{"mysql": mysqlCases, "oracle": oracleCases, "postgres": postgresCases, "sqlite": sqliteCases}

func TestClassify(t *testing.T) {
	for database, c := range allCases {
		c.check(t, database)
		if database != "oracle" { // which shares too little; its own cases say the same
			anyCases.check(t, database)
		}
	}
}

// anyCases are the same for every database.
var anyCases = cases{
	"read": {
		"SELECT 1", "select 1;", "SeLeCt\n1 ; -- done\n;", "/* why */ SELECT 1", "SELECT 'a;b'", "SELECT 'it''s'",
		"SELECT 'sleep(1)'", `SELECT "into" FROM t`, "SELECT count(*), max(a) FROM t WHERE b IN (1, 2) AND (c OR NOT (d))",
		"SELECT * FROM (SELECT 1) AS x", "(SELECT 1)", "SELECT 1 UNION ALL SELECT (2)", "SELECT t.a FROM s.t AS t WHERE a = .5e3",
		"WITH x AS (SELECT 1) SELECT * FROM x", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5) SELECT * FROM n",
		"SELECT replace(a, 'x', 'y') FROM t", "VALUES (1)", "SELECT a FROM t JOIN (SELECT 1 AS b) AS u ON (a = b)",
		"SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t", "SELECT upper(a) FROM t",
		"SELECT 'ü' AS \"ü\"", "EXPLAIN SELECT 1", "EXPLAIN DELETE FROM t WHERE a = 1",
	},
	"change durable": {
		"DROP TABLE t", "DELETE FROM t", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "CREATE TABLE t (a int)",
		"SELECT f(1)", "SELECT s.version()", "SELECT s . in(1)", `SELECT "version"()`, "SELECT 1 INTO t",
		"WITH x AS (SELECT 1) DELETE FROM t", "WITH x AS (DELETE FROM t) SELECT 1", "SELECT (SELECT f(1))",
		"SELECT a FROM t ORDER BY f(a)", "SELECT over(1)", "SELECT join(1)",
		"SELECT count(*) FROM t WHERE a = ANY (f(1))", "EXPLAIN SELECT f(1)", "EXPLAIN FROBNICATE f(1)",
		"SELECT\u00a0version()", "SELECT version\u00a0()", "SELECT 1\u2028", "SELECT 1 \x01", "SELECT '\xff'", "SELECT \\N",
		"(DROP TABLE t)", "((SET GLOBAL a = 1))", "1", "'SELECT'", "SELECTS 1", "FROBNICATE", "SELECT 1abc", "SELECT 1e'x'",
		"SELECT 1.version()", "SELECT a.1(2)", "GRANT ALL ON a TO b", "SELECT _(1)", "CALL p()",
		"SELECT load_extension('x')", "SELECT writefile('a', 'b')",
	},
	"change session": {
		"COMMIT", "ROLLBACK", "SAVEPOINT a", "BEGIN", "ROLLBACK TO SAVEPOINT a", "CREATE TEMPORARY TABLE t (a VARCHAR(10))",
		"CREATE TEMPORARY TABLE t AS SELECT 1",
	},
	"error the statement is empty":   {"", " \n", ";", "-- nothing", "/* nothing */ ;"},
	"error more than one statement":  {"SELECT 1; DROP TABLE t", ";SELECT 1", "SELECT 1;/**/;SELECT 2", "SELECT ';';SELECT"},
	"error the quote ' at byte 8":    {"SELECT 'a", "SELECT '''", "SELECT 'a''"},
	"error the quote \" at byte 8":   {`SELECT "a`, `SELECT "'`},
	"error the comment at byte 8":    {"SELECT /* 1", "SELECT /*/ 1", "SELECT /* 'a'"},
	"error the statement has a NUL":  {"SELECT 1\x00; DROP TABLE t", "SELECT '\x00'", "-- \x00\nDROP TABLE t"},
	"change durable: CREATE":         {"CREATE USER a"},
	"change durable: calls f(), whi": {"CREATE TEMPORARY TABLE t AS SELECT f(1)"},
}

func TestUnknownDatabase(t *testing.T) {
	if got := answer("db2", "SELECT 1"); !strings.HasPrefix(got, `error unknown database "db2"`) {
		t.Error(got)
	}
	if info, _ := Classify("db2", "SELECT 1"); info.Class != Change || info.Scope != action.ScopeDurable {
		t.Errorf("an error came with %+v", info)
	}
	if _, err := QuoteName("db2", "a"); err == nil {
		t.Error("QuoteName knows db2")
	}
	if AlreadyUndone("db2", "COMMIT", action.Int(1), "no transaction is active") {
		t.Error("AlreadyUndone knows db2")
	}
}

func TestMessages(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT frob(1)":     "change durable: calls frob(), which is not on the list of functions that only read",
		"SELECT sleep(1)":    "change session: calls sleep(), which waits",
		"SELECT count (*)":   "change durable: has a blank in count (), which the server may take for a stored function: write count()",
		"DROP TABLE t":       "change durable: DROP is not on the list of statements that only read",
		"SELECT 1 FROM a.b(": "change durable: calls b() of a schema, which is not on the list of functions that only read",
		"SELECT 1":           "read: only reads",
	} {
		if got := answer("mysql", query); got != want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", query, got, want)
		}
	}
	if got := Class(7).String(); got != "class(7)" {
		t.Error(got)
	}
}
