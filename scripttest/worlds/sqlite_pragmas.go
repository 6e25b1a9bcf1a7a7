package worlds

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// A litePragma is a PRAGMA with one value.
type litePragma struct {
	name, column string // no column: it is called as the pragma is
	reads        bool   // it reads the file
	early        bool   // it does not even read the schema
	get          func(c *liteCall) action.Value
	set          func(c *liteCall, text string) error // nil: it is not known how
	answers      bool                                 // setting it has a result too
}

var litePragmas = []litePragma{
	{name: "busy_timeout", column: "timeout", early: true, answers: true, get: func(c *liteCall) action.Value { return action.Int(c.session.busy) }, set: func(c *liteCall, text string) error {
		n, _ := number(text).AsInt()
		c.session.busy = max(n, 0)
		return nil
	}},
	{name: "synchronous", get: func(c *liteCall) action.Value { return action.Int(c.session.sync) }, set: (*liteCall).setSynchronous},
	{name: "journal_mode", get: func(c *liteCall) action.Value { return action.String(c.mode()) }, answers: true, set: func(c *liteCall, text string) error {
		if text != c.mode() {
			return errUnknown
		}
		return nil
	}},
	{name: "page_count", reads: true, get: func(c *liteCall) action.Value { return action.Int(c.pages) }},
	{name: "page_size", early: true, get: func(c *liteCall) action.Value { return action.Int(c.pageSize) }},
	{name: "freelist_count", reads: true, early: true, get: zero},
	{name: "user_version", reads: true, early: true, get: zero},
	{name: "application_id", reads: true, early: true, get: zero},
	{name: "data_version", reads: true, early: true, get: (*liteCall).dataVersion},
	{name: "encoding", get: func(*liteCall) action.Value { return action.String("UTF-8") }},
	{name: "integrity_check", reads: true, get: check},
	{name: "quick_check", reads: true, get: check},
	flagPragma("query_only"),
	flagPragma("foreign_keys"),
	{name: "wal_autocheckpoint", early: true, answers: true, get: func(c *liteCall) action.Value { return action.Int(c.session.flags["wal_autocheckpoint"]) }, set: func(c *liteCall, text string) error {
		c.session.flags["wal_autocheckpoint"], _ = number(text).AsInt()
		return nil
	}},
}

// check finds nothing. It makes a database for temporary tables.
func check(c *liteCall) action.Value {
	c.session.temp = true
	return action.String("ok")
}

func zero(*liteCall) action.Value { return action.Int(0) }

// flagPragma is a setting of the session that is on or off.
func flagPragma(name string) litePragma {
	return litePragma{name: name, early: true, get: func(c *liteCall) action.Value { return action.Int(c.session.flags[name]) }, set: func(c *liteCall, text string) error {
		c.session.flags[name] = map[bool]int64{true: 1}[action.String(text).Truth()]
		return nil
	}}
}

func findPragma(name string) (litePragma, bool) {
	i := slices.IndexFunc(litePragmas, func(p litePragma) bool { return p.name == name })
	if i < 0 {
		return litePragma{}, false
	}
	p := litePragmas[i]
	if p.column == "" {
		p.column = name
	}
	return p, true
}

func (c *liteCall) mode() string { return map[bool]string{true: "wal", false: "delete"}[c.wal] }

func (c *liteCall) setSynchronous(text string) error {
	levels := []string{"off", "normal", "full", "extra"}
	level := slices.Index(levels, text)
	if n, ok := number(text).AsInt(); ok && n < int64(len(levels)) {
		level = int(n)
	}
	switch {
	case c.session.begun:
		return liteError(liteFailed, "Safety level may not be changed inside a transaction")
	case level < 0:
		return errUnknown
	}
	c.session.sync = int64(level)
	return nil
}

// dataVersion is another one when somebody has committed since, as far as it is seen.
func (c *liteCall) dataVersion() action.Value {
	if c.session.reads {
		return action.Int(1 + c.session.sees)
	}
	return action.Int(1 + c.commits)
}

// pragma reads PRAGMA name, name = value and name(value).
func (c *liteCall) pragma(r *reader) (*action.Rows, error) {
	name := r.name()
	if r.take(".") && name == "main" {
		name = r.name()
	}
	text, given := "", false
	if equal := r.take("="); equal || r.take("(") {
		sign := map[bool]string{true: "-"}[r.take("-")]
		text, given = sign+strings.ToLower(r.next().text), true
		if !equal && !r.take(")") {
			return nil, errUnknown
		}
	}
	if !r.done() {
		return nil, errUnknown
	}
	switch name {
	case "wal_checkpoint":
		return c.checkpoint(text)
	case "database_list":
		return c.databases(), nil
	}
	p, ok := findPragma(name)
	if ok && !p.early {
		if err := c.learn(); err != nil {
			return nil, err
		}
	}
	switch {
	case !ok, given && p.set == nil:
		return nil, errUnknown
	case given:
		if err := p.set(c, text); err != nil || !p.answers {
			return nil, err
		}
	case p.reads:
		if err := c.read(); err != nil {
			return nil, err
		}
	}
	return &action.Rows{Columns: []string{p.column}, Rows: [][]action.Value{{p.get(c)}}}, nil
}

func (c *liteCall) databases() *action.Rows {
	rows := &action.Rows{Columns: []string{"seq", "name", "file"}, Rows: [][]action.Value{{action.Int(0), action.String("main"), action.String(c.path)}}}
	if c.session.temp {
		rows.Rows = append(rows.Rows, []action.Value{action.Int(1), action.String("temp"), action.String("")})
	}
	return rows
}

// table returns a table, or a pragma in the form of one.
func (c *liteCall) table(name string) (table, bool) {
	if name == "sqlite_schema" || name == "sqlite_master" {
		text := action.String("entries")
		return table{columns: []string{"type", "name", "tbl_name", "rootpage", "sql"}, rows: [][]action.Value{
			{action.String("table"), text, text, action.Int(2), action.String("CREATE TABLE entries (id)")},
		}}, true
	}
	if name == "pragma_database_list" {
		list := c.databases()
		return table{columns: list.Columns, rows: list.Rows}, true
	}
	pragma, is := strings.CutPrefix(name, "pragma_")
	p, ok := findPragma(pragma)
	if !is || !ok {
		return table{}, false
	}
	return table{columns: []string{p.column}, rows: [][]action.Value{{p.get(c)}}}, true
}

// checkpoint moves frames of the log into the file, up to the first that a reader does not see
// yet. Other modes than PASSIVE want the write lock, too, and the later ones no reader at all.
func (c *liteCall) checkpoint(mode string) (*action.Rows, error) {
	if mode == "" {
		mode = "passive"
	}
	if err := c.learn(); err != nil {
		return nil, err
	}
	rank := slices.Index([]string{"passive", "full", "restart", "truncate"}, mode)
	busy, frames, moved := int64(0), int64(-1), int64(-1)
	switch {
	case rank < 0:
		return nil, errUnknown
	case c.session.reads:
		return nil, liteError(liteLocked, "database table is locked")
	case c.wal:
		limit := c.frames
		for _, s := range c.sessions {
			if s.reads {
				limit = min(limit, s.frames)
			}
		}
		if c.reader >= 0 {
			limit = min(limit, c.reader)
		}
		c.moved = max(c.moved, limit)
		reads := c.reader >= 0 || c.reading(func(s *liteSession) bool { return s.frames > 0 })
		if rank >= 1 && (c.writer != "" || c.moved < c.frames) || rank >= 2 && reads {
			busy = 1
		}
		if rank == 3 && busy == 0 {
			c.frames, c.moved = 0, 0
		}
		frames, moved = c.frames, c.moved
	}
	return &action.Rows{Columns: []string{"busy", "log", "checkpointed"}, Rows: [][]action.Value{{action.Int(busy), action.Int(frames), action.Int(moved)}}}, nil
}
