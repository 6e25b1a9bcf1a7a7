package stmt

import (
	"slices"

	"github.com/starhost/starhost/action"
)

// postgres is PostgreSQL 9.6 and later.
//
// standard_conforming_strings decides whether a backslash escapes in '…', so
// that is not relied on; in E'…' it always does.
var postgres = dialect{
	lexis: lexis{
		plain: maybeLiteral, prefixE: true, dollar: true, nested: true, returnEnds: true,
		variables: "$", operators: "+-*/<>=~!@#%^&|`?", punctuation: "(),.;:[]",
	},
	// Reserved, or a keyword that "cannot be function or type" (SQL Key Words,
	// appendix C of the manual).
	reserved: words(`select from where and or not in exists values on using as when then else case having union all
		distinct between any some array row lateral except intersect limit offset group grouping
		cast coalesce nullif greatest least extract overlay position substring trim
		numeric decimal dec varchar char character nchar bit time timestamp interval float`),
	reads: postgresReads,
	calls: map[string]Info{
		"pg_backup_start":                  changing(action.ScopeSession, "begins a backup of its session"),
		"pg_backup_stop":                   changing(action.ScopeSession, "ends the backup of its session"),
		"pg_start_backup":                  unknown("begins a backup that outlives its session, unless its third argument is false"),
		"pg_stop_backup":                   unknown("ends a backup that outlives its session, unless its first argument is false"),
		"pg_sleep":                         changing(action.ScopeSession, "waits"),
		"pg_sleep_for":                     changing(action.ScopeSession, "waits"),
		"pg_sleep_until":                   changing(action.ScopeSession, "waits"),
		"set_config":                       changing(action.ScopeSession, "sets a parameter of its session: use SET"),
		"pg_advisory_lock":                 changing(action.ScopeSession, advisory),
		"pg_advisory_lock_shared":          changing(action.ScopeSession, advisory),
		"pg_advisory_xact_lock":            changing(action.ScopeSession, advisory),
		"pg_advisory_xact_lock_shared":     changing(action.ScopeSession, advisory),
		"pg_try_advisory_lock":             changing(action.ScopeSession, advisory),
		"pg_try_advisory_lock_shared":      changing(action.ScopeSession, advisory),
		"pg_try_advisory_xact_lock":        changing(action.ScopeSession, advisory),
		"pg_try_advisory_xact_lock_shared": changing(action.ScopeSession, advisory),
		"pg_advisory_unlock":               changing(action.ScopeSession, advisory),
		"pg_advisory_unlock_shared":        changing(action.ScopeSession, advisory),
		"pg_advisory_unlock_all":           changing(action.ScopeSession, advisory),
		"pg_export_snapshot":               changing(action.ScopeSession, "exports a snapshot of its transaction"),
		"pg_cancel_backend":                changing(action.ScopeServer, "cancels a statement"),
		"pg_terminate_backend":             changing(action.ScopeServer, "ends a session"),
		"pg_reload_conf":                   changing(action.ScopeServer, "makes the server read its configuration"),
		"pg_wal_replay_pause":              changing(action.ScopeServer, "pauses recovery"),
		"pg_wal_replay_resume":             changing(action.ScopeServer, "resumes recovery"),
		"pg_xlog_replay_pause":             changing(action.ScopeServer, "pauses recovery"),
		"pg_xlog_replay_resume":            changing(action.ScopeServer, "resumes recovery"),
	},
	refine:  sessionBackup,
	catalog: "pg_catalog",
	queries: []string{"select", "with", "values", "table"},
	planned: []string{"insert", "update", "delete", "merge"},
	operators: words(`( ) , . ; : [ ] :: := => + - * / % ^ < > = <= >= <> != || |/ @ & | # ~ << >> ~* !~ !~* ~~ !~~ ~~* !~~*
		-> ->> #> #>> @> <@ && ? ?| ?& @? @@`),
	changes: []change{
		{"commit prepared *", action.ScopeDurable, "ends a prepared transaction"},
		{"rollback prepared *", action.ScopeDurable, "ends a prepared transaction"},
		{"begin *", action.ScopeSession, "begins a transaction"},
		{"start transaction *", action.ScopeSession, "begins a transaction"},
		{"commit *", action.ScopeSession, "ends a transaction"},
		{"end *", action.ScopeSession, "ends a transaction"},
		{"rollback *", action.ScopeSession, "ends a transaction"},
		{"abort *", action.ScopeSession, "ends a transaction"},
		{"savepoint *", action.ScopeSession, "is part of a transaction"},
		{"release *", action.ScopeSession, "is part of a transaction"},
		{"lock *", action.ScopeSession, "locks tables"},
		{"declare *", action.ScopeSession, "opens a cursor"},
		{"fetch *", action.ScopeSession, "moves a cursor"},
		{"move *", action.ScopeSession, "moves a cursor"},
		{"close *", action.ScopeSession, "closes a cursor"},
		{"discard *", action.ScopeSession, "drops what its session holds"},
		{"create temp table *", action.ScopeSession, "makes a table of its session"},
		{"create temporary table *", action.ScopeSession, "makes a table of its session"},
	},
	judge: judgePostgres,
}

const advisory = "is about a lock of its session"

func judgePostgres(d *dialect, t tokens) Info {
	switch t.word(0) {
	case "show":
		return d.query(t)
	case "explain":
		return d.explain(t, false)
	case "set", "reset":
		return worse(setPostgres(t), d.functions(t))
	case "listen", "unlisten", "deallocate":
		return worse(local("changes what its session knows"), d.functions(t))
	}
	return d.change(t)
}

// setPostgres judges SET. Everything it sets is of the session; but a search_path
// that names pg_catalog may put somebody's version() before the server's, and
// then the lists of this package mean nothing.
func setPostgres(t tokens) Info {
	to := t.outside(func(i int) bool { return t.op(i) == "=" || t.is(i, "to") })
	named := t[:max(to, 0)]
	hidden := slices.ContainsFunc(named, func(v token) bool { return v.kind == quoted })
	switch path := t.find("search_path", "schema"); {
	case hidden, path >= 0 && slices.ContainsFunc(t[path:], shadows):
		return changing(action.ScopeSession, "may set search_path to more than plain names other than pg_catalog")
	}
	return local("sets a parameter of its session")
}

// shadows reports whether v in a search_path is, or may be, pg_catalog.
func shadows(v token) bool {
	return v.text == "pg_catalog" || v.kind == text || v.kind == quoted && v.text != "$user"
}

// sessionBackup knows the old backup functions (9.6 to 14) by the argument that
// makes them part of their session: pg_start_backup(label, fast, false) and
// pg_stop_backup(false, …).
func sessionBackup(t tokens, i int) (Info, bool) {
	at := map[string]int{"pg_start_backup": i + 6, "pg_stop_backup": i + 2}[t.word(i)]
	if at == 0 || !t.is(at, "false") || !slices.Contains([]string{",", ")"}, t.op(at+1)) {
		return Info{}, false
	}
	if t.is(i, "pg_start_backup") && (t.op(i+3) != "," || t.op(i+5) != ",") {
		return Info{}, false
	}
	return changing(action.ScopeSession, "calls "+t.word(i)+"() for a backup of its session"), true
}
