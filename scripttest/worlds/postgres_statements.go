package worlds

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// A pgCall is one statement of one session.
type pgCall struct {
	*postgres
	id      string
	session *pgSession
}

// Do makes one statement. One that is refused leaves the settings of the session as they were,
// and fails its transaction; one that waits or is not known leaves everything.
func (s *postgres) Do(id, query string, params []action.Value) Answer {
	session := s.sessions[id]
	if session == nil {
		return answerOf(nil, pgError("57P01", "the session is not there"))
	}
	before, all := maps.Clone(session.set), s.Clone().(*postgres)
	rows, err := (&pgCall{s, id, session}).statement(query, params)
	switch refused, ok := errors.AsType[*refusal](err); {
	case ok && refused.code.IsNone(): // by the driver: the server has done it
	case ok:
		session.set = before
		if session.tx != nil {
			session.tx.failed = true
		}
	case err != nil:
		*s = *all
	}
	return answerOf(rows, err)
}

// pgCommands are the words that a statement can begin with.
var pgCommands = strings.Fields(`abort alter analyze begin call checkpoint close cluster comment commit copy create
	deallocate declare delete discard do drop end execute explain fetch grant import insert listen load lock merge
	move notify prepare reassign refresh reindex release reset revoke rollback savepoint security select set show
	start table truncate unlisten update vacuum values with (`)

// pgStatements are those without a result, by the words that they begin with. Any of the
// optional words may follow.
var pgStatements = []struct {
	words, optional string
	do              func(*pgCall) error
}{
	{"checkpoint", "", (*pgCall).doCheckpoint},
	{"begin", pgModes, (*pgCall).begin},
	{"start transaction", pgModes, (*pgCall).begin},
	{"commit", "work transaction", func(c *pgCall) error { return c.end(c.id, true) }},
	{"end", "work transaction", func(c *pgCall) error { return c.end(c.id, true) }},
	{"rollback", "work transaction", func(c *pgCall) error { return c.end(c.id, false) }},
	{"abort", "work transaction", func(c *pgCall) error { return c.end(c.id, false) }},
	{"discard all", "", (*pgCall).discard},
	{"alter system reset all", "", func(c *pgCall) error { return c.alter("", "", true) }},
}

const pgModes = "work transaction isolation level repeatable read serializable committed uncommitted only write not deferrable"

func (c *pgCall) statement(query string, params []action.Value) (*action.Rows, error) {
	all, ok := cut(query)
	switch {
	case !ok, !balanced(all):
		return nil, pgError("42601", "unterminated quote, comment or parenthesis")
	case len(all) == 0:
		return nil, nil
	case !slices.Contains(pgCommands, all[0].text):
		return nil, pgError("42601", "syntax error at or near %q", all[0].raw)
	case c.session.tx != nil && c.session.tx.failed && !slices.Contains([]string{"commit", "end", "rollback", "abort"}, all[0].text):
		return nil, pgError("25P02", "current transaction is aborted, commands ignored until end of transaction block")
	case all[0].text == "select":
		selection, ok := parseSelect(query, all)
		if !ok {
			return nil, errUnknown
		}
		return c.catalog().run(selection, params)
	case len(params) > 0:
		return nil, errUnknown // the others take none
	}
	r := &reader{all: all}
	if r.take("show") {
		return c.show(r)
	}
	for _, s := range pgStatements {
		r.at = 0
		if r.take(s.words) {
			if r.takeAny(s.optional); r.done() {
				return nil, s.do(c)
			}
		}
	}
	r.at = 0
	return nil, c.change(r)
}

// change makes a statement that sets something.
func (c *pgCall) change(r *reader) error {
	switch {
	case r.take("alter system set"):
		if name, value, ok := assignment(r); ok {
			return c.alter(name, value, strings.EqualFold(value, "default"))
		}
	case r.take("alter system reset"):
		if name := dotted(r); name != "" && r.done() {
			return c.alter(name, "", true)
		}
	case r.take("reset"):
		return c.reset(r)
	case r.take("set"):
		local := r.take("local")
		_ = local || r.take("session")
		name, value, ok := assignment(r)
		switch {
		case !ok:
		case strings.EqualFold(value, "default"):
			return c.unset(name)
		default:
			_, err := c.assign(name, value, local)
			return err
		}
	}
	return errUnknown
}

// assignment reads the rest of a statement: name = value, or name TO value.
func assignment(r *reader) (name, value string, ok bool) {
	name = dotted(r)
	if name == "" || !r.take("=") && !r.take("to") {
		return "", "", false
	}
	var parts []string
	for more := true; more; more = r.take(",") {
		sign := ""
		if r.take("-") {
			sign = "-"
		}
		switch l := r.next(); l.kind {
		case stringLexeme, numberLexeme, wordLexeme:
			parts = append(parts, sign+l.text)
		case nameLexeme:
			parts = append(parts, l.raw)
		default:
			return "", "", false
		}
	}
	return name, strings.Join(parts, ", "), r.done()
}

// dotted reads the name of a setting.
func dotted(r *reader) string {
	name := r.name()
	for name != "" && r.take(".") {
		name += "." + r.name()
	}
	return name
}

// balanced reports whether every parenthesis has its other one.
func balanced(all []lexeme) bool {
	depth := 0
	for _, l := range all {
		if l.kind == signLexeme {
			depth += strings.Count(l.text, "(") - strings.Count(l.text, ")")
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

func (c *pgCall) show(r *reader) (*action.Rows, error) {
	name := dotted(r)
	if name == "" || !r.done() {
		return nil, errUnknown
	}
	value, err := c.setting(name)
	return &action.Rows{Columns: []string{name}, Rows: [][]action.Value{{action.String(value)}}}, err
}

func (c *pgCall) doCheckpoint() error {
	right := "pg_checkpoint"
	if c.major < 15 {
		right = "superuser"
	}
	if !c.may(right) {
		return pgError(pgForbidden, "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT")
	}
	c.makeCheckpoint()
	return nil
}

// makeCheckpoint writes one; a standby writes nothing to the log.
func (s *postgres) makeCheckpoint() {
	s.checkpoint = s.lsn
	if !s.standby {
		s.write(0xA8)
	}
}

func (c *pgCall) begin() error {
	if c.session.tx == nil { // a second one is only a warning
		c.session.tx = &pgTransaction{before: maps.Clone(c.session.set), local: map[string]string{}}
	}
	return nil
}

// end ends the transaction of a session; one that has failed is rolled back.
func (s *postgres) end(id string, commit bool) error {
	session := s.sessions[id]
	if session.tx == nil { // only a warning
		return nil
	}
	if session.tx.failed || !commit {
		session.set = session.tx.before
	}
	session.tx = nil
	s.locks = slices.DeleteFunc(s.locks, func(l advisory) bool { return l.session == id && l.xact })
	return nil
}

func (c *pgCall) discard() error {
	if c.session.tx != nil {
		return pgError("25001", "DISCARD ALL cannot run inside a transaction block")
	}
	c.session.set = map[string]string{}
	c.locks = slices.DeleteFunc(c.locks, func(l advisory) bool { return l.session == c.id })
	return nil
}

func (c *pgCall) reset(r *reader) error {
	name := dotted(r)
	switch {
	case name == "" || !r.done():
		return errUnknown
	case name == "all":
		c.session.set = map[string]string{}
		return nil
	}
	return c.unset(name)
}

// unset gives a setting of the session the server's value back.
func (c *pgCall) unset(name string) error {
	before := c.session.set[name]
	if _, err := c.assign(name, c.settings.now[name], false); err != nil {
		c.session.set[name] = before
		return err
	}
	delete(c.session.set, name)
	return nil
}

// alter is ALTER SYSTEM, which takes effect with the next reload or start. No name means all.
func (c *pgCall) alter(name, text string, reset bool) error {
	switch {
	case c.session.tx != nil:
		return pgError("25001", "ALTER SYSTEM cannot run inside a transaction block")
	case !c.may("superuser"):
		return pgError(pgForbidden, "must be superuser to execute ALTER SYSTEM command")
	case name == "":
		c.settings.file = map[string]string{}
		return nil
	}
	p, ok := c.settings.find(strings.ToLower(name))
	switch {
	case !ok, strings.Contains(name, "."):
		return errUnknown
	case p.context == "internal", p.name == "data_directory":
		return pgError("55P02", "parameter %q cannot be changed", name)
	case reset:
		delete(c.settings.file, p.name)
		return nil
	}
	value, err := p.parse(text)
	if err == nil {
		c.settings.file[p.name] = value
	}
	return err
}
