package stmt

import (
	"strings"

	"github.com/starhost/starhost/action"
)

// mysql is MySQL 5.6 to 9, MariaDB and Percona Server.
//
// sql_mode decides whether "…" is a string or a name (ANSI_QUOTES) and whether a
// backslash escapes (NO_BACKSLASH_ESCAPES), so neither is relied on.
// A stored function named count is called by count (1), with a blank, and by
// db.count(1), but never by count(1) (measured on MariaDB 10.11; "Function Name
// Parsing and Resolution" of the MySQL manual): hence tight.
var mysql = dialect{
	lexis: lexis{
		plain: maybeEscape, double: maybeEscape, backtick: true, hash: true, dashBlank: true, executable: true,
		variables: "?@", system: true, punctuation: "+-*/%<>=!&|^~(),.;:",
	},
	reserved: words(`select from where and or not in exists values on using as when then else case having union all
		distinct between by row index key partition like rlike regexp div xor binary match interval limit`),
	reads: mysqlReads,
	calls: map[string]Info{
		"get_lock":       changing(action.ScopeSession, "takes a lock that ends with its session"),
		"release_lock":   changing(action.ScopeSession, "gives a lock of its session back"),
		"sleep":          changing(action.ScopeSession, "waits"),
		"benchmark":      changing(action.ScopeSession, "keeps the server busy"),
		"last_insert_id": local("may set a value of its session"),
	},
	tight:   true,
	queries: []string{"select", "with", "values", "table"},
	planned: []string{"insert", "update", "delete", "replace"},
	changes: []change{
		{"flush * with read lock", action.ScopeSession, "locks tables"},
		{"flush * for export", action.ScopeSession, "locks tables"},
		{"lock table *", action.ScopeSession, "locks tables"},
		{"lock tables *", action.ScopeSession, "locks tables"},
		{"lock binlog for backup", action.ScopeSession, "takes a backup lock"},
		{"lock instance for backup", action.ScopeSession, "takes a backup lock"},
		{"unlock table", action.ScopeSession, "gives table locks back"},
		{"unlock tables", action.ScopeSession, "gives table locks back"},
		{"unlock binlog", action.ScopeSession, "gives a backup lock back"},
		{"unlock instance", action.ScopeSession, "gives a backup lock back"},
		{"backup stage *", action.ScopeSession, "moves the backup lock of its session"},
		{"backup lock *", action.ScopeSession, "takes a backup lock"},
		{"backup unlock", action.ScopeSession, "gives a backup lock back"},
		{"start transaction *", action.ScopeSession, "begins a transaction"},
		{"begin", action.ScopeSession, "begins a transaction"},
		{"begin work", action.ScopeSession, "begins a transaction"},
		{"commit *", action.ScopeSession, "ends a transaction"},
		{"rollback *", action.ScopeSession, "ends a transaction"},
		{"savepoint *", action.ScopeSession, "is part of a transaction"},
		{"release savepoint *", action.ScopeSession, "is part of a transaction"},
		{"handler *", action.ScopeSession, "holds a table open"},
		{"do *", action.ScopeSession, "calls functions for what they do"},
		{"create temporary table *", action.ScopeSession, "makes a table of its session"},
		{"create or replace temporary table *", action.ScopeSession, "makes a table of its session"},
		{"drop temporary table *", action.ScopeSession, "drops a table of its session"},
		{"flush *", action.ScopeServer, "flushes"},
		{"kill *", action.ScopeServer, "ends a session or a statement"},
		{"start replica *", action.ScopeServer, "starts replication"},
		{"start slave *", action.ScopeServer, "starts replication"},
		{"start all slaves *", action.ScopeServer, "starts replication"},
		{"start group_replication *", action.ScopeServer, "starts replication"},
		{"stop replica *", action.ScopeServer, "stops replication"},
		{"stop slave *", action.ScopeServer, "stops replication"},
		{"stop all slaves *", action.ScopeServer, "stops replication"},
		{"stop group_replication *", action.ScopeServer, "stops replication"},
	},
	judge: judgeMySQL,
}

func judgeMySQL(d *dialect, t tokens) Info {
	switch t.word(0) {
	case "show", "help":
		return d.query(t)
	case "explain", "describe", "desc":
		return d.explain(t, true)
	case "set":
		return d.setMySQL(t)
	case "xa":
		if t.matches(strings.Fields("xa recover")) {
			return read()
		}
	case "use":
		return worse(local("changes the database of its session"), d.expressions(t))
	}
	return d.change(t)
}

// setMySQL judges SET, which may be a list in which every assignment has a scope
// of its own.
func (d *dialect) setMySQL(t tokens) Info {
	switch {
	case t.is(1, "statement"): // MariaDB: SET STATEMENT x = 1 FOR …
		i := t.outside(func(i int) bool { return t.is(i, "for") })
		if i < 0 || i+1 == len(t) {
			return unknown("is a SET STATEMENT without a statement")
		}
		return worse(d.statement(t[i+1:]), d.expressions(t[:i]))
	case t.is(1, "default"):
		return unknown("sets the default role of an account")
	case t.is(1, "resource"):
		return changing(action.ScopeServer, "moves threads to a resource group")
	}
	info := d.query(t)
	switch {
	case t.is(1, "role"):
		return worse(local("sets the role of its session"), info)
	case t.is(1, "transaction"), t.is(1, "session", "local") && t.is(2, "transaction"):
		return worse(local("sets how transactions of its session are isolated"), info)
	}
	for _, part := range t[1:].split() {
		info = worse(info, assignmentMySQL(part))
	}
	return info
}

// assignmentMySQL returns what one assignment of a SET does, its value aside.
func assignmentMySQL(t tokens) Info {
	name := t.get(0, variable)
	assigned := t.outside(func(i int) bool { return t.op(i) == "=" || t.op(i) == ":=" }) > 0
	switch {
	case t.is(0, "global"), name == "@@global", strings.HasPrefix(name, "@@global."):
		return changing(action.ScopeServer, "sets a global variable")
	case t.is(0, "persist", "persist_only"), strings.HasPrefix(name, "@@persist"):
		return unknown("sets a variable that outlives the server")
	case t.is(0, "password"):
		return unknown("sets a password")
	case t.is(0, "names", "charset"), t.is(0, "character") && t.is(1, "set"),
		assigned && len(t) > 2 && t[0].kind != text && t[0].kind != number && t[0].kind != operator:
		return local("sets a variable of its session")
	}
	return unknown("is a SET that is not known")
}
