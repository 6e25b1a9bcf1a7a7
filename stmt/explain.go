package stmt

import "slices"

// explain returns what an EXPLAIN does: with ANALYZE what the statement after it
// does, else nothing unless the planner calls a function to learn its value.
// If names is true, EXPLAIN of a name describes a table.
func (d *dialect) explain(t tokens, names bool) Info {
	i := d.explained(t)
	options, inner := t[:i], t[i:]
	switch head := inner.head(); {
	case options.find("analyze", "analyse") >= 0 && len(inner) > 0:
		return worse(d.query(options), d.statement(inner))
	case slices.Contains(d.queries, head):
		return d.query(t)
	case slices.Contains(d.planned, head):
		return worse(d.query(options), d.functions(inner))
	case names && t.find("analyze", "execute") < 0:
		return d.query(t)
	}
	return unknown("explains a statement that is not on the list")
}

// explained returns where the statement after EXPLAIN and its options begins.
func (d *dialect) explained(t tokens) int {
	for i := 1; ; {
		switch {
		case t.is(i, "analyze", "analyse", "verbose", "extended", "partitions", "query", "plan"):
			i++
		case t.is(i, "into") && i+1 < len(t):
			i += 2
		case t.is(i, "format") && t.op(i+1) == "=" && i+2 < len(t),
			t.is(i, "for") && t.is(i+1, "schema", "database") && i+2 < len(t):
			i += 3
		case i == 1 && t.op(i) == "(" && !slices.Contains(d.queries, t[i:].head()):
			for i < len(t) && t.op(i) != ")" { // options are never nested
				i++
			}
			i = min(i+1, len(t))
		default:
			return i
		}
	}
}
