package lint

import (
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// A kind is what an expression stands for, if it is one of the things that the host
// hands to a phase.
type kind int

const (
	other kind = iota
	isCtx
	isSettings
)

// settings is what is known about the settings of a script.
type settings struct {
	f     *file
	kinds map[*syntax.Ident]kind
	// declared are the keys of SETTINGS; known is whether those are all.
	declared map[string]*syntax.Literal
	known    bool
	read     map[string]bool
	// escaped is whether somebody may read settings that cannot be seen from here.
	escaped bool
}

// contexts checks how ctx and the settings are used.
func (f *file) contexts() {
	s := &settings{f: f, kinds: map[*syntax.Ident]kind{}, declared: map[string]*syntax.Literal{}, read: map[string]bool{}}
	s.declare()
	s.infer()
	s.inspect()
	if !s.known || s.escaped || f.funcs[f.globals[interp.Phases[0]]] == nil {
		return
	}
	for key, lit := range s.declared {
		if !s.read[key] {
			f.report("unread-setting", lit.TokenPos, "nothing reads the setting %q", key)
		}
	}
}

// declare reads SETTINGS.
func (s *settings) declare() {
	id := s.f.globals["SETTINGS"]
	if id == nil {
		s.known = s.f.definesPhase()
		return
	}
	s.kinds[id] = isSettings
	if len(s.f.values[id]) != 1 {
		return
	}
	dict, ok := s.f.only(id).(*syntax.DictExpr)
	if !ok {
		return
	}
	for _, e := range dict.List {
		lit, ok := unparen(e.(*syntax.DictEntry).Key).(*syntax.Literal)
		if !ok || lit.Token != syntax.STRING {
			return
		}
		s.declared[lit.Value.(string)] = lit
	}
	s.known = true
}

// infer finds the names that stand for ctx and its settings: the parameter of a
// phase, a parameter called ctx, and what is only ever given one of them.
func (s *settings) infer() {
	for _, fn := range s.f.order {
		for i, p := range fn.params {
			phase := i == 0 && slices.Contains(interp.Phases[:], fn.name) && s.f.funcs[s.f.globals[fn.name]] == fn
			if key := identity(p); key != nil && (phase || p.Name == "ctx") && !s.f.assigned[key] {
				s.kinds[key] = isCtx
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for key, values := range s.f.values {
			if _, done := s.kinds[key]; !done && len(values) > 0 {
				if k := s.common(values); k != other {
					s.kinds[key], changed = k, true
				}
			}
		}
	}
}

// common returns the kind that all values have.
func (s *settings) common(values []syntax.Expr) kind {
	k := s.kind(values[0])
	for _, v := range values[1:] {
		if s.kind(v) != k {
			return other
		}
	}
	return k
}

func (s *settings) kind(e syntax.Expr) kind {
	if e == nil {
		return other
	}
	switch e := unparen(e).(type) {
	case *syntax.Ident:
		if key := identity(e); key != nil {
			return s.kinds[key]
		}
	case *syntax.DotExpr:
		if e.Name.Name == "settings" && s.kind(e.X) == isCtx {
			return isSettings
		}
	}
	return other
}

// inspect looks at each mention of ctx and the settings, by what it stands in.
func (s *settings) inspect() {
	var stack []syntax.Node
	syntax.Walk(s.f.tree, func(n syntax.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if e, ok := n.(syntax.Expr); ok && len(stack) > 0 {
			switch k := s.kind(e); k {
			case isCtx:
				s.context(e, stack[len(stack)-1], k)
			case isSettings:
				s.setting(e, stack)
			}
		}
		stack = append(stack, n)
		return true
	})
}

// context judges one mention of ctx.
func (s *settings) context(e syntax.Expr, parent syntax.Node, k kind) {
	dot, ok := parent.(*syntax.DotExpr)
	if !ok {
		s.escaped = s.escaped || !s.harmless(e, parent, k)
		return
	}
	var fields []string
	for _, field := range action.ContextFields {
		fields = append(fields, field.Name)
	}
	if dot.X == e && !slices.Contains(fields, dot.Name.Name) {
		s.f.report("unknown-ctx-field", dot.Name.NamePos, "ctx has no field %s; it has %s", dot.Name.Name, strings.Join(fields, ", "))
	}
}

// harmless reports whether something of a kind goes only where it is still known.
func (s *settings) harmless(e syntax.Expr, parent syntax.Node, k kind) bool {
	switch p := parent.(type) {
	case *syntax.ParenExpr, *syntax.DefStmt: // a parameter
		return true
	case *syntax.AssignStmt:
		return p.LHS == e || s.kind(p.LHS) == k
	case *syntax.BinaryExpr: // name = value, in a call or a def
		return p.Op == syntax.EQ && (p.X == e || s.passed(p.X, k))
	case *syntax.CallExpr:
		fn := s.f.callee(p)
		i := slices.Index(p.Args, e)
		return fn != nil && i >= 0 && i < len(fn.params) && s.kind(fn.params[i]) == k
	}
	return false
}

// passed reports whether a keyword argument is known at the other end. Which
// function is called is not known here, so that all parameters of the name count.
func (s *settings) passed(name syntax.Expr, k kind) bool {
	id, ok := name.(*syntax.Ident)
	found := false
	for _, fn := range s.f.order {
		for _, p := range fn.params {
			if ok && p.Name == id.Name {
				if s.kind(p) != k {
					return false
				}
				found = true
			}
		}
	}
	return found
}

// setting judges one mention of the settings.
func (s *settings) setting(e syntax.Expr, stack []syntax.Node) {
	switch p := stack[len(stack)-1].(type) {
	case *syntax.IndexExpr:
		if p.X == e {
			s.reads(p.Y, true)
			return
		}
	case *syntax.DotExpr:
		if p.X == e && p.Name.Name == "get" && len(stack) > 1 {
			if c, ok := stack[len(stack)-2].(*syntax.CallExpr); ok && len(c.Args) > 0 {
				s.reads(c.Args[0], true)
				return
			}
		}
		if p.Name == e { // settings, the name after the dot
			return
		}
	case *syntax.BinaryExpr:
		if (p.Op == syntax.IN || p.Op == syntax.NOT_IN) && p.Y == e {
			s.reads(p.X, false)
			return
		}
	}
	s.escaped = s.escaped || !s.harmless(e, stack[len(stack)-1], isSettings)
}

// reads notes that a setting is read.
func (s *settings) reads(key syntax.Expr, must bool) {
	name, whole := s.f.text(key)
	if !whole {
		s.escaped = true
		return
	}
	s.read[name] = true
	if must && s.known && s.declared[name] == nil {
		s.f.report("undeclared-setting", syntax.Start(key), "SETTINGS has no %q", name)
	}
}
