package lint

import (
	"path"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/stmt"
)

// words makes the checks of single calls of words, and of what a script must say.
func (f *file) words() {
	f.api()
	inVerify, inPostscript := f.reachable("verify"), f.reachable("postscript")
	for _, u := range f.uses() {
		if u.spec.Param("undo") != nil || u.spec.Name == "sql_one" {
			f.compensation(&u)
		}
		if inVerify[u.in] && (u.holds() || u.spec.Effect == action.Holds) {
			f.report("verify-holds", u.pos(), "%s in verify takes something", u.spec.Name)
		}
		if inPostscript[u.in] && u.spec.Effect == action.Holds {
			f.report("freeze-after-hold", u.pos(), "%s in postscript comes after the snapshot", u.spec.Name)
		}
		f.undoValue(u.args["undo"])
		f.statements(&u)
		f.shell(&u)
	}
	f.discarded()
}

// api checks that a script says which words it was written for.
func (f *file) api() {
	phase := bindsGlobal(f.tree, interp.Phases[:]...)
	if phase == nil {
		return // a file that scripts load
	}
	assign, _ := bindsGlobal(f.tree, "API").(*syntax.AssignStmt)
	if assign == nil {
		f.report("missing-api", syntax.Start(phase), "the script does not say API = %d", interp.API)
		return
	}
	if lit, ok := f.only(assign.RHS).(*syntax.Literal); ok && lit.Value != int64(interp.API) {
		f.report("missing-api", syntax.Start(assign), "API is %s, want %d", lit.Raw, interp.API)
	}
}

// compensation checks that what changes says how it is undone.
func (f *file) compensation(u *use) {
	undo, hold := u.args["undo"], u.args["hold"]
	switch {
	case u.open:
	case !none(hold) && none(undo):
		f.report("hold-without-undo", u.pos(), "%s has hold = but no undo =", u.spec.Name)
	case undo != nil || u.args["releases"] != nil:
	case u.spec.Param("undo") != nil && u.spec.Param("undo").Required:
		f.report("changing-without-undo", u.pos(), "%s has no undo =", u.spec.Name)
	default:
		text, whole := f.text(u.args["query"])
		if what := f.changes(text); whole && what != "" {
			f.report("changing-without-undo", u.pos(), "%s: the statement %s", u.spec.Name, what)
		}
	}
}

// changes says what a statement changes, or nothing if one of the databases it may
// be for knows it as harmless, or cannot read it.
func (f *file) changes(query string) (what string) {
	for _, db := range f.databases {
		info, err := stmt.Classify(db, query)
		if err != nil || info.Class != stmt.Change {
			return ""
		}
		what = info.What
	}
	if len(f.databases) > 1 {
		return "is a change on every kind of server"
	}
	return what
}

// undoValue checks that an undo is data, not something that runs now, or never.
func (f *file) undoValue(e syntax.Expr) {
	if e == nil {
		return
	}
	pos := syntax.Start(e)
	switch v := f.only(e).(type) {
	case *syntax.LambdaExpr:
		f.report("closure-as-undo", pos, "the undo is a lambda")
	case *syntax.ListExpr:
		for _, step := range v.List {
			f.undoValue(step)
		}
	case *syntax.Ident:
		if fn := f.funcs[identity(v)]; fn != nil {
			f.report("closure-as-undo", pos, "the undo is the function %s", fn.name)
		} else if spec := action.LookupSpec(v.Name); spec != nil && foreign(v, v.Name) {
			f.report("closure-as-undo", pos, "the undo is the word %s", v.Name)
		}
	case *syntax.CallExpr:
		f.undoCall(v, pos)
	}
}

// undoCall checks a call that is to make an undo. A function of the script may make
// one.
func (f *file) undoCall(c *syntax.CallExpr, pos syntax.Position) {
	if spec := wordOf(c); spec != nil {
		switch {
		case !strings.HasPrefix(spec.Name, "undo."):
			f.report("closure-as-undo", pos, "%s is called now, and is no undo", spec.Name)
		case spec.Name == "undo.any":
			for _, step := range c.Args {
				f.undoValue(step)
			}
		}
		return
	}
	fn := f.callee(c)
	switch {
	case fn == nil || makesUndo(fn): // it is of a file that was loaded, or a method
	case fn.acts != nil:
		f.report("closure-as-undo", pos, "%s is called now: it does %s and is no undo", fn.name, fn.acts.Name)
	default:
		f.report("closure-as-undo", pos, "%s is called now and returns nothing", fn.name)
	}
}

// makesUndo reports whether a function may return an undo. It may look at the server
// before: what was there is what an undo restores.
func makesUndo(fn *function) (found bool) {
	for _, s := range fn.def.Body {
		syntax.Walk(s, func(n syntax.Node) bool {
			if r, ok := n.(*syntax.ReturnStmt); ok && r.Result != nil {
				c, isCall := unparen(r.Result).(*syntax.CallExpr)
				found = found || !isCall || wordOf(c) == nil || strings.HasPrefix(wordOf(c).Name, "undo.")
			}
			return !found
		})
	}
	return found
}

// statements checks the texts that a word sends to a server.
func (f *file) statements(u *use) {
	list := []syntax.Expr{u.args["when"]}
	if u.spec.Param("query") != nil {
		list = append(list, u.args["query"])
	}
	if steps, ok := elements(u.args["undo"]); ok {
		list = append(list, steps...)
	} else {
		list = append(list, u.args["undo"])
	}
	if u.spec.Name == "undo.any" {
		list = append(list, u.rest...)
	}
	for _, e := range list {
		if e != nil && f.origin(e) == built {
			f.report("sql-from-text", syntax.Start(e), "the statement is put together with something unknown")
		}
	}
}

var (
	shells   = []string{"sh", "bash", "dash", "ash", "ksh", "zsh", "csh", "tcsh", "fish"}
	wrappers = []string{"env", "nice", "ionice", "nohup", "setsid", "sudo", "timeout", "busybox", "stdbuf"}
)

// shell checks that a program is no shell.
func (f *file) shell(u *use) {
	if u.args["argv"] == nil {
		return
	}
	argv, _ := elements(f.only(u.args["argv"]))
	for i, e := range argv {
		text, whole := f.text(e)
		name := path.Base(text)
		if !whole {
			return
		}
		if slices.Contains(shells, name) {
			f.report("shell", syntax.Start(e), "%s runs a shell: %s", u.spec.Name, text)
			return
		}
		wrapped := i > 0 && (strings.HasPrefix(text, "-") || strings.Contains(text, "=") || strings.Trim(text, "0123456789.smhd") == "")
		if !wrapped && !slices.Contains(wrappers, name) {
			return
		}
	}
}

// discarded checks that nobody throws away whether something was taken.
func (f *file) discarded() {
	check := func(e syntax.Expr) {
		c, ok := unparen(e).(*syntax.CallExpr)
		if !ok {
			return
		}
		if spec := wordOf(c); spec != nil && strings.HasPrefix(spec.Name, "try_") {
			if u, _ := sortOut(call{CallExpr: c}, spec); u.holds() {
				f.report("discarded-try", syntax.Start(c), "nobody looks at what %s answered", spec.Name)
			}
		}
	}
	syntax.Walk(f.tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ExprStmt:
			check(n.X)
		case *syntax.AssignStmt:
			if id, ok := n.LHS.(*syntax.Ident); ok && strings.HasPrefix(id.Name, "_") && f.globals[id.Name] == nil {
				check(n.RHS)
			}
		}
		return true
	})
}
