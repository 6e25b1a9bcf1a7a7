package stmt

import (
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
)

// query returns what a SELECT, VALUES, TABLE or WITH does.
func (d *dialect) query(t tokens) Info { return worse(read(), d.expressions(t)) }

// expressions returns the worst of what the words, calls and operators in t do.
func (d *dialect) expressions(t tokens) Info {
	info := d.functions(t)
	for i := range t {
		info = worse(info, d.clause(t, i))
	}
	return info
}

// functions returns the worst of what the calls and operators in t do.
func (d *dialect) functions(t tokens) Info {
	info := read()
	for i := range t {
		switch {
		case t[i].kind == operator && d.operators != nil && !d.operators[t[i].text]:
			info = worse(info, unknown("has the operator "+t[i].text+", which is not on the list of operators that only read"))
		case d.virtual != "":
			info = worse(info, d.virtualTable(t[i]))
		}
		if t.called(i) {
			info = worse(info, d.call(t, i))
		}
	}
	return info
}

// clause returns what the word or operator at i makes of a query.
func (d *dialect) clause(t tokens, i int) Info {
	called := t.op(i+1) == "("
	switch w := t.word(i); {
	case w == "update" && (t.is(i-1, "for") || t.is(i-1, "key") && t.is(i-2, "no")):
		return changing(action.ScopeSession, "locks rows")
	case !called && t.is(i, "insert", "update", "delete", "replace", "merge"):
		return unknown("has the word " + strings.ToUpper(w) + ", which changes data")
	case w == "into" && i+1 < len(t) && t[i+1].kind == variable:
		return local("sets a variable of its session")
	case w == "into":
		return unknown("has the word INTO, which writes a table or a file")
	case w == "for" && t.is(i+1, "share", "no", "key"), w == "lock" && t.is(i+1, "in"):
		return changing(action.ScopeSession, "locks rows")
	case w == "nextval", w == "setval", w == "next" && t.is(i+1, "value"):
		return unknown("moves a sequence on")
	case t.op(i) == ":=" && d.tight:
		return local("sets a variable of its session")
	}
	return read()
}

// call returns what the function at i, which stands before a parenthesis, does.
func (d *dialect) call(t tokens, i int) Info {
	name := t.word(i)
	qualified := t.op(i-1) == "."
	switch {
	case qualified && name != "" && d.packaged[t.word(i-2)+"."+name] && (t.op(i-3) != "." || t.is(i-4, "sys") && t.op(i-5) != "."):
		return read()
	case qualified && (d.catalog == "" || t.word(i-2) != d.catalog || t.op(i-3) == "."):
		return unknown(fmt.Sprintf("calls %s() of a schema, which is not on the list of functions that only read", t[i].raw))
	case !qualified && d.noCall(t, i):
		return read()
	case name == "":
		return unknown(fmt.Sprintf("has %s before a parenthesis, which may call a function of any kind", t[i].raw))
	case d.tight && t[i+1].gap && (d.reads[name] || d.calls[name].What != ""):
		return unknown(fmt.Sprintf("has a blank in %s (), which the server may take for a stored function: write %[1]s()", name))
	case d.reads[name]:
		return read()
	}
	if d.refine != nil {
		if info, ok := d.refine(t, i); ok {
			return info
		}
	}
	if info, ok := d.calls[name]; ok {
		info.What = fmt.Sprintf("calls %s(), which %s", name, info.What)
		return info
	}
	return unknown(fmt.Sprintf("calls %s(), which is not on the list of functions that only read", name))
}

// noCall reports whether the word or name at i, which stands before a
// parenthesis, cannot be the name of a function there. Only words that are
// reserved in every version of the server are known by themselves; the others
// need a neighbour that makes a call a syntax error.
func (d *dialect) noCall(t tokens, i int) bool {
	switch name := t.word(i); {
	case t.is(i-1, "as"): // an alias with columns, a type
		return true
	case t.is(i-1, "with", "recursive"): // a common table expression with columns
		return true
	case d.reserved[name]:
		return true
	case t.is(i, "over", "filter", "against"):
		return t.op(i-1) == ")"
	case name == "by":
		return t.is(i-1, "group", "order", "partition")
	case name == "materialized":
		return t.is(i-1, "as", "not")
	case t.is(i, "join", "any", "some", "lateral", "except", "intersect", "when"):
		return t.is(i+2, "select") // the argument of a function cannot begin so
	}
	return false
}
