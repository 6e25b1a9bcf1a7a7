package lint

import "github.com/starhost/starhost/action"

// effects finds out which functions touch the world, and reports what is done while
// the file loads, by a call at the top level or by what that calls.
func (f *file) effects() {
	f.spread()
	for _, c := range f.calls {
		if c.in != nil || c.lambda {
			continue
		}
		if spec := wordOf(c.CallExpr); spec != nil && spec.Effect != action.Pure {
			f.report("action-at-top-level", c.pos(), "%s is called while the file loads", spec.Name)
		} else if fn := f.callee(c.CallExpr); fn != nil && fn.acts != nil {
			f.report("action-at-top-level", c.pos(), "%s is called while the file loads, and calls %s", fn.name, fn.acts.Name)
		}
	}
}

// spread sets acts of the functions that call words, then of their callers.
func (f *file) spread() {
	callers := map[*function][]*function{}
	var todo []*function
	for _, fn := range f.order {
		for _, c := range fn.calls {
			if spec := wordOf(c.CallExpr); spec != nil && spec.Effect != action.Pure && fn.acts == nil {
				fn.acts = spec
				todo = append(todo, fn)
			} else if called := f.callee(c.CallExpr); called != nil {
				callers[called] = append(callers[called], fn)
			}
		}
	}
	for ; len(todo) > 0; todo = todo[1:] {
		for _, fn := range callers[todo[0]] {
			if fn.acts == nil {
				fn.acts = todo[0].acts
				todo = append(todo, fn)
			}
		}
	}
}

// reachable returns the functions that a phase calls, itself included.
func (f *file) reachable(phase string) map[*function]bool {
	inside := map[*function]bool{}
	fn := f.funcs[f.globals[phase]]
	if fn == nil {
		return inside
	}
	inside[fn] = true
	for todo := []*function{fn}; len(todo) > 0; todo = todo[1:] {
		for _, c := range todo[0].calls {
			if called := f.callee(c.CallExpr); called != nil && !inside[called] {
				inside[called] = true
				todo = append(todo, called)
			}
		}
	}
	return inside
}
