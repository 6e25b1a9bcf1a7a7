package worlds

import (
	"errors"
	"slices"
)

// A rank is how early a finding about a SELECT is said. What the world does not know comes
// first, since it must not be refused; what is not there comes before what is not allowed.
type rank int

const (
	isUnknown rank = iota
	isMissing
	isForbidden
)

func rankOf(err error) rank {
	refused, ok := errors.AsType[*refusal](err)
	switch {
	case !ok:
		return isUnknown
	case refused.code.Text() == pgForbidden:
		return isForbidden
	}
	return isMissing
}

// check returns the first finding of a rank about a SELECT, without calling anything.
func (m *selecting) check(s *selection, want rank) error {
	columns, partial, err := m.columns(s, want)
	if err != nil {
		return err
	}
	nodes := []*node{}
	for _, i := range s.items {
		switch {
		case i.node != nil && i.node.op == countOp && len(s.items) == 1:
		case i.node != nil:
			nodes = append(nodes, i.node)
		case partial || s.from == nil:
			return errUnknown
		}
	}
	if s.where != nil {
		nodes = append(nodes, s.where)
	}
	for _, n := range nodes {
		if err := m.checkNode(n, columns, partial, want); err != nil {
			return err
		}
	}
	return nil
}

// columns returns the columns of the source of a SELECT.
func (m *selecting) columns(s *selection, want rank) (columns []string, partial bool, err error) {
	if s.from == nil {
		return nil, false, nil
	}
	t, ok := m.table(s.from.name)
	switch {
	case ok && len(s.from.args) == 0:
		return t.columns, t.partial, nil
	case s.from.op == columnOp:
		return nil, false, errUnknown
	}
	err = m.checkNode(s.from, nil, false, want)
	f, _ := m.function(s.from.name, len(s.from.args))
	if f.columns == nil {
		f.columns = []string{s.from.name}
	}
	return f.columns, false, err
}

func (m *selecting) checkNode(n *node, columns []string, partial bool, want rank) error {
	if err := m.finding(n, columns, partial); err != nil && rankOf(err) == want {
		return err
	}
	if n.query != nil {
		return m.check(n.query, want)
	}
	for _, a := range n.args {
		if err := m.checkNode(a, columns, partial, want); err != nil {
			return err
		}
	}
	return nil
}

// finding is about one node alone.
func (m *selecting) finding(n *node, columns []string, partial bool) error {
	switch n.op {
	case paramOp:
		if i := paramIndex(n); i < 0 || i >= len(m.params) {
			return errUnknown
		}
	case castOp:
		if _, err := m.cast(n.value, n.name); err != nil {
			return err
		}
	case countOp:
		return errUnknown // beside other columns
	case columnOp:
		switch f, ok := m.function(n.name, 0); {
		case slices.Contains(columns, n.name), ok && f.bare:
			return nil
		case partial:
			return errUnknown
		}
		return m.column(n)
	case callOp:
		f, ok := m.function(n.name, len(n.args))
		switch {
		case !ok:
			return errUnknown
		case f.refuse != nil:
			return f.refuse
		case misplaced(n.names, f.names):
			return errUnknown // and its defaults would be needed
		case len(n.args) < f.least || len(n.args) > f.most:
			return errUnknown
		}
	}
	return nil
}

// misplaced reports whether an argument that has a name is not at the place of that name.
func misplaced(given, names []string) bool {
	for i, name := range given {
		if name != "" && (i >= len(names) || names[i] != name) {
			return true
		}
	}
	return false
}
