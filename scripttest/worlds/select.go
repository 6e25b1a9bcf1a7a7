package worlds

import (
	"errors"
	"slices"
	"strconv"

	"github.com/starhost/starhost/action"
)

// Why a statement has no answer of its own.
var (
	errUnknown = errors.New("the world does not know it")
	errWaits   = errors.New("it waits")
)

// A refusal is the error of a server.
type refusal struct {
	code    action.Value
	message string
}

func (r *refusal) Error() string { return r.message }

// answerOf makes an answer of the rows and the error of a statement.
func answerOf(rows *action.Rows, err error) Answer {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return Answer{Code: refused.code, Message: refused.message}
	}
	switch {
	case errors.Is(err, errWaits):
		return Answer{Waits: true}
	case err != nil:
		return Answer{Unknown: true}
	}
	return Answer{Rows: rows}
}

// number is a number as it is written in a statement.
func number(text string) action.Value {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return action.Int(i)
	}
	return action.String(text) // a decimal
}

// A function can be called in a SELECT. One with columns answers with a list of them, or, if it
// returns many rows, with a list of such lists.
type function struct {
	many        bool
	least, most int // arguments
	names       []string
	bare        bool // it is called without parentheses
	refuse      error
	columns     []string
	call        func(args []action.Value) (action.Value, error)
}

// A table has rows; if it is partial it has more columns than the world knows.
type table struct {
	columns []string
	rows    [][]action.Value
	partial bool
}

// A catalog is what differs between the products in a SELECT. What function and table do not
// find is unknown.
type catalog struct {
	function func(name string, args int) (function, bool)
	table    func(name string) (table, bool)
	label    func(n *node) string     // of a column without an alias
	column   func(n *node) error      // why there is none of that name
	begin    func(s *selection) error // called before it is made; may be nil
	noNulls  bool                     // in || none is an empty text
	cast     func(v action.Value, to string) (action.Value, error)
}

// A selecting makes one SELECT.
type selecting struct {
	*catalog
	params []action.Value
}

// run answers a SELECT. Nothing is called before everything is known to be there.
func (c *catalog) run(s *selection, params []action.Value) (*action.Rows, error) {
	m := &selecting{c, params}
	for _, rank := range []rank{isUnknown, isMissing, isForbidden} {
		if err := m.check(s, rank); err != nil {
			return nil, err
		}
	}
	if c.begin != nil {
		if err := c.begin(s); err != nil {
			return nil, err
		}
	}
	return m.rows(s)
}

// source returns what a SELECT reads from: one row of nothing, if it names no source.
func (m *selecting) source(s *selection) (table, error) {
	if s.from == nil {
		return table{rows: [][]action.Value{nil}}, nil
	}
	if t, ok := m.table(s.from.name); ok && len(s.from.args) == 0 {
		return t, nil
	}
	args, err := m.args(s.from, row{})
	if err != nil {
		return table{}, err
	}
	f, _ := m.function(s.from.name, len(s.from.args))
	v, err := f.call(args)
	if err != nil {
		return table{}, err
	}
	if f.columns == nil {
		return table{columns: []string{s.from.name}, rows: [][]action.Value{{v}}}, nil
	}
	t := table{columns: f.columns, rows: [][]action.Value{v.Items()}}
	if f.many {
		t.rows = nil
		for _, r := range v.Items() {
			t.rows = append(t.rows, r.Items())
		}
	}
	return t, nil
}

func (m *selecting) rows(s *selection) (*action.Rows, error) {
	from, err := m.source(s)
	if err != nil {
		return nil, err
	}
	from.rows, err = m.filter(s, from)
	if err != nil {
		return nil, err
	}
	result := &action.Rows{Columns: m.labels(s, from)}
	if s.items[0].node != nil && s.items[0].node.op == countOp {
		result.Rows = [][]action.Value{{action.Int(int64(len(from.rows)))}}
		return result, nil
	}
	for _, values := range from.rows {
		var line []action.Value
		for _, i := range s.items {
			if i.node == nil {
				line = append(line, values...)
				continue
			}
			v, err := m.eval(i.node, row{from.columns, values})
			if err != nil {
				return nil, err
			}
			line = append(line, v)
		}
		result.Rows = append(result.Rows, line)
	}
	return result, unique(result.Columns)
}

func (m *selecting) filter(s *selection, from table) ([][]action.Value, error) {
	if s.where == nil {
		return from.rows, nil
	}
	var kept [][]action.Value
	for _, values := range from.rows {
		yes, err := m.eval(s.where, row{from.columns, values})
		if err != nil {
			return nil, err
		}
		if yes.Truth() {
			kept = append(kept, values)
		}
	}
	return kept, nil
}

func (m *selecting) labels(s *selection, from table) []string {
	var names []string
	for _, i := range s.items {
		switch {
		case i.node == nil:
			names = append(names, from.columns...)
		case i.alias != "":
			names = append(names, i.alias)
		default:
			names = append(names, m.label(i.node))
		}
	}
	return names
}

// unique refuses what the drivers refuse: the names of the columns are keys.
func unique(columns []string) error {
	for i, c := range columns {
		if slices.Contains(columns[:i], c) {
			return &refusal{message: "two columns are called " + strconv.Quote(c) + ": name them with AS"}
		}
	}
	return nil
}

// A row is one row of a source.
type row struct {
	columns []string
	values  []action.Value
}

func (m *selecting) eval(n *node, r row) (action.Value, error) {
	switch n.op {
	case literalOp:
		return n.value, nil
	case paramOp:
		return m.params[paramIndex(n)], nil
	case columnOp:
		if i := slices.Index(r.columns, n.name); i >= 0 {
			return r.values[i], nil
		}
		return m.eval(&node{op: callOp, name: n.name}, r) // current_user
	case queryOp:
		return m.scalar(n.query)
	case caseOp:
		return m.choose(n, r)
	}
	args, err := m.args(n, r)
	if err != nil {
		return action.Value{}, err
	}
	switch n.op {
	case callOp:
		f, _ := m.function(n.name, len(n.args))
		if f.many {
			return action.Value{}, errUnknown // a row for each
		}
		v, err := f.call(args)
		if f.columns != nil {
			v = composite(v)
		}
		return v, err
	case castOp:
		return m.cast(args[0], n.name)
	}
	if n.op == "||" && m.noNulls {
		return action.String(plain(args[0]) + plain(args[1])), nil
	}
	return operate(n.op, args), nil
}

// choose evaluates a CASE: nothing after the condition that is true.
func (m *selecting) choose(n *node, r row) (action.Value, error) {
	last := len(n.args) - 1
	for i := 0; i < last; i += 2 {
		yes, err := m.eval(n.args[i], r)
		if err != nil {
			return yes, err
		}
		if yes.Truth() {
			return m.eval(n.args[i+1], r)
		}
	}
	return m.eval(n.args[last], r)
}

func (m *selecting) args(n *node, r row) ([]action.Value, error) {
	args := make([]action.Value, len(n.args))
	for i, a := range n.args {
		var err error
		if args[i], err = m.eval(a, r); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// scalar is the one value of a query in parentheses.
func (m *selecting) scalar(s *selection) (action.Value, error) {
	rows, err := m.rows(s)
	switch {
	case err != nil:
		return action.Value{}, err
	case len(rows.Columns) != 1 || len(rows.Rows) > 1:
		return action.Value{}, errUnknown // the products differ
	case len(rows.Rows) == 0:
		return action.Value{}, nil
	}
	return rows.Rows[0][0], nil
}

// paramIndex is the place of a parameter: its number, or how many came before it.
func paramIndex(n *node) int {
	if i, err := strconv.Atoi(n.name); err == nil {
		return i - 1
	}
	i, _ := n.value.AsInt()
	return int(i) - 1
}
