package worlds

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// The result codes of SQLite that are answered.
const (
	liteFailed = 1 // SQLITE_ERROR
	liteBusy   = 5 // SQLITE_BUSY
	liteLocked = 6 // SQLITE_LOCKED
	liteMisuse = 21
)

func liteError(code int64, format string, args ...any) error {
	return &refusal{code: action.Int(code), message: fmt.Sprintf("%d: ", code) + fmt.Sprintf(format, args...)}
}

// A liteCall is one statement of one session.
type liteCall struct {
	*sqlite
	id      string
	session *liteSession
}

// Do makes one statement. busy_timeout is over at once: nobody gives a lock back meanwhile.
func (s *sqlite) Do(id, query string, params []action.Value) Answer {
	session := s.sessions[id]
	if session == nil {
		return answerOf(nil, liteError(liteMisuse, "the connection is not there"))
	}
	all := s.Clone().(*sqlite)
	rows, err := (&liteCall{s, id, session}).statement(query, params)
	if errors.Is(err, errUnknown) {
		*s = *all
	}
	return answerOf(rows, err)
}

var liteCommands = strings.Fields(`alter analyze attach begin commit create delete detach drop end explain insert
	pragma reindex release replace rollback savepoint select update vacuum values with`)

func (c *liteCall) statement(query string, params []action.Value) (*action.Rows, error) {
	all, ok := cut(query)
	switch {
	case !ok, !balanced(all):
		return nil, liteError(liteFailed, "unterminated quote, comment or parenthesis")
	case len(all) == 0:
		return nil, nil
	case !slices.Contains(liteCommands, all[0].text):
		return nil, liteError(liteFailed, "near %q: syntax error", all[0].raw)
	case slices.ContainsFunc(all, func(l lexeme) bool { return l.kind == signLexeme && l.text == "::" }):
		return nil, liteError(liteFailed, `unrecognized token: ":"`)
	case all[0].text == "select":
		return c.query(query, all, params)
	case len(params) > 0:
		return nil, errUnknown
	}
	r := &reader{all: all}
	switch r.next().text {
	case "pragma":
		return c.pragma(r)
	case "begin":
		return nil, c.begin(r)
	case "commit", "end", "rollback":
		r.takeAny("transaction")
		switch {
		case !r.done():
			return nil, errUnknown
		case !c.session.begun:
			return nil, liteError(liteFailed, "cannot %s - no transaction is active", all[0].text)
		case all[0].text != "rollback" && c.writer == c.id && !c.wal && c.others():
			c.session.exclusive = true // it lets nobody begin to read meanwhile
			return nil, liteError(liteBusy, "database is locked")
		}
		c.end(c.id)
		return nil, nil
	}
	return nil, errUnknown
}

func (c *liteCall) query(query string, all []lexeme, params []action.Value) (*action.Rows, error) {
	s, ok := parseSelect(query, all)
	if !ok {
		return nil, errUnknown
	}
	if err := c.learn(); err != nil {
		return nil, err
	}
	rows, err := (&catalog{
		function: liteFunction, table: c.table, cast: liteCast, label: liteLabel, column: liteColumn,
		begin: func(s *selection) error {
			if s.from == nil {
				return nil
			}
			return c.read() // a pragma in the form of a table, too
		},
	}).run(s, params)
	if err != nil {
		return nil, err
	}
	for _, row := range rows.Rows {
		for i, v := range row {
			if v.Kind() == action.BoolKind { // there are none
				row[i] = action.Int(map[bool]int64{true: 1}[v.AsBool()])
			}
		}
	}
	return rows, nil
}

func liteFunction(name string, _ int) (function, bool) {
	switch name {
	case "sqlite_version":
		return function{call: func([]action.Value) (action.Value, error) { return action.String(sqliteVersion), nil }}, true
	case "coalesce", "ifnull":
		return function{least: 2, most: 9, call: func(args []action.Value) (action.Value, error) {
			i := slices.IndexFunc(args, func(v action.Value) bool { return !v.IsNone() })
			return args[max(i, 0)], nil
		}}, true
	}
	return function{}, false
}

func liteCast(v action.Value, to string) (action.Value, error) {
	switch {
	case to != "integer" && to != "text":
		return v, errUnknown
	case v.IsNone():
		return v, nil
	case to == "text":
		return action.String(plain(v)), nil
	}
	text := plain(v)
	digits := span(text, func(c byte) bool { return c == '-' || c >= '0' && c <= '9' })
	if digits == 0 {
		return action.Int(0), nil
	}
	return number(text[:digits]), nil
}

func liteLabel(n *node) string {
	if n.op == columnOp {
		return n.name
	}
	return n.raw
}

func liteColumn(n *node) error {
	if n.quoted {
		return errUnknown // may be a text
	}
	return liteError(liteFailed, "no such column: %s", n.name)
}

func (c *liteCall) begin(r *reader) error {
	immediate, exclusive := r.take("immediate"), r.take("exclusive")
	_ = !immediate && !exclusive && r.take("deferred")
	r.takeAny("transaction")
	switch {
	case !r.done():
		return errUnknown
	case c.session.begun:
		return liteError(liteFailed, "cannot start a transaction within a transaction")
	case (immediate || exclusive) && c.writer != "", exclusive && !c.wal && c.others():
		return liteError(liteBusy, "database is locked")
	}
	c.session.begun = true
	if immediate || exclusive {
		c.writer, c.session.exclusive = c.id, exclusive && !c.wal
		return c.read()
	}
	return nil
}

// others reports whether somebody else reads.
func (c *liteCall) others() bool {
	return c.reader >= 0 || c.reading(func(r *liteSession) bool { return r != c.session })
}

// shut reports whether somebody else has locked the whole file.
func (c *liteCall) shut() bool {
	w := c.sessions[c.writer]
	return w != nil && w.exclusive && w != c.session
}

// read begins to read: what is committed later is not seen until the transaction ends.
func (c *liteCall) read() error {
	if c.shut() && !c.session.reads {
		return liteError(liteBusy, "database is locked")
	}
	if c.session.begun && !c.session.reads {
		c.session.reads, c.session.sees, c.session.frames = true, c.commits, c.frames
		if c.moved == c.frames {
			c.session.frames = 0 // the file has it all
		}
	}
	return nil
}

// learn reads the schema, once.
func (c *liteCall) learn() error {
	if !c.session.knows && c.shut() {
		return liteError(liteBusy, "database is locked")
	}
	c.session.knows = true
	return nil
}
