package worlds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// A pgFunction is a function of some versions.
type pgFunction struct {
	name        string
	least, most int
	names       []string // of the arguments
	since, last int      // versions; 0 is any
	right       bool     // not everybody may call it
	only        string   // "primary" or "standby"
	columns     []string
	many        bool // rows
	call        func(c *pgCall, args []action.Value) (action.Value, error)
}

var pgFunctions = slices.Concat(pgReadFunctions, pgLogFunctions, pgBackupFunctions, pgAdvisoryFunctions())

var pgReadFunctions = []pgFunction{
	{name: "version", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return action.String("PostgreSQL " + c.version + " on x86_64-pc-linux-gnu, 64-bit"), nil
	}},
	{name: "current_setting", least: 1, most: 2, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		v, err := c.setting(args[0].Text())
		if r, ok := err.(*refusal); ok && r.code.Text() == "42704" && len(args) == 2 && args[1].Truth() {
			return action.Value{}, nil
		}
		return action.String(v), err
	}},
	{name: "set_config", least: 3, most: 3, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		v, err := c.assign(args[0].Text(), plain(args[1]), args[2].Truth())
		return action.String(v), err
	}},
	{name: "pg_backend_pid", call: func(c *pgCall, _ []action.Value) (action.Value, error) { return number(c.id), nil }},
	{name: "current_database", call: func(*pgCall, []action.Value) (action.Value, error) { return action.String("postgres"), nil }},
	{name: "pg_postmaster_start_time", call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		return action.String(c.started().Format(pgTime)), nil
	}},
	{name: "pg_tablespace_location", least: 1, most: 1, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		oid, _ := args[0].AsInt()
		if i := int(oid) - firstSpace; i >= 0 && i < len(c.spaces) {
			return action.String(c.spaces[i]), nil
		}
		return action.String(""), nil
	}},
	{name: "coalesce", least: 1, most: 9, call: func(_ *pgCall, args []action.Value) (action.Value, error) {
		i := slices.IndexFunc(args, func(v action.Value) bool { return !v.IsNone() })
		return append(args, action.Value{})[max(i, 0)], nil
	}},
	{name: "pg_sleep", least: 1, most: 1, call: nothing},
	{name: "pg_cancel_backend", least: 1, most: 1, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		return action.Bool(c.Alive(plain(args[0]))), nil
	}},
	{name: "pg_terminate_backend", least: 1, most: 2, call: func(c *pgCall, args []action.Value) (action.Value, error) {
		id := plain(args[0])
		there := c.Alive(id)
		if c.Disconnect(id); id == c.id {
			return action.Value{}, pgError("57P01", "terminating connection due to administrator command")
		}
		return action.Bool(there), nil
	}},
	{name: "pg_reload_conf", right: true, call: func(c *pgCall, _ []action.Value) (action.Value, error) {
		c.settings.load(false)
		return action.Bool(true), nil
	}},
	{
		name: "pg_control_system", columns: []string{"pg_control_version", "catalog_version_no", "system_identifier", "pg_control_last_modified"},
		call: func(c *pgCall, _ []action.Value) (action.Value, error) {
			return action.List(action.Int(c.control), action.Int(c.catalogVersion), number(c.system), action.String(c.started().Format(pgTime))), nil
		},
	},
	{
		name: "pg_control_checkpoint", columns: strings.Fields(`checkpoint_lsn redo_lsn redo_wal_file timeline_id prev_timeline_id
			full_page_writes next_xid next_oid next_multixact_id next_multi_offset oldest_xid oldest_xid_dbid oldest_active_xid
			oldest_multi_xid oldest_multi_dbid oldest_commit_ts_xid newest_commit_ts_xid checkpoint_time`),
		call: func(c *pgCall, _ []action.Value) (action.Value, error) {
			xid, oid := action.String("731"), action.Int(1)
			return action.List(lsn(c.checkpoint), lsn(c.checkpoint), action.String(c.file(c.checkpoint)), action.Int(c.timeline), action.Int(c.timeline),
				action.Bool(c.settings.now["full_page_writes"] == "on"), action.String("0:731"), oid, xid, xid, xid, oid, xid, xid, oid, xid, xid,
				action.String(c.started().Format(pgTime))), nil
		},
	},
}

const (
	pgTime     = "2006-01-02 15:04:05.999999-07"
	firstSpace = 16384 // object id of the first tablespace that somebody made
)

// pgGone are functions of other versions, whose names are in scripts of old.
var pgGone = strings.Fields("pg_current_xlog_location pg_last_xlog_replay_location pg_switch_xlog pg_xlogfile_name")

func nothing(*pgCall, []action.Value) (action.Value, error) { return action.String(""), nil }

// function returns the one that the call is of, with what there is to refuse.
func (c *pgCall) function(name string, args int) (function, bool) {
	there := pgError("42883", "function %s does not exist", name)
	var found *pgFunction
	for i, f := range pgFunctions {
		if f.name != name {
			continue
		}
		if c.major < f.since || f.last > 0 && c.major > f.last {
			return function{most: args, refuse: there}, true
		}
		if found == nil || args >= f.least {
			found = &pgFunctions[i]
		}
	}
	switch {
	case slices.Contains(pgGone, name):
		return function{most: args, refuse: there}, true
	case name == "has_function_privilege":
		return function{least: 2, most: 2, call: c.mayCall}, true
	case found == nil:
		return c.keyword(name)
	}
	f := function{least: found.least, most: found.most, names: found.names, columns: found.columns, many: found.many, call: func(args []action.Value) (action.Value, error) {
		return c.invoke(found, args)
	}}
	if found.right && !c.may(name) {
		f.refuse = pgError(pgForbidden, "permission denied for function %s", name)
	}
	return f, true
}

// mayCall is has_function_privilege(function, privilege), of a function with its arguments.
func (c *pgCall) mayCall(args []action.Value) (action.Value, error) {
	name, _, ok := strings.Cut(args[0].Text(), "(")
	if !ok || !strings.EqualFold(args[1].Text(), "execute") {
		return action.Value{}, errUnknown
	}
	f, there := c.function(name, 0)
	if !there || f.refuse != nil && c.may(name) {
		return action.Value{}, pgError("42883", "function %q does not exist", args[0].Text())
	}
	return action.Bool(f.refuse == nil), nil
}

// keyword returns a function that is called without parentheses.
func (c *pgCall) keyword(name string) (function, bool) {
	return function{bare: true, call: func([]action.Value) (action.Value, error) { return action.String("starhost"), nil }},
		slices.Contains([]string{"current_user", "session_user"}, name)
}

// invoke calls a function; one that is given NULL answers NULL.
func (c *pgCall) invoke(f *pgFunction, args []action.Value) (action.Value, error) {
	switch {
	case slices.ContainsFunc(args, action.Value.IsNone) && f.name != "coalesce":
		return action.Value{}, nil
	case f.only == "primary" && c.standby:
		return action.Value{}, pgError("55000", "recovery is in progress")
	case f.only == "standby" && !c.standby:
		return action.Value{}, pgError("55000", "recovery is not in progress")
	}
	return f.call(c, args)
}

func (c *pgCall) catalog() *catalog {
	return &catalog{
		function: c.function, table: c.table, cast: pgCast, label: c.label,
		column: func(n *node) error { return pgError("42703", "column %q does not exist", n.name) },
	}
}

// pgTypes are the names of types that are known, as columns are called after them.
var pgTypes = map[string]string{
	"text": "text", "varchar": "varchar", "name": "name", "bool": "bool", "boolean": "bool", "int": "int4", "integer": "int4",
	"int4": "int4", "bigint": "int8", "int8": "int8", "oid": "oid", "numeric": "numeric", "pg_lsn": "pg_lsn", "timestamptz": "timestamptz",
}

func pgCast(v action.Value, to string) (action.Value, error) {
	kind, ok := pgTypes[to]
	text := plain(v)
	invalid := pgError("22P02", "invalid input syntax for type %s: %q", kind, text)
	switch {
	case !ok:
		return v, errUnknown
	case v.IsNone():
		return v, nil
	case kind == "bool":
		word, ok := pgBools[strings.ToLower(text)]
		if !ok {
			return v, invalid
		}
		return action.Bool(word == "on"), nil
	case kind == "oid" || strings.HasPrefix(kind, "int"):
		if v.Kind() == action.BoolKind {
			text = map[bool]string{false: "0", true: "1"}[v.AsBool()]
		}
		i, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return v, invalid
		}
		return action.Int(i), nil
	case kind == "pg_lsn":
		if _, ok := parseLSN(text); !ok {
			return v, invalid
		}
	}
	return action.String(text), nil
}

// label is how the server calls a column that was given no name.
func (c *pgCall) label(n *node) string {
	const none = "?column?"
	switch n.op {
	case columnOp, callOp:
		return n.name
	case queryOp:
		if len(n.query.items) == 1 && n.query.items[0].node != nil {
			if n.query.items[0].alias != "" {
				return n.query.items[0].alias
			}
			return c.label(n.query.items[0].node)
		}
	case castOp:
		if inner := c.label(n.args[0]); inner != none {
			return inner
		}
		return pgTypes[n.name]
	case countOp:
		return "count"
	case literalOp:
		if n.value.Kind() == action.BoolKind && c.major < 15 {
			return "bool"
		}
	}
	return none
}

// table returns a table or view of the server.
func (c *pgCall) table(name string) (table, bool) {
	switch name {
	case "pg_tablespace":
		t := table{columns: strings.Fields("oid spcname spcowner spcacl spcoptions")}
		names := []string{"pg_default", "pg_global"}
		for i := range c.spaces {
			names = append(names, fmt.Sprintf("space%d", i+1))
		}
		for i, n := range names {
			oid := 1663 + i
			if i > 1 {
				oid = firstSpace + i - 2
			}
			t.rows = append(t.rows, []action.Value{action.Int(int64(oid)), action.String(n), action.Int(10), {}, {}})
		}
		return t, true
	case "pg_database":
		t := table{columns: []string{"datname"}, partial: true}
		for _, name := range []string{"postgres", "template1", "template0"} {
			t.rows = append(t.rows, []action.Value{action.String(name)})
		}
		return t, true
	case "pg_settings":
		t := table{columns: []string{"name", "context"}, partial: true}
		for _, p := range c.settings.known {
			if !p.secret || c.may("pg_read_all_settings") {
				t.rows = append(t.rows, []action.Value{action.String(p.name), action.String(p.context)})
			}
		}
		return t, true
	case "pg_stat_archiver":
		t := table{columns: strings.Fields("archived_count last_archived_wal last_archived_time failed_count last_failed_wal last_failed_time stats_reset")}
		t.rows = [][]action.Value{c.archiver()}
		return t, true
	}
	return table{}, false
}
