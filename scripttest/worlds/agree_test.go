package worlds_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest/worlds"
)

// A sequence is statements that are made on a world and on the server it stands for.
//
// A step is "SESSION| STATEMENT"; sessions are opened when they come first. One that begins
// with = is about the values too, otherwise about their kinds. "SESSION end" ends a
// session; "commit", somebody else's write, and others are special.
type sequence struct {
	name    string
	on      string // of the subject: which majors, a standby …
	user    string
	options action.Value // of the world, beside those of the subject
	steps   []string
}

// A pair is a world with the real server, which are to agree.
type pair struct {
	world worlds.Server
	real  driver.Server
	held  func(t *testing.T) []string // at the real server
	// special are steps that are no statement; they return what the world says and what the server does.
	special map[string]func() (world, server string)
	ids     map[string]string
	open    map[string]driver.Session
	marked  map[string]bool // by held, about sessions
	// settle, if it is there, is called before a statement; what it returns waits until the server shows the effect.
	settle func(query string) (wait func())
	// digest, if it is there, is what is compared beside kinds or values.
	digest func(side, session, query string, rows *action.Rows) string
}

// agree makes the steps of one sequence on both.
func (p *pair) agree(t *testing.T, steps []string) {
	t.Helper()
	p.ids, p.open, p.marked = map[string]string{}, map[string]driver.Session{}, map[string]bool{}
	defer p.end()
	for _, step := range steps {
		got, want := p.step(t, step)
		if got != want {
			t.Errorf("%s\n the world:       %s\n the real server: %s", step, got, want)
		}
		p.sameHeld(t, step)
	}
}

func (p *pair) step(t *testing.T, step string) (world, server string) {
	if p.special[step] != nil {
		return p.special[step]()
	}
	name, query, statement := strings.Cut(step, "| ")
	name, values := strings.CutPrefix(name, "=")
	name, ends := strings.CutSuffix(name, " end")
	if p.open[name] == nil {
		session, err := p.real.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		p.open[name], p.ids[name] = session, p.world.Connect()
	}
	if ends || !statement {
		p.world.Disconnect(p.ids[name])
		_ = p.open[name].Close()
		delete(p.open, name)
		return "", ""
	}
	query, params := parameters(query)
	ctx, cancel := context.WithTimeout(t.Context(), patience(p.world, p.ids[name], query, params))
	defer cancel()
	wait := func() {}
	if p.settle != nil {
		wait = p.settle(query)
	}
	answer := p.world.Do(p.ids[name], query, params)
	result := p.open[name].Do(ctx, query, params)
	if result.Err == nil {
		wait()
	}
	world, server = said(answer, values), really(result, values)
	if p.digest != nil {
		world += p.digest("world", name, query, answer.Rows)
		server += p.digest("server", name, query, result.Rows)
	}
	return world, server
}

// patience is how long the real server gets: not long where the world says that it waits.
func patience(world worlds.Server, id, query string, params []action.Value) time.Duration {
	if world.Clone().Do(id, query, params).Waits {
		return 300 * time.Millisecond
	}
	return 20 * time.Second
}

// parameters cuts off what stands behind " <- ", one text for each blank.
func parameters(query string) (string, []action.Value) {
	query, list, _ := strings.Cut(query, " <- ")
	var params []action.Value
	for _, p := range strings.Fields(list) {
		params = append(params, action.String(p))
	}
	return query, params
}

func (p *pair) end() {
	for name := range p.open {
		p.world.Disconnect(p.ids[name])
	}
	p.forget()
}

// forget closes the sessions at the real server alone.
func (p *pair) forget() {
	for _, session := range p.open {
		_ = session.Close()
	}
	clear(p.open)
}

// sameHeld compares what is held. The real server may need a moment to show it.
func (p *pair) sameHeld(t *testing.T, step string) {
	t.Helper()
	want := p.world.Held()
	for deadline := time.After(3 * time.Second); ; {
		got := p.held(t)
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-deadline:
			t.Errorf("after %s\n the world holds:       %q\n the real server holds: %q", step, want, got)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// said is an answer as a line, and really is a result as the same line.
func said(a worlds.Answer, values bool) string {
	switch {
	case a.Unknown:
		return "unknown"
	case a.Waits:
		return "waits"
	case a.Message != "":
		return "refused " + a.Code.String()
	}
	return table(a.Rows, values)
}

func really(r action.Result, values bool) string {
	switch {
	case r.Err != nil && r.Err.Kind == action.KindTimeout:
		return "waits"
	case r.Err != nil:
		return "refused " + r.Err.Code.String()
	}
	return table(r.Rows, values)
}

func table(rows *action.Rows, values bool) string {
	if rows == nil {
		return "done"
	}
	line := strings.Join(rows.Columns, ", ")
	for _, row := range rows.Rows {
		line += ";"
		for _, v := range row {
			if values {
				line += " " + v.String()
			} else {
				line += " " + v.Kind().String()
			}
		}
	}
	return line
}

// covers fails the test unless every statement of a bundled script is in the sequences.
func covers(t *testing.T, script string, sequences []sequence) {
	t.Helper()
	var made []string
	for _, s := range sequences {
		for _, step := range s.steps {
			_, query, _ := strings.Cut(step, "| ")
			query, _, _ = strings.Cut(query, " <- ") // its parameters
			made = append(made, strings.Join(strings.Fields(query), " "))
		}
	}
	statements := statementsOf(t, script)
	if len(statements) < 5 {
		t.Errorf("%d statements were found in %s: the test looks in the wrong place", len(statements), script)
	}
	for _, pattern := range statements {
		pattern = strings.Join(strings.Fields(pattern), " ")
		if !slices.ContainsFunc(made, regexp.MustCompile("^"+pattern+"$").MatchString) {
			t.Errorf("%s makes a statement that no sequence has: %s", script, pattern)
		}
	}
}

// statementsOf returns the statements of a script as patterns: what is formatted in
// may be anything. It has to find the text of each without running the script.
func statementsOf(t *testing.T, script string) (patterns []string) {
	t.Helper()
	source, err := scripts.Source(script)
	if err != nil {
		t.Fatal(err)
	}
	file, err := (&syntax.FileOptions{}).Parse(script, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]syntax.Expr{} // of variables
	syntax.Walk(file, func(n syntax.Node) bool {
		if a, ok := n.(*syntax.AssignStmt); ok {
			if name, ok := a.LHS.(*syntax.Ident); ok {
				texts[name.Name] = a.RHS
			}
		}
		return true
	})
	syntax.Walk(file, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		word, ok := call.Fn.(*syntax.Ident)
		if !ok || !slices.Contains([]string{"sql", "sql_one", "sql_value", "try_sql"}, word.Name) {
			return true
		}
		for i, arg := range call.Args {
			b, named := arg.(*syntax.BinaryExpr)
			named = named && b.Op == syntax.EQ
			switch {
			case i == 0:
				patterns = append(patterns, pattern(t, arg, texts))
			case named && b.X.(*syntax.Ident).Name == "undo" && pattern(t, b.Y, texts) != "None":
				patterns = append(patterns, pattern(t, b.Y, texts))
			}
		}
		return true
	})
	return patterns
}

var formatted = regexp.MustCompile("%[a-z]")

func pattern(t *testing.T, e syntax.Expr, texts map[string]syntax.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *syntax.Literal:
		if text, ok := e.Value.(string); ok {
			return formatted.ReplaceAllString(regexp.QuoteMeta(text), ".*")
		}
	case *syntax.Ident:
		if texts[e.Name] != nil {
			return pattern(t, texts[e.Name], texts)
		}
		return e.Name
	case *syntax.BinaryExpr:
		if e.Op == syntax.PERCENT {
			return pattern(t, e.X, texts)
		}
		if e.Op == syntax.PLUS {
			return pattern(t, e.X, texts) + pattern(t, e.Y, texts)
		}
	}
	start, _ := e.Span()
	t.Errorf("%s: the text of this statement cannot be found without running the script", start)
	return "?"
}
