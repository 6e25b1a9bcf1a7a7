package stmt

import (
	"slices"

	"github.com/starhost/starhost/action"
)

// oracle is Oracle Database 11.2 and later.
//
// A function without parameters may be called without parentheses (SELECT f FROM
// dual), so it cannot be told from a column. Whoever names such a function has to know
// what it does.
//
// Sources: SQL Language Reference 11.2 to 23, of which "Oracle SQL Reserved Words" for
// reserved; PL/SQL Packages and Types Reference.
var oracle = dialect{
	lexis: lexis{
		sharp: true, prefixQ: true, variables: ":", punctuation: "+-*/%<>=!^|(),.;",
	},
	// CASE and WHEN are no reserved words, but no server takes them for a function.
	reserved: words(`select from where and or not in exists values on as then else case having union all distinct
		between by any group order connect start with prior minus intersect is like unique`),
	reads: words(
		// aggregates and windows
		`avg count max median min stddev sum variance listagg cume_dist dense_rank first_value lag last_value lead ntile
		percent_rank rank row_number`,
		// strings, numbers, dates, conversions
		`ascii chr concat initcap instr length lengthb lower lpad ltrim regexp_count regexp_instr regexp_like regexp_replace
		regexp_substr replace rpad rtrim soundex substr substrb translate trim upper
		abs bitand ceil exp floor ln log mod power remainder round sign sqrt trunc
		add_months extract last_day months_between next_day numtodsinterval numtoyminterval to_dsinterval
		cast hextoraw rawtohex to_char to_date to_number to_timestamp to_timestamp_tz scn_to_timestamp timestamp_to_scn
		coalesce decode greatest least nullif nvl nvl2 ora_hash standard_hash`,
		// the session and the server
		`sys_context userenv sys_guid dump vsize nls_charset_name nls_charset_id con_dbid_to_id con_name_to_id con_uid_to_id`,
	),
	packaged: words(`dbms_flashback.get_system_change_number dbms_utility.get_parameter_value dbms_utility.is_cluster_database
		dbms_utility.current_instance dbms_tts.isselfcontained`),
	queries: []string{"select", "with"},
	changes: []change{
		{"alter system suspend", action.ScopeServer, "halts all reads and writes of the database"},
		{"alter system resume", action.ScopeServer, "lets the database read and write again"},
		{"alter system kill session *", action.ScopeServer, "ends a session"},
		{"alter system checkpoint *", action.ScopeServer, "writes a checkpoint"},
		{"alter system switch logfile *", action.ScopeServer, "switches the redo log"},
		{"alter system archive log *", action.ScopeServer, "archives redo log"},
		{"alter database begin backup", action.ScopeDurable, "puts data files into backup mode"},
		{"alter database end backup", action.ScopeDurable, "ends the backup mode of data files"},
		{"alter database backup controlfile *", action.ScopeDurable, "writes a copy of the control file"},
		{"alter tablespace * begin backup", action.ScopeDurable, "puts data files into backup mode"},
		{"alter tablespace * end backup", action.ScopeDurable, "ends the backup mode of data files"},
		{"commit *", action.ScopeSession, "ends a transaction"},
		{"rollback *", action.ScopeSession, "ends a transaction"},
		{"savepoint *", action.ScopeSession, "is part of a transaction"},
		{"set transaction *", action.ScopeSession, "begins a transaction"},
		{"lock table *", action.ScopeSession, "locks tables"},
	},
	blocks: []string{"begin", "declare"},
	judge:  judgeOracle,
}

func judgeOracle(d *dialect, t tokens) Info {
	switch {
	case t.is(0, "alter") && t.is(1, "session"):
		return worse(sessionOracle(t), d.expressions(t))
	case t.is(0, "call"):
		return callOracle(t)
	}
	return d.change(t)
}

// sessionOracle judges ALTER SESSION. Another container, or another schema, gives other
// things the names that the lists of this package go by.
func sessionOracle(t tokens) Info {
	switch {
	case t.find("container", "current_schema", "edition") >= 0:
		return changing(action.ScopeSession, "sets what names mean in its session")
	case t.find("events", "advise", "database", "sync") >= 0, t.is(2, "enable", "disable", "force") && !t.is(3, "parallel"):
		return changing(action.ScopeSession, "is an ALTER SESSION that is not on the list")
	}
	return local("sets a parameter of its session")
}

// infoProcedures are those of DBMS_APPLICATION_INFO that say in V$SESSION what a session does.
var infoProcedures = []string{"set_action", "set_client_info", "set_module"}

// callOracle judges CALL. Of procedures only those are known that say what their own
// session does; they must be called with texts, numbers and variables alone.
func callOracle(t tokens) Info {
	unknownCall := unknown("calls a procedure, which is not on the list")
	i := 1
	if t.is(i, "sys") && t.op(i+1) == "." {
		i += 2
	}
	if !t.is(i, "dbms_application_info") || t.op(i+1) != "." || !t.is(i+2, infoProcedures...) || t.op(i+3) != "(" || t.op(len(t)-1) != ")" {
		return unknownCall
	}
	for _, v := range t[i+4 : len(t)-1] {
		if v.kind != text && v.kind != number && v.kind != variable && v.text != "," {
			return unknownCall
		}
	}
	return local("says in V$SESSION what its session does")
}

// block reports whether t is a block of PL/SQL, in which semicolons end no statement.
func (d *dialect) block(t tokens) bool { return slices.Contains(d.blocks, t.word(0)) }
