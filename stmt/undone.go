package stmt

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// An absence is an error that says that there is nothing left to undo.
type absence struct {
	words   string // pattern of the statement …
	call    string // … or the one function that it calls to change something
	code    string // of the server, as text
	message string // part of the message; empty if the code says it all
}

// Measured on MariaDB 10.11, PostgreSQL 15 and SQLite 3.54, except: 3074 and 3093 are
// from the error reference of MySQL, the messages of pg_stop_backup are from
// src/backend/access/transam/xlogfuncs.c of PostgreSQL 9.6 to 14.
var (
	absentMySQL = []absence{
		{words: "backup stage end", code: "4146"}, // "You must start backup with BACKUP STAGE START"
		{words: "kill *", code: "1094"},           // unknown thread id
		{words: "start group_replication *", code: "3093"},
		// Somebody has made a source of the replica meanwhile: there is nothing to start.
		{words: "start slave *", code: "1200"},
		{words: "start replica *", code: "1200"},
		{words: "start slave *", code: "1617"}, // MariaDB: "There is no master connection"
		{words: "start replica *", code: "3074"},
		{words: "start slave *", code: "3074"},
		{words: "uninstall *", code: "1305"},
		{words: "drop table *", code: "1051"},
		{words: "drop temporary table *", code: "1051"},
	}
	// From "Database Error Messages": none of the files are in backup; all of them are
	// offline or read-only. The action of both is none.
	absentOracle = []absence{
		{words: "alter database end backup", code: "1142"},
		{words: "alter database end backup", code: "1140"},
		{words: "alter tablespace * end backup", code: "1142"},
		{words: "alter tablespace * end backup", code: "1140"},
	}
	absentPostgres = []absence{
		// 55000 alone says too little: it is also "the standby was promoted during
		// online backup", after which there is no valid backup.
		{call: "pg_backup_stop", code: "55000", message: "not in progress"},
		{call: "pg_stop_backup", code: "55000", message: "not in progress"},
		{call: "pg_wal_replay_resume", code: "55000", message: "not in progress"},
		{call: "pg_drop_replication_slot", code: "42704"},
		{words: "rollback prepared *", code: "42704"},
		{words: "close *", code: "34000"},
		{words: "drop table *", code: "42P01"},
	}
	absentSQLite = []absence{
		{words: "commit *", code: "1", message: "no transaction is active"},
		{words: "end *", code: "1", message: "no transaction is active"},
		{words: "rollback *", code: "1", message: "no transaction is active"},
		{words: "rollback *", code: "1", message: "no such savepoint"},
		{words: "release *", code: "1", message: "no such savepoint"},
		{words: "detach *", code: "1", message: "no such database"},
		{words: "drop table *", code: "1", message: "no such table"},
	}
)

// AlreadyUndone reports whether the error that query ended with says that what it
// was to undo is not there any more, so that the undo counts as done. The code is
// the server's own ([action.Fault]): an int for mysql, oracle and sqlite, where an extended
// code counts as its primary one, and an SQLSTATE string for postgres. Where a
// code has several meanings the message decides, and it must be in English
// (lc_messages of PostgreSQL): in another language the answer is false, as it is
// in every case of doubt, and for a statement that drops more than one thing.
func AlreadyUndone(database, query string, code action.Value, message string) bool {
	d, err := dialectOf(database)
	if err != nil {
		return false
	}
	t, odd, err := lex(&d.lexis, query)
	if err != nil || odd != "" {
		return false
	}
	t, err = t.single()
	if err != nil {
		return false
	}
	key := errorKey(d, code)
	list := map[*dialect][]absence{&mysql: absentMySQL, &oracle: absentOracle, &postgres: absentPostgres, &sqlite: absentSQLite}[d]
	return slices.ContainsFunc(list, func(a absence) bool {
		return key == a.code && strings.Contains(message, a.message) && a.about(d, t)
	})
}

// about reports whether a is about the statement t, and about all that it does.
func (a absence) about(d *dialect, t tokens) bool {
	if a.words != "" {
		return len(t.split()) == 1 && t.matches(strings.Fields(a.words))
	}
	found := 0
	for i := range t {
		switch {
		case !t.called(i) || d.call(t, i).Class == Read:
		case !t.is(i, a.call):
			return false
		default:
			found++
		}
	}
	return found == 1 && t.is(0, "select")
}

// errorKey returns the code as it is written in the tables.
func errorKey(d *dialect, code action.Value) string {
	if code.Kind() == action.StringKind {
		return code.Text()
	}
	n, ok := code.AsInt()
	switch {
	case !ok:
		return ""
	case d == &sqlite:
		n &= 0xff
	}
	return action.Int(n).String()
}
