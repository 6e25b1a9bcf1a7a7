package scripttest_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/starhost/starhost/scripttest"
)

// TestScripts runs the tests of the scripts in testdata, which say what a test can say.
func TestScripts(t *testing.T) { scripttest.Run(t, os.DirFS("testdata")) }

// TestDeterminism has a file of tests give the same answer, byte for byte.
func TestDeterminism(t *testing.T) {
	all := func(string) bool { return true }
	first := answer(t, all)
	for range 10 {
		if again := answer(t, all); again != first {
			t.Fatalf("another answer:\n%s\nwas:\n%s", again, first)
		}
	}
	few := func(name string) bool { return name != "test_every_fault" }
	first = answer(t, few)
	for range 100 {
		if again := answer(t, few); again != first {
			t.Fatalf("another answer:\n%s\nwas:\n%s", again, first)
		}
	}
}

func answer(t *testing.T, match func(string) bool) string {
	t.Helper()
	source, err := os.ReadFile("testdata/lock_test.star")
	if err != nil {
		t.Fatal(err)
	}
	return text(t, scripttest.RunFile(t.Context(), scripttest.Options{
		Name: "lock_test.star", Source: source, Load: scripttest.Loader(os.DirFS("testdata"), "."), Cover: true, Match: match,
	}))
}

// wrong are tests that must fail, with what they say.
var wrong = []struct{ name, test, want string }{
	{"eq", `t.eq(1, 2, "why")`, `got 1, want 2 (why)`},
	{"ne", `t.ne(1, 1)`, `got 1, want something else`},
	{"true", `t.true([])`, `got [], want something true`},
	{"contains", `t.contains("abc", "d")`, `got "abc", want one with "d" in it`},
	{"contains none", `t.contains(None, "d")`, `got None, want one with "d" in it`},
	{"fail", `t.fail("no")`, "no"},
	{"error", `fail("oops")`, "oops"},
	{"no database", `t.sql.on("SELECT 1")`, `nobody has said which database this is: t.database("mysql"), or a ready-made t.world(…)`},
	{"wrong database", `t.database("access")`, `got "access", want one of`},
	{"unknown setting", "t.settings[\"x\"] = 1\n    t.cycle()", `t.settings: the script declares no setting "x", it has ["wait"]`},
	{"type of a setting", "t.settings[\"wait\"] = \"1\"\n    t.cycle()", `t.settings: wait: got string, want int as its default`},
	{"unknown mode", `t.cycle(fs_freeze = "maybe")`, `for parameter "fs_freeze": got "maybe", want auto, snapshot, caller or off`},
	{"unknown verdict", `t.cycle(require = "good")`, `for parameter "require": got "good", want application, filesystem or crash`},
	{"unknown field", "t.context[\"user\"] = \"x\"\n    t.cycle()", `t.context: ctx has no field "user" that a test can set`},
	{"no server", `t.cycle()`, `the test has no server: say t.world(…)`},
	{"unexpected statement", "t.database(\"mysql\")\n    t.cycle()", `add t.sql.on("SELECT id FROM information_schema.processlist")`},
	{"unexpected program", "t.run(lambda ctx: exec_as(\"u\", [\"/bin/x\", \"y\"], undo = None))", `add t.exec.on(["/bin/x", "y"])`},
	{"unknown world", `t.world("access-97")`, `there is no world "access-97"`},
	{"unknown kind", `t.run_with_faults(kinds = ["flood"])`, `got "flood", want some of`},
	{"rows", "t.database(\"mysql\")\n    t.sql.on(\"x\", rows = [{\"a\": 1}, {\"b\": 1, \"c\": 2}])", `row 2 has the columns ["b" "c"], the first one ["a"]`},
	{"rows and error", "t.database(\"mysql\")\n    t.sql.on(\"x\", rows = [], error = 1)", "got both rows and error, want one answer"},
	{"blind stub", "t.exec.on([\"/bin/x\"])\n    t.run(lambda ctx: exec_as(\"u\", [\"/bin/x\"], undo = undo.exec_as(\"u\", [\"/bin/y\"])))", "has an undo, but its stub takes nothing"},
	{"mount", `t.freeze.on("srv")`, `got "srv", want an absolute path`},
	{"no such session", "t.database(\"mysql\")\n    t.sql.on(\"*\", rows = [])\n    t.sql.on(\"SHOW MASTER STATUS\", rows = [{\"Position\": 1}])\n    t.eq(t.cycle(snapshot = lambda s: s.kill(\"other\")).error, None)", `there is no session \"other\"`},
	{"another run each time", "n = []\n    def f(_ctx):\n        n.append(1)\n        if len(n) == 1:\n            sleep(1)\n    t.run_with_faults(f)", "could not be made: error at 1, prescript: sleep 1"},
	{"two parameters", `t.run(lambda a, b: None)`, "want a function of ctx"},
	{"no golden file", "t.transcript(t.run(lambda ctx: None), \"none.txt\")", "run the tests with -update to write it"},
	{"file above", `t.replay("../x")`, "is no file in the folder of the test"},
	{"program that fails", `t.exec.on(["/bin/x"], code = 3, stderr = "usage\nno disk\n")
    t.eq(t.run(lambda ctx: exec_as("u", ["/bin/x"], undo = None)).error, None)`, "x ended with exit code 3: no disk\", want None"},
	{"program that fails aloud", `t.exec.on(["/bin/x"], code = 3, stdout = "no tape")
    t.eq(t.run(lambda ctx: exec_as("u", ["/bin/x"], undo = None)).error, None)`, "x ended with exit code 3: no tape\", want None"},
	{"program that cannot be started", `t.exec.on(["/bin/x"], error = "no such file")
    t.eq(t.run(lambda ctx: exec_as("u", ["/bin/x"], undo = None)).error, None)`, "no such file"},
	{"no text of a secret", `t.database("mysql")
    t.sql.on("*")
    t.eq(t.run(lambda ctx: sql("SET SESSION x = ?", secret("key"))).error, None)`, `the test has no secret key: say t.secrets[\"key\"]`},
	{"long value", `t.eq("x" * 5000, "")`, "xxx…"},
	{"secret", "t.exec.on([\"/bin/x\"])\n    t.secrets[1] = 2\n    t.run(lambda ctx: None)", "t.secrets: got 1: 2, want a name and a text"},
}

// TestWrong has each of them fail, with that message and the position of the test.
func TestWrong(t *testing.T) {
	for _, tt := range wrong {
		t.Run(tt.name, func(t *testing.T) {
			f := run(t, "def test_it(t):\n    "+tt.test+"\n")
			text := ""
			for _, failure := range f.Tests[0].Failures {
				text += failure.String() + "\n"
			}
			if !strings.Contains(text, tt.want) || !strings.Contains(text, "lock_test.star:") {
				t.Errorf("got %s\nwant %s", text, tt.want)
			}
		})
	}
}

// run runs tests of the script in testdata.
func run(t *testing.T, tests string) scripttest.File {
	t.Helper()
	f := scripttest.RunFile(t.Context(), scripttest.Options{
		Name: "lock_test.star", Source: []byte(tests), Load: scripttest.Loader(os.DirFS("testdata"), "."),
	})
	if f.Error != nil {
		t.Fatal(f.Error)
	}
	return f
}

// TestForgottenUndo takes the undo out of a script: the world knows better what is held.
func TestForgottenUndo(t *testing.T) {
	source, err := os.ReadFile("testdata/lock.star")
	if err != nil {
		t.Fatal(err)
	}
	const undo = `hold = "lock", undo = "UNLOCK TABLES"`
	broken := strings.Replace(string(source), undo, "undo = None", 1)
	if broken == string(source) {
		t.Fatal("the script has changed")
	}
	tests, err := os.ReadFile("testdata/lock_test.star")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{"lock.star": {Data: []byte(broken)}}
	f := scripttest.RunFile(t.Context(), scripttest.Options{
		Name: "lock_test.star", Source: tests, Load: scripttest.Loader(fsys, "."), NoGolden: true,
		Match: func(name string) bool { return name == "test_every_fault" },
	})
	text := ""
	for _, failure := range f.Tests[0].Failures {
		text += failure.String() + "\n"
	}
	if want := `got ["global read lock"], want [] (timeout at 5, prescript: sql FLUSH TABLES WITH READ LOCK)`; !strings.Contains(text, want) {
		t.Errorf("the forgotten undo was not seen:\n%s", text)
	}
}

// TestGolden writes a golden file, and finds a difference.
func TestGolden(t *testing.T) {
	const source = "def test_it(t):\n    t.transcript(t.run(lambda ctx: sleep(1)), \"g.txt\")\n"
	o := scripttest.Options{Name: "x_test.star", Source: []byte(source), Load: scripttest.Loader(fstest.MapFS{}, "."), Update: true}
	text := scripttest.RunFile(t.Context(), o).Golden["g.txt"]
	if want := "sleep 1"; !strings.Contains(text, want) {
		t.Fatalf("golden file %q, want %q in it", text, want)
	}
	o.Update = false
	o.Load = scripttest.Loader(fstest.MapFS{"g.txt": {Data: []byte(text)}}, ".")
	if f := scripttest.RunFile(t.Context(), o); !f.Passed() {
		t.Errorf("it differs from itself: %v", f.Tests)
	}
	o.Load = scripttest.Loader(fstest.MapFS{"g.txt": {Data: []byte("other" + text)}}, ".")
	if f := scripttest.RunFile(t.Context(), o); f.Passed() || !strings.Contains(f.Tests[0].Failures[0].Message, "g.txt:1: got ") {
		t.Errorf("a difference was not seen: %v", f.Tests)
	}
}

// TestLoader has files be found, and nothing else.
func TestLoader(t *testing.T) {
	load := scripttest.Loader(fstest.MapFS{
		"dir/x.star":   {Data: []byte("x = 1")},
		"dir/pipe":     {Mode: fs.ModeNamedPipe},
		"dir/large":    {Data: make([]byte, 16<<20+1)},
		"outside.star": {},
	}, "dir")
	for name, want := range map[string]string{
		"x.star": "", "@starhost//sqlite.star": "",
		"pipe": "no regular file", ".": "no file in the folder", "large": "more than", "../outside.star": "no file in the folder",
		"/etc/passwd": "no file in the folder", "none.star": "not exist", "@starhost//none.star": "none.star",
	} {
		text, err := load(name)
		if want == "" && (err != nil || len(text) == 0) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %d bytes, %v; want an error %q", name, len(text), err, want)
		}
	}
}

// TestFiles has the errors of a whole file.
func TestFiles(t *testing.T) {
	for source, want := range map[string]string{
		"def test_x(:":               "got ':', want ')'",
		"x = 1":                      "has no tests",
		"load(\"none.star\", \"x\")": "none.star",
		"sql(\"SELECT 1\")":          "only allowed inside",
	} {
		f := scripttest.RunFile(t.Context(), scripttest.Options{Name: "x_test.star", Source: []byte(source), Load: scripttest.Loader(fstest.MapFS{}, ".")})
		if f.Error == nil || !strings.Contains(f.Error.String(), want) || f.Passed() {
			t.Errorf("%q: got %v, want %s", source, f.Error, want)
		}
	}
}

// TestOrder has every test say the same alone, and the last one first, as among the
// others.
func TestOrder(t *testing.T) {
	source, err := os.ReadFile("testdata/lock_test.star")
	if err != nil {
		t.Fatal(err)
	}
	o := scripttest.Options{Name: "lock_test.star", Source: source, Load: scripttest.Loader(os.DirFS("testdata"), ".")}
	all := scripttest.RunFile(t.Context(), o).Tests
	for _, want := range slices.Backward(all) {
		o.Match = func(name string) bool { return name == want.Name }
		got := scripttest.RunFile(t.Context(), o).Tests
		if len(got) != 1 || text(t, got[0]) != text(t, want) {
			t.Errorf("alone %+v, among the others %+v", got, want)
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
