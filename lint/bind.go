package lint

import (
	"strings"

	"go.starlark.net/syntax"
)

func (f *file) assign(s *syntax.AssignStmt, in *function) {
	value := s.RHS
	if s.Op != syntax.EQ {
		value = &syntax.BinaryExpr{X: s.LHS, OpPos: s.OpPos, Op: s.Op - syntax.PLUS_EQ + syntax.PLUS, Y: s.RHS}
	}
	f.bindPattern(s.LHS, value, true)
	if item, ok := s.LHS.(*syntax.IndexExpr); ok { // it may be a key of a dict, or a place in a list
		if id, ok := unparen(item.X).(*syntax.Ident); ok {
			f.bind(id, &syntax.DictExpr{List: []syntax.Expr{&syntax.DictEntry{Key: item.Y, Value: value}}})
		}
	}
	if id, ok := s.LHS.(*syntax.Ident); ok && in == nil && identity(id) != nil {
		f.globals[id.Name] = identity(id)
	}
}

// grow notes what is added to a list as one more value of it.
func (f *file) grow(c *syntax.CallExpr) {
	dot, ok := c.Fn.(*syntax.DotExpr)
	if !ok || len(c.Args) == 0 {
		return
	}
	id, ok := unparen(dot.X).(*syntax.Ident)
	last := c.Args[len(c.Args)-1]
	switch {
	case !ok:
	case dot.Name.Name == "append" || dot.Name.Name == "insert":
		f.bind(id, &syntax.ListExpr{List: []syntax.Expr{last}})
	case dot.Name.Name == "extend" || dot.Name.Name == "update":
		f.bind(id, last)
	}
}

// bind notes one more value of a name.
func (f *file) bind(id *syntax.Ident, value syntax.Expr) {
	if id == nil {
		return
	}
	if key := identity(id); key != nil {
		f.values[key] = append(f.values[key], value)
	}
}

// bindPattern binds the names of a pattern to a value, part by part if the value
// is a tuple or list that is written out.
func (f *file) bindPattern(pattern, value syntax.Expr, assigned bool) {
	switch p := unparen(pattern).(type) {
	case *syntax.Ident:
		f.bind(p, value)
		if assigned && identity(p) != nil {
			f.assigned[identity(p)] = true
		}
	case *syntax.TupleExpr:
		f.bindParts(p.List, value, assigned)
	case *syntax.ListExpr:
		f.bindParts(p.List, value, assigned)
	}
}

func (f *file) bindParts(patterns []syntax.Expr, value syntax.Expr, assigned bool) {
	parts, ok := elements(value)
	ok = ok && len(parts) == len(patterns)
	for i, p := range patterns {
		if ok {
			f.bindPattern(p, parts[i], assigned)
		} else {
			f.bindPattern(p, nil, assigned)
		}
	}
}

// bindElements binds the names of a loop.
func (f *file) bindElements(pattern, over syntax.Expr) {
	for _, part := range f.rounds(over) {
		f.bindPattern(pattern, part, true)
	}
}

// rounds returns what the names of a loop are bound to, one a round; a single nil
// if it is unknown.
func (f *file) rounds(over syntax.Expr) (all []syntax.Expr) {
	values := []syntax.Expr{over}
	if id, ok := unparen(over).(*syntax.Ident); ok {
		values = f.values[identity(id)]
	}
	known := len(values) > 0
	for _, v := range values {
		parts, ok := f.parts(v)
		known = known && ok
		all = append(all, parts...)
	}
	if !known || len(all) > 1000 {
		return []syntax.Expr{nil}
	}
	return all
}

// bindInside notes what the names of a loop are in its body, where it matters not
// what else the function uses them for. A name that the body binds is left out.
func (f *file) bindInside(l loop) {
	round := &file{program: program{values: map[*syntax.Ident][]syntax.Expr{}, assigned: map[*syntax.Ident]bool{}}}
	for _, part := range f.rounds(l.over) {
		round.bindPattern(l.vars, part, false)
	}
	var mentions []*syntax.Ident
	for _, s := range l.body {
		syntax.Walk(s, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.AssignStmt:
				round.bindPattern(n.LHS, nil, true)
			case *syntax.Ident:
				mentions = append(mentions, n)
			}
			return true
		})
	}
	for _, id := range mentions {
		if key := identity(id); key != nil && round.values[key] != nil && !round.assigned[key] {
			f.inside[id] = round.values[key]
		}
	}
}

// parts returns what a loop over e goes over, if that is written out.
func (f *file) parts(e syntax.Expr) ([]syntax.Expr, bool) {
	if e == nil {
		return nil, false
	}
	e = f.only(e)
	if dict, ok := e.(*syntax.DictExpr); ok {
		return entries(dict, "keys"), true
	}
	if c, ok := e.(*syntax.CallExpr); ok {
		if dot, ok := c.Fn.(*syntax.DotExpr); ok && len(c.Args) == 0 {
			if dict, ok := f.only(dot.X).(*syntax.DictExpr); ok {
				return entries(dict, dot.Name.Name), true
			}
		}
		return nil, false
	}
	return elements(e)
}

// entries returns the keys, values or items of a dict; nothing for another method.
func entries(dict *syntax.DictExpr, method string) (list []syntax.Expr) {
	for _, e := range dict.List {
		switch e := e.(*syntax.DictEntry); method {
		case "keys":
			list = append(list, e.Key)
		case "values":
			list = append(list, e.Value)
		case "items":
			list = append(list, &syntax.TupleExpr{List: []syntax.Expr{e.Key, e.Value}})
		}
	}
	return list
}

// elements returns what a tuple or list that is written out holds.
func elements(e syntax.Expr) ([]syntax.Expr, bool) {
	if e == nil {
		return nil, false
	}
	switch e := unparen(e).(type) {
	case *syntax.TupleExpr:
		return e.List, true
	case *syntax.ListExpr:
		return e.List, true
	}
	return nil, false
}

// only returns the one value that a name can have, and the expression itself if it
// is no such name.
func (f *file) only(e syntax.Expr) syntax.Expr {
	for range 8 { // names of names of …
		id, ok := unparen(e).(*syntax.Ident)
		if !ok {
			return unparen(e)
		}
		values := f.values[identity(id)]
		if len(values) != 1 || values[0] == nil {
			return e
		}
		e = values[0]
	}
	return e
}

// bindParams binds parameters to the arguments of the calls. What can be called
// from elsewhere can be given anything.
func (f *file) bindParams() {
	named := map[*syntax.Ident]int{} // how often a function is mentioned other than to call it
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		if id, ok := n.(*syntax.Ident); ok && f.funcs[identity(id)] != nil {
			named[identity(id)]++
		}
		return true
	})
	for _, c := range f.calls {
		if fn := f.callee(c.CallExpr); fn != nil {
			named[identity(c.Fn.(*syntax.Ident))]--
			f.bindArguments(fn, c.CallExpr)
		}
	}
	for key, fn := range f.funcs {
		private := strings.HasPrefix(fn.name, "_") && named[key] == 1 // the def itself
		for _, p := range fn.params {
			if !private || len(f.values[identity(p)]) == 0 {
				f.bind(p, nil)
			}
		}
	}
}

func (f *file) bindArguments(fn *function, c *syntax.CallExpr) {
	for i, arg := range c.Args {
		switch a := arg.(type) {
		case *syntax.BinaryExpr:
			if a.Op == syntax.EQ {
				for _, p := range fn.params {
					if p.Name == a.X.(*syntax.Ident).Name {
						f.bind(p, a.Y)
					}
				}
				continue
			}
		case *syntax.UnaryExpr:
			if a.Op == syntax.STAR || a.Op == syntax.STARSTAR {
				for _, p := range fn.params {
					f.bind(p, nil)
				}
				return
			}
		}
		if i < len(fn.params) {
			f.bind(fn.params[i], arg)
		}
	}
}
