package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/internal/skeleton"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripts"
)

func check(t *testing.T, name, source string, opts Options) []Finding {
	t.Helper()
	found, err := Check(name, []byte(source), opts)
	if err != nil {
		t.Fatalf("%v in\n%s", err, source)
	}
	return found
}

func codes(found []Finding) (list []string) {
	for _, f := range found {
		list = append(list, f.Code)
	}
	return list
}

// Every example of the table is what it claims to be, is formatted, and the good
// ones are scripts, or files for scripts, that load.
func TestChecks(t *testing.T) {
	if !slices.IsSortedFunc(scriptChecks, byCode) || !slices.IsSortedFunc(languageChecks, byCode) {
		t.Error("the table is not sorted by code")
	}
	for _, c := range Checks {
		t.Run(c.Code, func(t *testing.T) {
			if c.What == "" || !strings.HasSuffix(c.Why, ".") || !strings.HasSuffix(c.Fix, ".") {
				t.Error("a check says what it looks for, and in whole sentences why, and what to do")
			}
			if got := codes(check(t, "bad.star", c.Source(c.Bad), Options{})); !slices.Equal(got, []string{c.Code}) {
				t.Errorf("the bad example has %q", got)
			}
			if got := check(t, "good.star", c.Source(c.Good), Options{}); len(got) > 0 {
				t.Errorf("the good example has %v", got)
			}
			for _, example := range []string{c.Bad, c.Good} {
				formatted(t, c.Code, c.Source(example))
			}
			loads(t, c.Source(c.Good))
		})
	}
}

func byCode(a, b Rule) int { return strings.Compare(a.Code, b.Code) }

// loads compiles a script by the interpreter itself, with the words as they are.
func loads(t *testing.T, source string) {
	t.Helper()
	if !strings.Contains(source, "def prescript(") {
		source += "\ndef prescript(_ctx):\n    pass\n"
	}
	_, err := interp.New(t.Context(), interp.Options{
		Name: "good.star", Source: []byte(source), Words: builtins.New("mysql"),
		Load: func(string) ([]byte, error) {
			return []byte("API = 1\ndef paths(): return []\ndef prescript(_ctx): pass\n"), nil
		},
	})
	if err != nil {
		t.Errorf("the good example does not load: %v", err)
	}
}

func formatted(t *testing.T, name, source string) {
	t.Helper()
	got, err := Format(name, []byte(source))
	if err != nil || string(got) != source {
		t.Errorf("%s is not formatted (%v); it should be\n%s", name, err, got)
	}
}

// The bundled scripts are examples: they have no finding and are formatted.
func TestBundledScripts(t *testing.T) {
	for _, s := range scripts.All {
		source, err := scripts.Source(s.File)
		if err != nil {
			t.Fatal(err)
		}
		for _, database := range []string{s.Database, ""} {
			for _, f := range check(t, s.File, string(source), Options{Database: database}) {
				t.Errorf("%s: %s: %s", f.Pos, f.Code, f.Message)
			}
		}
		formatted(t, s.File, string(source))
	}
}

// So are their tests.
func TestTestsOfBundledScripts(t *testing.T) {
	files, err := filepath.Glob("../scripts/*_test.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range check(t, file, string(source), Options{}) {
			t.Errorf("%s: %s: %s", f.Pos, f.Code, f.Message)
		}
		formatted(t, file, string(source))
	}
}

// A script that loses what makes it safe is found out.
func TestMutations(t *testing.T) {
	for _, m := range []struct{ file, old, new, code string }{
		{"mysql.star", `, undo = "UNLOCK TABLES"`, ``, "hold-without-undo"},
		{"mysql.star", `hold = "lock", undo = "UNLOCK TABLES", `, ``, "changing-without-undo"},
		{"mysql.star", `sql("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", undo = None)`, `sql("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS")`, "changing-without-undo"},
		{"mysql.star", `str(int(settings["long_query"]))`, `settings["long_query"]`, "sql-from-text"},
		{"mysql.star", `ctx.settings["dead_man"] or `, ``, "unread-setting"},
		{"mysql.star", `settings["quiet_wait"]`, `settings["quiet"]`, "undeclared-setting"},
		{"mysql.star", `    got = try_sql("LOCK INSTANCE FOR BACKUP", hold = "instance", undo = "UNLOCK INSTANCE")
    if not got.ok and got.code != _SYNTAX:
        advice = ": GRANT BACKUP_ADMIN ON *.* TO the user" if got.code in _NO_PRIVILEGE else ""
        fail("LOCK INSTANCE FOR BACKUP: " + got.message + advice)`, `    try_sql("LOCK INSTANCE FOR BACKUP", hold = "instance", undo = "UNLOCK INSTANCE")`, "discarded-try"},
		{"sqlite.star", `"PRAGMA busy_timeout = %d"`, `"PRAGMA busy_timeout = %s"`, "sql-from-text"},
		{"sqlite.star", `probe = try_sql("BEGIN IMMEDIATE", undo = None)`, `probe = try_sql("BEGIN IMMEDIATE", undo = "ROLLBACK")`, "verify-holds"},
		{"sqlite.star", `    freeze(path)  # synced now, frozen last
    sql("PRAGMA busy_timeout = %d" % ctx.settings["busy_timeout"], session = "lock")
    sql("PRAGMA synchronous = FULL")  # of this session, which checkpoints
    sql("BEGIN IMMEDIATE", session = "lock", hold = "lock", undo = "ROLLBACK")
`, `    sql("PRAGMA busy_timeout = %d" % ctx.settings["busy_timeout"], session = "lock")
    sql("PRAGMA synchronous = FULL")  # of this session, which checkpoints
    sql("BEGIN IMMEDIATE", session = "lock", hold = "lock", undo = "ROLLBACK")
    freeze(path)
`, "freeze-after-hold"},
		{"postgres.star", `ctx.local`, `ctx.remote`, "unknown-ctx-field"},
	} {
		source, _ := scripts.Source(m.file)
		mutated := strings.ReplaceAll(string(source), m.old, m.new)
		if mutated == string(source) {
			t.Errorf("%s has no %q any more", m.file, m.old)
		}
		if got := codes(check(t, m.file, mutated, Options{})); !slices.Contains(got, m.code) {
			t.Errorf("%s without %q has %q, want %s", m.file, m.old, got, m.code)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"x  = 'a'\ndef f(a,b=1):\n  return a+b # sum\n", "x = \"a\"\n\ndef f(a, b = 1):\n    return a + b  # sum\n"},
		{"x = 1\r\ny = 2", "x = 1\ny = 2\n"},
		{"load('b.star', 'z', 'a')\nload('a.star', 'b')\n", "load(\"b.star\", \"z\", \"a\")\nload(\"a.star\", \"b\")\n"}, // in its order
		{"", ""},
		{"def", "error: x.star:1:4: "},
		{"x = b'a'\n", "error: the formatter cannot read it"},
		{"def f(a: str): pass\n", "error: x.star:1:9: "}, // the formatter would take it
		{"x = '\xcd'\n", "error: would change what it says"},
		{"def f():\n" + strings.Repeat(" x\n", 20000), "error: x.star would have 120009 bytes"},
		{strings.Repeat("x", interp.MaxSource+1), "error: x.star has 65537 bytes"},
	} {
		got, err := Format("x.star", []byte(c.source))
		if want, isErr := strings.CutPrefix(c.want, "error: "); isErr {
			if err == nil || !strings.Contains(err.Error(), want) || got != nil {
				t.Errorf("%.40q: %q, %v, want an error with %q", c.source, got, err, want)
			}
		} else if err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v, want %q", c.source, got, err, c.want)
		}
	}
}

// Scripts in documents are formatted.
func TestScriptsInDocuments(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```(?:python|starlark)\n(.*?)^```$")
	var files []string
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			seen++
			formatted(t, file, m[1])
		}
	}
	if seen == 0 {
		t.Error("no script was found: the test looks in the wrong place")
	}
}

// What an author starts from has no finding, and is formatted.
func TestSkeletons(t *testing.T) {
	for _, database := range skeleton.Databases {
		files, err := skeleton.Files("orders", database)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, f := range check(t, file.Name, file.Text, Options{}) {
				t.Errorf("%s: %s: %s: %s", database, f.Pos, f.Code, f.Message)
			}
			formatted(t, file.Name, file.Text)
		}
	}
}
