package lint

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/interp"
)

// state is what is known to be so at one place of a phase.
type state struct {
	held    grip
	freed   bool // something was given back since the branch began
	bounded bool // waiting for locks has a limit on the session, or may have one
}

// grip is whether something is held. What is only perhaps held counts as not held.
type grip int

const (
	nothing grip = iota
	tried        // if the server agreed, which a branch may have asked for
	taken
)

// join returns what is known after either of two ways.
func join(a, b state) state {
	return state{held: min(a.held, b.held), freed: a.freed || b.freed, bounded: a.bounded || b.bounded}
}

// walker follows a phase through the functions that it calls.
type walker struct {
	f      *file
	phase  bool // it began at a phase, so that bounded is known
	active map[*function]bool
	done   map[visit]state
}

// visit is a function entered in a state. The result is the same every time.
type visit struct {
	fn    *function
	in    state
	phase bool
}

// way is one way through a function.
type way struct {
	*walker
	exits  []state // at its returns
	breaks []state // of the innermost loop
	maybe  int     // depth of expressions that need not be evaluated
}

// flow checks the order of things: of freeze and holds, of locks and the limits on
// waiting for them. Phases come first, in order; then functions that nobody calls.
func (f *file) flow() {
	w := &walker{f: f, active: map[*function]bool{}, done: map[visit]state{}}
	s := state{}
	w.phase = f.funcs[f.globals[interp.Phases[0]]] != nil
	for _, phase := range interp.Phases {
		if fn := f.funcs[f.globals[phase]]; fn != nil {
			s.held, s.freed = nothing, false
			s = w.function(fn, s)
		}
	}
	w.phase = false
	for _, fn := range f.order {
		w.function(fn, state{})
	}
	for _, fn := range f.order {
		f.sleeping(fn.def)
	}
}

// function follows one call of a function.
func (w *walker) function(fn *function, s state) state {
	key := visit{fn, s, w.phase}
	if out, ok := w.done[key]; ok {
		return out
	}
	if w.active[fn] || len(w.active) > 100 {
		return s // recursion, which the interpreter refuses
	}
	w.active[fn] = true
	way := way{walker: w}
	out, ended := way.block(fn.def.Body, s)
	if ended && len(way.exits) > 0 {
		out = way.exits[0]
	}
	for _, exit := range way.exits {
		out = join(out, exit)
	}
	delete(w.active, fn)
	w.done[key] = out
	return out
}

// block follows statements; ended says that nothing comes after them.
func (w *way) block(list []syntax.Stmt, s state) (out state, ended bool) {
	for _, stmt := range list {
		if s, ended = w.statement(stmt, s); ended {
			return s, true
		}
	}
	return s, false
}

func (w *way) statement(stmt syntax.Stmt, s state) (out state, ended bool) {
	switch stmt := stmt.(type) {
	case *syntax.ExprStmt:
		c, ok := unparen(stmt.X).(*syntax.CallExpr)
		return w.expr(stmt.X, s), ok && foreign(c.Fn, "fail")
	case *syntax.AssignStmt:
		return w.expr(stmt.RHS, s), false
	case *syntax.ReturnStmt:
		if stmt.Result != nil {
			s = w.expr(stmt.Result, s)
		}
		w.exits = append(w.exits, s)
		return s, true
	case *syntax.BranchStmt:
		if stmt.Token == syntax.PASS {
			return s, false
		}
		w.breaks = append(w.breaks, s)
		return s, true
	case *syntax.IfStmt:
		return w.branches(stmt, w.expr(stmt.Cond, s))
	case *syntax.ForStmt:
		return w.loop(stmt, w.expr(stmt.X, s)), false
	}
	return s, false
}

func (w *way) branches(stmt *syntax.IfStmt, s state) (out state, ended bool) {
	yes, yesEnds := w.branch(stmt.True, s)
	no, noEnds := w.branch(stmt.False, s)
	switch {
	case yesEnds && noEnds:
		return s, true
	case yesEnds:
		return no, false
	case noEnds:
		return yes, false
	}
	return join(yes, no), false
}

// branch follows statements that may be skipped. What was only tried may be why
// they are not, so that it counts as not held in them.
func (w *way) branch(list []syntax.Stmt, before state) (out state, ended bool) {
	in := before
	in.freed = false
	if in.held == tried {
		in.held = nothing
	}
	out, ended = w.block(list, in)
	if !out.freed {
		out.held = max(out.held, before.held)
	}
	out.freed = out.freed || before.freed
	return out, ended
}

func (w *way) loop(stmt *syntax.ForStmt, s state) state {
	outer := w.breaks
	w.breaks = nil
	out, ended := w.branch(stmt.Body, s)
	if !ended {
		s = join(s, out)
	}
	for _, exit := range w.breaks {
		s = join(s, exit)
	}
	w.breaks = outer
	return s
}

// expr follows an expression: the arguments of a call come before the call.
func (w *way) expr(e syntax.Expr, s state) state {
	var stack []syntax.Node
	syntax.Walk(e, func(n syntax.Node) bool {
		if n == nil {
			n, stack = stack[len(stack)-1], stack[:len(stack)-1]
			if skippable(n) {
				w.maybe--
			}
			if c, ok := n.(*syntax.CallExpr); ok {
				s = w.call(c, s)
			}
			return true
		}
		if _, ok := n.(*syntax.LambdaExpr); ok {
			return false
		}
		if skippable(n) {
			w.maybe++
		}
		stack = append(stack, n)
		return true
	})
	return s
}

// skippable reports whether parts of an expression need not be evaluated.
func skippable(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.CondExpr, *syntax.Comprehension:
		return true
	case *syntax.BinaryExpr:
		return n.Op == syntax.AND || n.Op == syntax.OR
	}
	return false
}

func (w *way) call(c *syntax.CallExpr, s state) state {
	out := s
	if spec := wordOf(c); spec != nil {
		u, _ := sortOut(call{CallExpr: c}, spec)
		out = w.word(&u, s)
	} else if fn := w.f.callee(c); fn != nil {
		out = w.function(fn, s)
	}
	if w.maybe > 0 {
		out.held = min(out.held, s.held)
	}
	return out
}

// word checks one call of a word and returns what is known after it.
func (w *way) word(u *use, s state) state {
	switch u.spec.Name {
	case "freeze":
		if s.held != nothing && len(u.rest) > 0 {
			w.f.report("freeze-after-hold", u.pos(), "freeze comes after something is held")
		}
		return s
	case "thaw":
		s.held, s.freed = nothing, true
		return s
	}
	if strings.HasPrefix(u.spec.Name, "undo.") {
		return s
	}
	if u.args["releases"] != nil {
		s.held, s.freed = nothing, true
	}
	w.waiting(u, s)
	text, _ := w.f.text(u.args["query"])
	s.bounded = s.bounded || limits.MatchString(text)
	if isUndo(u.args["undo"]) && s.held != taken {
		s.held = taken
		if strings.HasPrefix(u.spec.Name, "try_") {
			s.held = tried
		}
	}
	return s
}
