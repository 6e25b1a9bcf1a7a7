package worlds

import (
	"github.com/starhost/starhost/action"
)

// A node is an expression of a SELECT.
type node struct {
	op    string // one of the ops below, or an operator
	name  string // of a column, a function, a type
	value action.Value
	args  []*node
	names []string // of the arguments that have one: fast => true
	query *selection
	// quoted says that the name of a column was; raw is how an item of the list was written.
	quoted bool
	raw    string
}

const (
	literalOp = "literal"
	paramOp   = "param" // value is its number, or none for the next one
	columnOp  = "column"
	callOp    = "call"
	castOp    = "cast"
	queryOp   = "query"
	nullOp    = "is null"
	notOp     = "not"
	countOp   = "count(*)"
	caseOp    = "case" // args are a condition and its value, again and again, and what is else
)

// A selection is a SELECT: a list, at most one source, at most one condition.
type selection struct {
	items []item
	from  *node // a column node for a table, a call for a function; nil for none
	where *node
}

type item struct {
	node  *node // nil for *
	alias string
}

// A parser reads a SELECT; ok turns false at what it does not know.
type parser struct {
	reader
	query  string
	params int // how many there were without a number
	bad    bool
}

// parseSelect reads a whole statement.
func parseSelect(query string, all []lexeme) (*selection, bool) {
	p := &parser{reader: reader{all: all}, query: query}
	s := p.selection()
	return s, p.done() && !p.bad
}

func (p *parser) expect(words string) {
	if !p.take(words) {
		p.bad = true
	}
}

func (p *parser) selection() *selection {
	p.expect("select")
	s := &selection{}
	for more := true; more && !p.bad; more = p.take(",") {
		s.items = append(s.items, p.item())
	}
	if p.take("from") {
		s.from = p.atom()
		switch {
		case s.from.op != columnOp && s.from.op != callOp:
			p.bad = true
		case p.take("as"), !p.is("where"):
			p.name() // its columns need no qualifier here
		}
	}
	if p.take("where") {
		s.where = p.expression()
	}
	return s
}

func (p *parser) item() item {
	if p.take("*") {
		return item{}
	}
	from := p.peek().from
	i := item{node: p.expression()}
	i.node.raw = p.query[from:max(from, p.end())]
	if p.take("as") {
		i.alias = p.name()
		p.bad = p.bad || i.alias == ""
	} else if !p.is("from", "where") {
		i.alias = p.name()
	}
	return i
}

// is reports whether one of these words comes next.
func (p *parser) is(words ...string) bool {
	for _, w := range words {
		if l := p.peek(); l.kind == wordLexeme && l.text == w {
			return true
		}
	}
	return false
}

// levels are the operators of two operands, from the ones that bind least.
var levels = [][]string{{"or"}, {"and"}, {"=", "==", "<>", "!=", "<=", ">=", "<", ">"}, {"||"}}

func (p *parser) expression() *node { return p.level(0) }

func (p *parser) level(n int) *node {
	if n == len(levels) {
		return p.unary()
	}
	left := p.level(n + 1)
	for {
		found := ""
		for _, op := range levels[n] {
			if found == "" && p.take(op) {
				found = op
			}
		}
		if found == "" {
			return left
		}
		left = &node{op: found, args: []*node{left, p.level(n + 1)}}
	}
}

func (p *parser) unary() *node {
	if p.take("not") {
		return &node{op: notOp, args: []*node{p.level(2)}}
	}
	n := p.atom()
	for !p.bad {
		switch {
		case p.take("::"):
			n = &node{op: castOp, name: p.name(), args: []*node{n}}
		case p.take("is not null"):
			n = &node{op: notOp, args: []*node{{op: nullOp, args: []*node{n}}}}
		case p.take("is null"):
			n = &node{op: nullOp, args: []*node{n}}
		default:
			return n
		}
	}
	return n
}

// end is where the last lexeme that was read ends.
func (p *parser) end() int {
	if p.at == 0 || p.at > len(p.all) {
		return len(p.query)
	}
	return p.all[p.at-1].from + len(p.all[p.at-1].raw)
}

var constants = map[string]action.Value{"true": action.Bool(true), "false": action.Bool(false), "null": {}}

func (p *parser) atom() *node {
	switch l := p.next(); l.kind {
	case stringLexeme:
		return &node{op: literalOp, value: action.String(l.text)}
	case numberLexeme:
		return &node{op: literalOp, value: number(l.text)}
	case paramLexeme:
		p.params++
		return &node{op: paramOp, name: l.text, value: action.Int(int64(p.params))}
	case nameLexeme:
		return &node{op: columnOp, name: l.text, quoted: true}
	case wordLexeme:
		return p.named(l.text)
	case signLexeme:
		if l.text == "(" {
			return p.inParentheses()
		}
	}
	p.bad = true
	return &node{}
}

func (p *parser) inParentheses() *node {
	var n *node
	if p.is("select") {
		n = &node{op: queryOp, query: p.selection()}
	} else {
		n = p.expression()
	}
	p.expect(")")
	return n
}

// named reads what begins with a word: a constant, a cast, a call or a column.
func (p *parser) named(word string) *node {
	for p.take(".") { // a schema, or a table
		word = p.name()
	}
	value, constant := constants[word]
	switch {
	case constant:
		return &node{op: literalOp, value: value}
	case word == "case" && p.is("when"):
		return p.cases()
	case !p.take("("):
		return &node{op: columnOp, name: word}
	case word == "cast":
		n := &node{op: castOp, args: []*node{p.expression()}}
		p.expect("as")
		n.name = p.name()
		p.expect(")")
		return n
	case word == "count" && p.take("* )"):
		return &node{op: countOp, name: word}
	}
	call := &node{op: callOp, name: word}
	for more := !p.take(")"); more && !p.bad; {
		call.names = append(call.names, p.argumentName())
		call.args = append(call.args, p.expression())
		if more = p.take(","); !more {
			p.expect(")")
		}
	}
	return call
}

// cases reads CASE WHEN … THEN … ELSE … END, after its first word.
func (p *parser) cases() *node {
	n := &node{op: caseOp}
	for !p.bad && p.take("when") {
		n.args = append(n.args, p.expression())
		p.expect("then")
		n.args = append(n.args, p.expression())
	}
	otherwise := &node{op: literalOp}
	if p.take("else") {
		otherwise = p.expression()
	}
	p.expect("end")
	n.args = append(n.args, otherwise)
	return n
}

// argumentName reads the name of an argument, if it has one.
func (p *parser) argumentName() string {
	at := p.at
	if name := p.name(); p.take("=>") || p.take(":=") {
		return name
	}
	p.at = at
	return ""
}
