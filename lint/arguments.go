package lint

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
)

// use is a call of a word with its arguments sorted out.
type use struct {
	call
	spec *action.Spec
	args map[string]syntax.Expr
	rest []syntax.Expr
	open bool // by * or **: there may be more arguments
}

// pos is where the call begins.
func (c call) pos() syntax.Position { return syntax.Start(c.Fn) }

// sortOut assigns the arguments of a call to the parameters of a word, as the
// binding of the word does. wrong says what the binding would refuse.
func sortOut(c call, spec *action.Spec) (u use, wrong []string) {
	u = use{call: c, spec: spec, args: map[string]syntax.Expr{}}
	var positional []string
	rest, anyName := false, false
	for _, p := range spec.Params {
		rest, anyName = rest || p.Rest, anyName || p.AnyName
		if !p.KeywordOnly && !p.Rest && !p.AnyName {
			positional = append(positional, p.Name)
		}
	}
	n := 0
	for _, arg := range c.Args {
		switch name, value, kind := argument(arg); {
		case kind == syntax.STAR || kind == syntax.STARSTAR:
			u.open = true
		case kind == syntax.EQ:
			p := spec.Param(name)
			switch {
			case p == nil && !anyName:
				wrong = append(wrong, "there is no parameter "+name+"; there are "+names(spec))
			case p != nil && p.Rest:
				wrong = append(wrong, "the parameter "+name+" takes positional arguments")
			case u.args[name] != nil:
				wrong = append(wrong, "the parameter "+name+" is given twice")
			}
			u.args[name] = value
		case n < len(positional):
			u.args[positional[n]] = value
			n++
		case rest:
			u.rest = append(u.rest, value)
		default:
			wrong = append(wrong, "there are too many positional arguments")
		}
	}
	for _, p := range spec.Params {
		if p.Required && !u.open && u.args[p.Name] == nil && p.Name != "undo" { // which is a check of its own
			wrong = append(wrong, "the parameter "+p.Name+" is missing")
		}
	}
	return u, wrong
}

// argument takes an argument apart. kind is EQ, STAR, STARSTAR or, for a positional
// one, ILLEGAL.
func argument(arg syntax.Expr) (name string, value syntax.Expr, kind syntax.Token) {
	switch a := arg.(type) {
	case *syntax.BinaryExpr:
		if id, ok := a.X.(*syntax.Ident); ok && a.Op == syntax.EQ {
			return id.Name, a.Y, syntax.EQ
		}
	case *syntax.UnaryExpr:
		if a.Op == syntax.STAR || a.Op == syntax.STARSTAR {
			return "", a.X, a.Op
		}
	}
	return "", arg, syntax.ILLEGAL
}

func names(spec *action.Spec) string {
	var list []string
	for _, p := range spec.Params {
		list = append(list, p.Name)
	}
	return strings.Join(list, ", ")
}

// uses returns all calls of words, and reports those that the binding would refuse.
func (f *file) uses() (list []use) {
	for _, c := range f.calls {
		spec := wordOf(c.CallExpr)
		if spec == nil {
			if dot, ok := unparen(c.Fn).(*syntax.DotExpr); ok && foreign(dot.X, "undo") {
				f.report("wrong-arguments", c.pos(), "there is no undo.%s; there are undo.sql, undo.exec_as, undo.any", dot.Name.Name)
			}
			continue
		}
		u, wrong := sortOut(c, spec)
		for _, w := range wrong {
			f.report("wrong-arguments", c.pos(), "%s: %s", spec.Name, w)
		}
		list = append(list, u)
	}
	return list
}

// none reports whether an argument is not there, or is None.
func none(e syntax.Expr) bool { return e == nil || foreign(e, "None") }

// holds reports whether an action takes something for sure: it has a name for it,
// or an undo that is one.
func (u *use) holds() bool { return !none(u.args["hold"]) || isUndo(u.args["undo"]) }

// isUndo reports whether an expression is an undo for sure, and not None.
func isUndo(e syntax.Expr) bool {
	if e == nil {
		return false
	}
	switch e := unparen(e).(type) {
	case *syntax.Literal:
		return e.Token == syntax.STRING
	case *syntax.ListExpr:
		return len(e.List) > 0
	case *syntax.CallExpr:
		spec := wordOf(e)
		return spec != nil && strings.HasPrefix(spec.Name, "undo.")
	}
	return false
}
