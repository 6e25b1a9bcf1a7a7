package lint

import (
	"slices"

	"go.starlark.net/resolve"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// program is what a file is made of.
type program struct {
	funcs map[*syntax.Ident]*function
	// order are the functions as they stand in the file.
	order []*function
	calls []call // all of them, in order
	// values are what each name is bound to; nil is something unknown.
	values map[*syntax.Ident][]syntax.Expr
	// inside are mentions of names in a loop over them: what they are bound to there.
	inside   map[*syntax.Ident][]syntax.Expr
	assigned map[*syntax.Ident]bool // by a statement, not as a parameter
	globals  map[string]*syntax.Ident
	loops    []loop
}

// loop is what a for, or a clause of a comprehension, goes over.
type loop struct {
	vars, over syntax.Expr
	body       []syntax.Stmt // nil of a clause, whose names are its own
}

// function is a def.
type function struct {
	name   string
	def    *syntax.DefStmt
	params []*syntax.Ident // that a positional argument can be for
	calls  []call          // in its body, those of nested functions left out
	acts   *action.Spec    // a word by which it touches the world, directly or not; nil if it does not
}

// call is a call of anything, with the function that it stands in, nil at the top
// level, and whether it is only made when a lambda is called.
type call struct {
	*syntax.CallExpr
	in     *function
	lambda bool
}

// identity returns the first mention of what a name stands for, the same for all
// its mentions; nil if the name is none of the file.
func identity(id *syntax.Ident) *syntax.Ident {
	b, ok := id.Binding.(*resolve.Binding)
	if !ok || b.Scope == resolve.Undefined || b.Scope == resolve.Predeclared || b.Scope == resolve.Universal {
		return nil
	}
	return b.First
}

// foreign reports whether an expression is a name of the language or the host.
func foreign(e syntax.Expr, name string) bool {
	id, ok := unparen(e).(*syntax.Ident)
	if !ok || id.Name != name {
		return false
	}
	b, ok := id.Binding.(*resolve.Binding)
	return ok && (b.Scope == resolve.Predeclared || b.Scope == resolve.Universal)
}

func unparen(e syntax.Expr) syntax.Expr {
	for {
		p, ok := e.(*syntax.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

// definesPhase reports whether the file is a script, not one that scripts load.
func (f *file) definesPhase() bool { return bindsGlobal(f.tree, interp.Phases[:]...) != nil }

// bindsGlobal returns the first statement that binds one of the names at top level.
func bindsGlobal(tree *syntax.File, names ...string) syntax.Stmt {
	for _, s := range tree.Stmts {
		switch s := s.(type) {
		case *syntax.DefStmt:
			if slices.Contains(names, s.Name.Name) {
				return s
			}
		case *syntax.AssignStmt:
			if id, ok := s.LHS.(*syntax.Ident); ok && slices.Contains(names, id.Name) {
				return s
			}
		}
	}
	return nil
}

// index finds functions, calls, and what names are bound to.
func (f *file) index() {
	f.funcs, f.values = map[*syntax.Ident]*function{}, map[*syntax.Ident][]syntax.Expr{}
	f.inside = map[*syntax.Ident][]syntax.Expr{}
	f.assigned, f.globals = map[*syntax.Ident]bool{}, map[string]*syntax.Ident{}
	f.collect(f.tree, nil, false)
	f.bindParams()
	for _, l := range f.loops { // when all else is bound; outer loops come first
		f.bindElements(l.vars, l.over)
	}
	for _, l := range f.loops {
		f.bindInside(l)
	}
}

// collect walks n, which stands in a function.
func (f *file) collect(n syntax.Node, in *function, lambda bool) {
	syntax.Walk(n, func(m syntax.Node) bool {
		switch m := m.(type) {
		case *syntax.DefStmt:
			f.define(m, in, lambda)
			return false
		case *syntax.LambdaExpr:
			for _, p := range m.Params {
				if b, ok := p.(*syntax.BinaryExpr); ok {
					f.collect(b.Y, in, lambda)
				}
			}
			f.collect(m.Body, in, true)
			return false
		case *syntax.AssignStmt:
			f.assign(m, in)
		case *syntax.ForStmt:
			f.loops = append(f.loops, loop{m.Vars, m.X, m.Body})
		case *syntax.ForClause:
			f.loops = append(f.loops, loop{vars: m.Vars, over: m.X})
		case *syntax.CallExpr:
			f.calls = append(f.calls, call{m, in, lambda})
			f.grow(m)
			if in != nil && !lambda {
				in.calls = append(in.calls, call{m, in, lambda})
			}
		}
		return true
	})
}

func (f *file) define(def *syntax.DefStmt, in *function, lambda bool) {
	fn := &function{name: def.Name.Name, def: def}
	for _, p := range def.Params {
		id, _ := p.(*syntax.Ident)
		if b, ok := p.(*syntax.BinaryExpr); ok { // name = default
			id, _ = b.X.(*syntax.Ident)
			f.collect(b.Y, in, lambda) // it is evaluated where the def is
			f.bind(id, b.Y)
		}
		if id == nil {
			break // * and **
		}
		fn.params = append(fn.params, id)
	}
	if id := identity(def.Name); id != nil {
		f.funcs[id] = fn
		if in == nil {
			f.globals[fn.name] = id
		}
	}
	f.order = append(f.order, fn)
	for _, s := range def.Body {
		f.collect(s, fn, false)
	}
}

// callee returns the function of the file that is called, or nil.
func (f *file) callee(c *syntax.CallExpr) *function {
	id, ok := c.Fn.(*syntax.Ident)
	if !ok || identity(id) == nil {
		return nil
	}
	return f.funcs[identity(id)]
}

// wordOf returns the word that is called, or nil.
func wordOf(c *syntax.CallExpr) *action.Spec {
	switch fn := unparen(c.Fn).(type) {
	case *syntax.Ident:
		if foreign(fn, fn.Name) {
			return action.LookupSpec(fn.Name)
		}
	case *syntax.DotExpr:
		if foreign(fn.X, "undo") {
			return action.LookupSpec("undo." + fn.Name.Name)
		}
	}
	return nil
}
