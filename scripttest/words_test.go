package scripttest_test

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest"
)

// said is a call of each word that works in the world of TestWords.
var said = map[string]string{
	"sql":          `sql("LOCK", hold = "lock", undo = "UNLOCK")`,
	"sql_one":      `sql_one("SELECT 1 AS n")["n"]`,
	"try_sql":      `try_sql("SELECT 2").code`,
	"exec_as":      `exec_as("app", ["/bin/tool"], undo = None).stdout`,
	"try_exec_as":  `try_exec_as("app", ["/bin/tool"], undo = None).code`,
	"freeze":       `freeze("/srv")`,
	"thaw":         `thaw()`,
	"emit":         `emit("said", n = 1)`,
	"sleep":        `sleep(60)`,
	"secret":       `exec_as("app", ["/bin/tool"], stdin = secret("key"), undo = None).code`,
	"quote_name":   `quote_name("a b")`,
	"undo.sql":     `sql("LOCK", undo = undo.sql("UNLOCK", when = "SELECT 1 AS n"))`,
	"undo.exec_as": `exec_as("app", ["/bin/take"], undo = undo.exec_as("app", ["/bin/give"]))`,
	"undo.any":     `sql("LOCK", undo = undo.any("FAILS", "UNLOCK"))`,
}

// TestWords has every word that a script can say work in a test, and what it takes given
// back.
func TestWords(t *testing.T) {
	var tests strings.Builder
	tests.WriteString(`
def _world(t):
    t.database("mysql")
    t.sql.on("LOCK", rows = [], acquires = "locked")
    t.sql.on("UNLOCK", releases = "locked")
    t.sql.on("FAILS", error = 1)
    t.sql.on("SELECT 1 AS n", rows = [{"n": 1}])
    t.sql.on("SELECT 2", error = 1064)
    t.exec.on(["/bin/tool"], stdout = "x")
    t.exec.on(["/bin/take"], acquires = "taken")
    t.exec.on(["/bin/give"], releases = "taken")
    t.secrets["key"] = "text"
`)
	for _, spec := range action.Specs {
		call, ok := said[spec.Name]
		if !ok {
			t.Errorf("the word %s is not tried: add a call of it", spec.Name)
			continue
		}
		name := strings.ReplaceAll(spec.Name, ".", "_")
		tests.WriteString(`
def _` + name + `(_ctx):
    return ` + call + `

def test_` + name + `(t):
    _world(t)
    t.eq(t.run(_` + name + `).error, None)
    for r in t.run_with_faults(_` + name + `):
        t.eq(r.held, [], r.fault)
`)
	}
	f := run(t, tests.String())
	if len(f.Tests) != len(action.Specs) {
		t.Errorf("%d tests of %d words", len(f.Tests), len(action.Specs))
	}
	for _, test := range f.Tests {
		for _, failure := range test.Failures {
			t.Errorf("%s: %v", test.Name, scripttest.Failure(failure))
		}
	}
}
