package stmt

import (
	"strings"

	"github.com/starhost/starhost/action"
)

// sqlite is SQLite 3. It has no functions but the built-in ones and those that a
// host program adds.
var sqlite = dialect{
	lexis: lexis{
		backtick: true, bracket: true, variables: "?:@$#", punctuation: "+-*/%<>=!&|~(),.;",
	},
	reserved: words(`select from where and or not in exists values on using as when then else case having union all
		distinct between like glob match limit offset is cast`),
	reads: words(
		`avg count group_concat max median min percentile string_agg sum total
		cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`,
		`abs acos acosh asin asinh atan atan2 atanh ceil ceiling char changes coalesce concat concat_ws cos cosh degrees
		exp floor format hex if ifnull iif instr last_insert_rowid length like glob likelihood likely ln log log10 log2
		lower ltrim mod nullif octet_length pi pow power printf quote radians random randomblob replace round rtrim sign
		sin sinh soundex sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version sqrt substr
		substring tan tanh total_changes trim trunc typeof unhex unicode unistr unlikely upper zeroblob`,
		`date datetime julianday strftime time timediff unixepoch`,
		`json json_array json_array_length json_each json_error_position json_extract json_group_array json_group_object
		json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type
		json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object
		jsonb_patch jsonb_remove jsonb_replace jsonb_set generate_series`,
		`pragma_compile_options pragma_database_list pragma_foreign_key_check pragma_foreign_key_list
		pragma_function_list pragma_index_info pragma_index_list pragma_index_xinfo pragma_integrity_check
		pragma_quick_check pragma_table_info pragma_table_list pragma_table_xinfo`,
	),
	virtual: "pragma_",
	queries: []string{"select", "with", "values"},
	planned: []string{"insert", "update", "delete", "replace"},
	changes: []change{
		{"begin *", action.ScopeSession, "begins a transaction"},
		{"commit *", action.ScopeSession, "ends a transaction"},
		{"end *", action.ScopeSession, "ends a transaction"},
		{"rollback *", action.ScopeSession, "ends a transaction"},
		{"savepoint *", action.ScopeSession, "is part of a transaction"},
		{"release *", action.ScopeSession, "is part of a transaction"},
		{"attach *", action.ScopeSession, "opens a database for its session"},
		{"detach *", action.ScopeSession, "closes a database for its session"},
		{"create temp table *", action.ScopeSession, "makes a table of its session"},
		{"create temporary table *", action.ScopeSession, "makes a table of its session"},
	},
	judge: judgeSQLite,
}

var (
	// queryPragmas only read, with a value or without; the value is what they are
	// asked about.
	queryPragmas = words(`foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check
		quick_check table_info table_list table_xinfo`)
	// valuePragmas only read without a value.
	valuePragmas = words(`application_id auto_vacuum collation_list compile_options data_version database_list encoding
		freelist_count function_list journal_mode journal_size_limit locking_mode max_page_count module_list page_count
		page_size pragma_list schema_version secure_delete user_version`)
	// localPragmas only read without a value; the value is of the connection.
	localPragmas = words(`analysis_limit automatic_index busy_timeout cache_size cache_spill case_sensitive_like
		checkpoint_fullfsync defer_foreign_keys foreign_keys fullfsync mmap_size query_only read_uncommitted
		recursive_triggers reverse_unordered_selects synchronous temp_store threads trusted_schema wal_autocheckpoint`)
)

func judgeSQLite(d *dialect, t tokens) Info {
	switch t.word(0) {
	case "explain":
		return d.explain(t, false)
	case "pragma":
		return pragma(t)
	}
	return d.change(t)
}

// pragma judges PRAGMA [schema.]name [= value | (value)].
func pragma(t tokens) Info {
	i := 1
	if t.op(2) == "." {
		i = 3
	}
	name, bare := t.word(i), len(t) == i+1
	switch {
	case !bare && !oneValue(t[min(i+1, len(t)):]):
		return unknown("is a PRAGMA with more than one plain value")
	case queryPragmas[name], bare && (valuePragmas[name] || localPragmas[name]):
		return read()
	case localPragmas[name]:
		return local("sets a parameter of its connection")
	case name == "locking_mode":
		return changing(action.ScopeSession, "keeps or gives back the locks of its connection")
	case name == "":
		return unknown("is a PRAGMA without a plain name")
	}
	return unknown("PRAGMA " + name + " is not on the list of those that only read")
}

// oneValue reports whether t is = value or (value).
func oneValue(t tokens) bool {
	if t.op(0) == "(" && t.op(len(t)-1) == ")" {
		t = t[:len(t)-1]
	} else if t.op(0) != "=" {
		return false
	}
	if t.op(1) == "-" || t.op(1) == "+" {
		t = t[1:]
	}
	return len(t) == 2 && t[1].kind != operator
}

// virtualTable returns what a name does that is a pragma in the form of a table.
// Some of them change the database: SELECT * FROM pragma_optimize. SQLite takes a
// string for a name there, too.
func (d *dialect) virtualTable(tok token) Info {
	name := strings.ToLower(tok.text)
	if strings.HasPrefix(name, d.virtual) && !d.reads[name] {
		return unknown("uses " + name + ", which is not on the list of pragmas that only read")
	}
	return read()
}
