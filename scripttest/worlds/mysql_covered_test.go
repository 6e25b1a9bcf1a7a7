package worlds_test

import (
	"regexp"
	"strings"
	"testing"

	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest/worlds"
)

// TestMySQLStatementsCovered wants every statement of mysql.star in the sequences that are
// made on the worlds and on the real servers.
func TestMySQLStatementsCovered(t *testing.T) {
	var compared []string
	for _, s := range mysqlSequences {
		for _, step := range s.list() {
			compared = append(compared, step.query)
		}
	}
	source, err := scripts.Source("mysql.star")
	if err != nil {
		t.Fatal(err)
	}
	templates := mysqlStatementsOf(t, string(source))
	if len(templates) < 25 {
		t.Errorf("only %d statements were found in the script: %q", len(templates), templates)
	}
	for _, template := range templates {
		if !covered(template, compared) {
			t.Errorf("the script makes %q, which is in no sequence: add it to one, so that the world is compared", template)
		}
	}
	if extra := mysqlStatementsOf(t, string(source)+"\nx = sql('SHOW NOTHING ' + settings)\n"); len(extra) != len(templates)+1 || covered(extra[len(extra)-1], compared) {
		t.Error("a new statement would not be noticed")
	}
}

func covered(template string, compared []string) bool {
	var parts []string
	for _, part := range strings.Split(template, hole) {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	pattern := regexp.MustCompile("^" + strings.Join(parts, ".+") + "$")
	for _, query := range compared {
		if pattern.MatchString(query) {
			return true
		}
	}
	return false
}

// hole stands for what a statement is put together with.
const hole = "\x00"

var verb = regexp.MustCompile(`^(SELECT|SHOW|SET|FLUSH|LOCK|UNLOCK|BACKUP|CREATE|KILL|STOP|START|DO|CALL|PURGE) `)

// mysqlStatementsOf returns the texts of a script that are statements. What is said to people
// may begin like one.
func mysqlStatementsOf(t *testing.T, source string) []string {
	t.Helper()
	options := &syntax.FileOptions{}
	file, err := options.Parse("mysql.star", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok {
			if name, ok := call.Fn.(*syntax.Ident); ok && (name.Name == "fail" || name.Name == "print" || name.Name == "emit") {
				return false
			}
		}
		if _, ok := n.(*syntax.ReturnStmt); ok {
			return false
		}
		expression, ok := n.(syntax.Expr)
		if !ok {
			return true
		}
		text := template(expression)
		if verb.MatchString(text) {
			all = append(all, text)
			return false
		}
		return true
	})
	return all
}

// template is a text with holes where it is not constant; a single hole is none.
func template(e syntax.Expr) string {
	switch e := e.(type) {
	case *syntax.Literal:
		if text, ok := e.Value.(string); ok {
			return text
		}
	case *syntax.ParenExpr:
		return template(e.X)
	case *syntax.BinaryExpr:
		switch e.Op {
		case syntax.PLUS:
			return template(e.X) + template(e.Y)
		case syntax.PERCENT:
			return regexp.MustCompile(`%.`).ReplaceAllString(template(e.X), hole)
		}
	}
	return hole
}

// TestMySQLWorldsKnowTheirStatements makes every sequence on every world: each product has
// an answer to what another one is asked.
func TestMySQLWorldsKnowTheirStatements(t *testing.T) {
	for _, info := range worlds.All() {
		if info.Database != "mysql" {
			continue
		}
		for _, s := range mysqlSequences {
			world := newMySQLWorld(t, info.Name, action.Value{})
			ids := map[string]string{}
			for _, step := range s.list() {
				if !world.Alive(ids[step.session]) {
					ids[step.session] = world.Connect()
				}
				if step.query == "" {
					world.Disconnect(ids[step.session])
				} else if a := world.Do(ids[step.session], step.query, step.params); a.Unknown {
					t.Errorf("%s: %s: %s: the world does not know it", info.Name, s.name, step.line)
				}
			}
		}
	}
}

func newMySQLWorld(t *testing.T, name string, options action.Value) worlds.Server {
	t.Helper()
	world, err := worlds.New(name, options)
	if err != nil {
		t.Fatal(err)
	}
	return world
}
