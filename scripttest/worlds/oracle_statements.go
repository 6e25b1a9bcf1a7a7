package worlds

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// An oracleCall is one statement of one session.
type oracleCall struct {
	*oracle
	id      string
	session *oracleSession
	query   string
}

// oracleErrors are the refusals, as "Database Error Messages" has them.
var oracleErrors = map[int64]string{
	28: "your session has been killed", 900: "invalid SQL statement", 904: "%s: invalid identifier", 911: "invalid character", 923: "FROM keyword not found where expected", 942: "table or view does not exist",
	1031: "insufficient privileges", 1034: "ORACLE not available", 1109: "database not open", 1110: "data file %d: '%s'",
	1123: "cannot start online backup; media recovery not enabled", 1128: "cannot start online backup - file %d is offline",
	1142: "cannot end online backup - none of the files are in backup", 1146: "cannot start online backup - file %d is already in backup",
	1199: "file %d is not in online backup mode", 1219: "database or pluggable database not open: queries allowed on fixed tables or views only",
	1476: "divisor is equal to zero", 1507: "database not mounted", 1531: "a database already open by the instance", 1580: "error creating control backup file %s",
	1722: "invalid number", 2003: "invalid USERENV parameter", 258: "manual archiving in NOARCHIVELOG mode must identify log", 6576: "not a valid function or procedure name",
	10873: "file %d needs to be either taken out of backup mode or media recovered", 16000: "database or pluggable database open for read-only access",
	65040: "operation not allowed from within a pluggable database",
}

func oracleError(code int64, args ...any) error {
	return &refusal{code: action.Int(code), message: fmt.Sprintf("ORA-%05d: %s", code, fmt.Sprintf(oracleErrors[code], args...))}
}

// about adds the data file that an error is about.
func (f oracleFile) about(code int64) error {
	first, file := oracleError(code, f.number), oracleError(1110, f.number, f.path)
	return &refusal{code: action.Int(code), message: first.Error() + "\n" + file.Error()}
}

// Do makes one statement. One that is refused, waits or is not known changes nothing.
func (s *oracle) Do(id, query string, params []action.Value) Answer {
	session := s.open[id]
	if session == nil {
		return answerOf(nil, oracleError(28))
	}
	s.race(query)
	before := s.Clone().(*oracle)
	rows, err := (&oracleCall{s, id, session, query}).statement(params)
	if err != nil {
		scn := s.scn
		*s = *before
		s.scn = scn
	}
	return answerOf(rows, err)
}

// race lets somebody else begin a backup before we can, if that is wanted.
func (s *oracle) race(query string) {
	if !s.yes("race") || !strings.Contains(strings.ToUpper(query), "BEGIN BACKUP") {
		return
	}
	s.set["race"] = action.Bool(false)
	s.scn++
	for i := range s.files {
		s.mark(&s.files[i], "other_backup")
	}
}

// oracleLexeme reads what the other products do not have: $ and # in names, :1, :name.
func oracleLexeme(s string) (int, lexeme) {
	name := func(c byte) bool { return wordByte(c) || c == '$' || c == '#' }
	switch c := s[0]; {
	case c == ':' && len(s) > 1 && wordByte(s[1]):
		size := 1 + span(s[1:], wordByte)
		return size, lexeme{kind: paramLexeme, text: s[1:size], raw: s[:size]}
	case wordByte(c) && (c < '0' || c > '9'):
		size := span(s, name)
		return size, lexeme{kind: wordLexeme, text: strings.ToLower(s[:size]), raw: s[:size]}
	}
	return next(s)
}

func (c *oracleCall) statement(params []action.Value) (*action.Rows, error) {
	all, ok := cutBy(c.query, oracleLexeme)
	switch {
	case !ok, len(all) == 0:
		return nil, oracleError(900)
	case all[0].text == "select" && all[0].kind == wordLexeme:
		return c.selects(all, params)
	case len(params) > 0:
		return nil, errUnknown // the others take none here
	}
	return nil, c.change(&reader{all: all})
}

// selects makes a SELECT; the names of its columns are in upper case.
func (c *oracleCall) selects(all []lexeme, params []action.Value) (*action.Rows, error) {
	selection, ok := parseSelect(c.query, all)
	switch {
	case !ok:
		return nil, errUnknown
	case selection.from == nil:
		return nil, oracleError(923)
	case !c.may("SELECT"):
		return nil, oracleError(942)
	}
	rows, err := c.catalog().run(selection, params)
	if rows != nil {
		for i, name := range rows.Columns {
			rows.Columns[i] = strings.ToUpper(name)
		}
	}
	return rows, err
}

func (c *oracleCall) catalog() *catalog {
	return &catalog{
		function: c.function, table: c.table, noNulls: true, begin: c.begin,
		cast:   func(v action.Value, _ string) (action.Value, error) { return v, errUnknown },
		label:  func(n *node) string { return strings.ReplaceAll(n.raw, " ", "") },
		column: func(n *node) error { return oracleError(904, strings.ToUpper(fmt.Sprintf("%q", n.name))) },
	}
}

// begin refuses views of a control file that is not there yet.
func (c *oracleCall) begin(s *selection) error {
	inMemory := s.from == nil || slices.Contains([]string{"dual", "v$instance", "gv$instance"}, s.from.name)
	switch {
	case !inMemory && c.status == "STARTED":
		return oracleError(1507)
	case !inMemory && c.stopped:
		return errWaits // files would have to be read
	}
	return nil
}

// An oracleStatement is one without a result, by the words that it begins with.
type oracleStatement struct {
	words     string
	privilege string
	do        func(c *oracleCall, r *reader) error
}

func oracleStatements() []oracleStatement {
	system, database := "ALTER SYSTEM", "ALTER DATABASE"
	return []oracleStatement{
		{"alter system archive log current", system, func(c *oracleCall, r *reader) error { return c.archiveLog(r, true) }},
		{"alter system switch logfile", system, func(c *oracleCall, r *reader) error { return c.archiveLog(r, false) }},
		{"alter system checkpoint", system, func(c *oracleCall, r *reader) error { return c.opened(r) }},
		{"alter system suspend", system, func(c *oracleCall, r *reader) error { return c.suspend(r, true) }},
		{"alter system resume", system, func(c *oracleCall, r *reader) error { return c.suspend(r, false) }},
		{"alter database begin backup", database, (*oracleCall).beginBackup},
		{"alter database end backup", database, (*oracleCall).endBackup},
		{"alter database backup controlfile to", database, (*oracleCall).copyControlFile},
		{"alter database open", database, (*oracleCall).openDatabase},
		{"alter session set", "", (*oracleCall).setSession},
		{"call sys . dbms_system . ksdwrt (", "DBMS_SYSTEM", (*oracleCall).writeAlert},
		{"call dbms_system . ksdwrt (", "DBMS_SYSTEM", (*oracleCall).writeAlert},
		{"call dbms_application_info . set_action (", "", (*oracleCall).setAction},
		{"commit", "", func(_ *oracleCall, r *reader) error { return end(r) }},
		{"rollback", "", func(_ *oracleCall, r *reader) error { return end(r) }},
		{"begin for", "", (*oracleCall).loop},
	}
}

func (c *oracleCall) change(r *reader) error {
	for _, s := range oracleStatements() {
		r.at = 0
		if !r.take(s.words) {
			continue
		}
		if s.privilege == "DBMS_SYSTEM" && !c.may(s.privilege) {
			return oracleError(6576)
		}
		if s.privilege != "" && !c.may(s.privilege) {
			return oracleError(1031)
		}
		before := c.scn
		err := s.do(c, r)
		c.scn = before + 5
		return err
	}
	return errUnknown
}

// end refuses what the world does not know at the end of a statement.
func end(r *reader) error {
	if !r.done() {
		return errUnknown
	}
	return nil
}

// opened is what most statements need.
func (c *oracleCall) opened(r *reader) error {
	switch {
	case !r.done():
		return errUnknown
	case c.status != "OPEN":
		return oracleError(1109)
	case c.stopped:
		return errWaits
	}
	return nil
}

// loop is a block of PL/SQL of this one form: BEGIN FOR x IN (SELECT …) LOOP EXECUTE IMMEDIATE '…';
// END LOOP; END;
func (c *oracleCall) loop(r *reader) error {
	r.name()
	if !r.take("in (") {
		return errUnknown
	}
	from := r.at
	for depth := 1; depth > 0 && !r.done(); r.at++ {
		switch r.peek().text {
		case "(":
			depth++
		case ")":
			depth--
		}
	}
	query := r.all[from:max(from, r.at-1)]
	if !r.take("loop execute immediate") || r.peek().kind != stringLexeme {
		return errUnknown
	}
	statement := r.next().text
	if !r.take("; end loop ; end") || end(r) != nil {
		return errUnknown
	}
	rows, err := c.selects(query, nil)
	if err != nil {
		return inBlock(err)
	}
	for range rows.Rows {
		if _, err := (&oracleCall{c.oracle, c.id, c.session, statement}).statement(nil); err != nil {
			return inBlock(err)
		}
	}
	return nil
}

// inBlock says that an error comes from a block.
func inBlock(err error) error {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return &refusal{code: refused.code, message: refused.message + "\nORA-06512: at line 2"}
	}
	return err
}
