package lint

import (
	"regexp"
	"slices"

	"go.starlark.net/syntax"
)

// origin says where the text of an expression comes from.
type origin int

const (
	constant origin = iota // all of it stands in the file, is a number or a quoted name
	opaque                 // unknown, but nothing is put together here
	built                  // put together with something unknown
)

// tracer finds origins. Names that are being looked at count as constant: what
// makes them something else is found by their other values.
type tracer struct {
	f       *file
	active  map[any]bool
	origins map[any]origin
	steps   int // so that a text in which everything is made of everything ends
}

const maxSteps = 2000

func (f *file) origin(e syntax.Expr) origin {
	t := tracer{f: f, active: map[any]bool{}, origins: map[any]origin{}}
	return t.of(e)
}

func (t *tracer) of(e syntax.Expr) origin {
	if t.steps++; e == nil || t.steps > maxSteps {
		return opaque
	}
	switch e := unparen(e).(type) {
	case *syntax.Literal:
		return constant
	case *syntax.Ident:
		return t.name(e)
	case *syntax.BinaryExpr:
		return t.binary(e)
	case *syntax.CondExpr:
		return max(t.of(e.True), t.of(e.False))
	case *syntax.ListExpr:
		return t.all(e.List)
	case *syntax.TupleExpr:
		return t.all(e.List)
	case *syntax.DictExpr:
		return t.entries(e)
	case *syntax.Comprehension:
		return t.of(e.Body)
	case *syntax.IndexExpr:
		return t.part(e.X)
	case *syntax.SliceExpr:
		return t.of(e.X)
	case *syntax.CallExpr:
		return t.call(e)
	}
	return opaque
}

func (t *tracer) all(list []syntax.Expr) (worst origin) {
	for _, e := range list {
		worst = max(worst, t.of(e))
	}
	return worst
}

// entries is about the values of a dict: an index gets one of them.
func (t *tracer) entries(d *syntax.DictExpr) (worst origin) {
	for _, e := range d.List {
		worst = max(worst, t.of(e.(*syntax.DictEntry).Value))
	}
	return worst
}

// part is one of what e holds; if that is not written out it is only unknown.
func (t *tracer) part(e syntax.Expr) origin {
	if t.of(e) == constant {
		return constant
	}
	return opaque
}

// once finds the origin of something that can lead back to itself.
func (t *tracer) once(key any, find func() origin) origin {
	if t.active[key] {
		return constant
	}
	if o, ok := t.origins[key]; ok {
		return o
	}
	t.active[key] = true
	o := find()
	delete(t.active, key)
	if len(t.active) == 0 {
		t.origins[key] = o // not one that rests on what was still being looked at
	}
	return o
}

func (t *tracer) name(id *syntax.Ident) origin {
	key := identity(id)
	if key == nil {
		if foreign(id, "None") || foreign(id, "True") || foreign(id, "False") {
			return constant
		}
		return opaque
	}
	values, inside := t.f.inside[id]
	if inside {
		key = id
	} else if values = t.f.values[key]; len(values) == 0 {
		return opaque
	}
	return t.once(key, func() (worst origin) {
		for _, v := range values {
			worst = max(worst, t.of(v))
		}
		return worst
	})
}

// binary finds the origin of x + y and the like: what is put together with
// something unknown is built.
func (t *tracer) binary(e *syntax.BinaryExpr) origin {
	switch e.Op {
	case syntax.PLUS:
		if x, y := t.of(e.X), t.of(e.Y); x != constant || y != constant {
			return built
		}
		return constant
	case syntax.PERCENT:
		return t.format(e)
	case syntax.OR, syntax.AND:
		return max(t.of(e.X), t.of(e.Y))
	case syntax.STAR:
		return min(t.of(e.X), t.of(e.Y)) // a text so many times
	}
	return constant // numbers and truth values
}

var verbs = regexp.MustCompile(`%(?:\((\w+)\))?([a-zA-Z%])`)

// format finds the origin of "…" % arguments. A verb for numbers takes nothing else.
func (t *tracer) format(e *syntax.BinaryExpr) origin {
	if t.of(e.X) != constant {
		return built
	}
	format, whole := t.f.text(e.X)
	args := []syntax.Expr{e.Y}
	if tuple, ok := unparen(e.Y).(*syntax.TupleExpr); ok {
		args = tuple.List
	}
	found := verbs.FindAllStringSubmatch(format, -1)
	found = slices.DeleteFunc(found, func(v []string) bool { return v[2] == "%" })
	if !whole || len(found) != len(args) {
		found = nil
	}
	for i, arg := range args {
		number := found != nil && found[i][1] == "" && slices.Contains([]string{"d", "i", "o", "x", "X", "e", "f", "g", "E", "F", "G"}, found[i][2])
		if !number && t.of(arg) != constant {
			return built
		}
	}
	return constant
}

// numeric are functions whose value is a number whatever they are given.
var numeric = []string{"int", "len", "float", "abs", "hash"}

// keeping are methods of a text whose value is made of the text and the arguments.
var keeping = []string{"format", "join", "replace", "lower", "upper", "strip", "lstrip", "rstrip", "title", "removeprefix", "removesuffix"}

func (t *tracer) call(c *syntax.CallExpr) origin {
	for _, name := range append([]string{"quote_name"}, numeric...) {
		if foreign(c.Fn, name) {
			return constant
		}
	}
	if (foreign(c.Fn, "str") || foreign(c.Fn, "repr") || foreign(c.Fn, "sorted") || foreign(c.Fn, "reversed") || foreign(c.Fn, "list") || foreign(c.Fn, "tuple")) && len(c.Args) == 1 {
		return t.of(c.Args[0])
	}
	if dot, ok := unparen(c.Fn).(*syntax.DotExpr); ok && slices.Contains(keeping, dot.Name.Name) {
		return t.method(dot, c.Args)
	}
	if fn := t.f.callee(c); fn != nil {
		return t.once(fn, func() origin { return t.results(fn) })
	}
	return opaque
}

func (t *tracer) method(dot *syntax.DotExpr, args []syntax.Expr) origin {
	worst := t.of(dot.X)
	for _, arg := range args {
		_, value, _ := argument(arg)
		worst = max(worst, t.of(value))
	}
	if worst == opaque && (dot.Name.Name == "format" || dot.Name.Name == "join" || dot.Name.Name == "replace") {
		return built
	}
	return worst
}

// results is about what a function returns.
func (t *tracer) results(fn *function) (worst origin) {
	for _, s := range fn.def.Body {
		syntax.Walk(s, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.DefStmt, *syntax.LambdaExpr:
				return false
			case *syntax.ReturnStmt:
				if n.Result != nil {
					worst = max(worst, t.of(n.Result))
				}
			}
			return true
		})
	}
	return worst
}

// text returns what an expression says as far as it is known from its beginning on,
// and whether that is all of it.
func (f *file) text(e syntax.Expr) (text string, whole bool) {
	steps := maxSteps
	return f.textWithin(e, &steps)
}

func (f *file) textWithin(e syntax.Expr, steps *int) (text string, whole bool) {
	if *steps--; e == nil || *steps < 0 {
		return "", false
	}
	switch e := f.only(e).(type) {
	case *syntax.Literal:
		s, ok := e.Value.(string)
		return s, ok && e.Token == syntax.STRING
	case *syntax.BinaryExpr:
		x, whole := f.textWithin(e.X, steps)
		if e.Op == syntax.PLUS && whole {
			y, all := f.textWithin(e.Y, steps)
			return x + y, all
		}
		return x, false
	case *syntax.CallExpr:
		if dot, ok := unparen(e.Fn).(*syntax.DotExpr); ok && dot.Name.Name == "format" {
			text, _ = f.textWithin(dot.X, steps)
		}
	}
	return text, false
}
