//go:build linux

package main

// Mistakes in scripts, and in what the command line asks for.
var (
	badScripts = []badConfig{
		{name: "script missing", config: good, wants: []string{"DIR/x.star: ", "no such file"}},
		{name: "script that everybody can write", config: good, prepare: file("x.star", trivial, 0o666), wants: []string{"DIR/x.star: ", "chmod go-w"}},
		{name: "script of somebody else", config: good, prepare: all(file("x.star", trivial, 0o600), owner("x.star", 65534)), wants: []string{"DIR/x.star: ", "uid 65534"}},
		{name: "script by a link", config: good, prepare: all(file("y.star", trivial, 0o600), symlink("y.star", "x.star")), wants: []string{"DIR/x.star: ", "symbolic link"}},
		{name: "script is no .star", config: "[workload]\nworkload_name = custom\nscript = /bin/sh\n", wants: []string{conf + ":3: ", "script: ", ".star"}},
		{name: "syntax error", config: good, prepare: file("x.star", "API = 1\ndef prescript(ctx)\n    pass\n", 0o600), wants: []string{"x.star:3:1: "}},
		{name: "no prescript", config: good, prepare: file("x.star", "API = 1\ndef postscript(ctx):\n    pass\n", 0o600), wants: []string{"x.star", "prescript"}},
		{name: "no API", config: good, prepare: file("x.star", "def prescript(ctx):\n    pass\n", 0o600), wants: []string{"x.star", "API"}},
		{name: "API of the future", config: good, prepare: file("x.star", "API = 99\ndef prescript(ctx):\n    pass\n", 0o600), wants: []string{"x.star", "API"}},
		{name: "undefined name", config: good, prepare: file("x.star", "API = 1\ndef prescript(ctx):\n    frieze()\n", 0o600), wants: []string{"x.star:3:", "frieze"}},
		{name: "fails while it loads", config: good, prepare: file("x.star", trivial+"X = 1 // 0\n", 0o600), wants: []string{"x.star:5:", "zero"}},
		{name: "acts while it loads", config: good, prepare: file("x.star", trivial+"freeze()\n", 0o600), wants: []string{"x.star:5:", "freeze"}},
		{name: "endless while it loads", config: good, prepare: file("x.star", trivial+"X = [i for i in range(1 << 50) if i < 0]\n", 0o600), wants: []string{"x.star"}},
		{name: "loads what is not there", config: good, prepare: file("x.star", trivial+"load(\"none.star\", \"x\")\n", 0o600), wants: []string{"none.star"}},
		{name: "loads from elsewhere", config: good, prepare: file("x.star", trivial+"load(\"../x.star\", \"x\")\n", 0o600), wants: []string{"../x.star"}},
		{
			name: "unknown setting", config: good + "[settings]\nlimits = 1\n", prepare: file("x.star", trivial, 0o600),
			wants: []string{conf + ":5: ", "limits: ", "unknown setting"},
		},
		{
			name: "setting of a wrong type", config: good + "[settings]\nlimit = many\n", prepare: file("x.star", trivial, 0o600),
			wants: []string{conf + ":5: ", "limit: ", "many"},
		},
		{name: "unknown bundled script", config: "[workload]\nworkload_name = nosql\n", wants: []string{conf + ":1: ", "workload_name: ", `"nosql"`, "sqlite"}},
		{name: "bundled script without a connection", config: head, wants: []string{conf + ":1: ", "connection: ", "needs a mysql connection, got none"}},
		{
			name: "bundled script of another database", config: head + "connection = postgres://u@h/\n",
			wants: []string{conf + ":1: ", "connection: ", "needs a mysql connection, got postgres"},
		},
	}

	// two are two workloads without a mistake.
	two = "[workload \"a\"]\nworkload_name = custom\nscript = x.star\n[workload \"b\"]\nworkload_name = custom\nscript = x.star\n"

	badSelections = []badConfig{
		{name: "unknown workload", config: two, prepare: file("x.star", trivial, 0o600), args: []string{"c"}, wants: []string{conf, `"c"`}},
		{name: "workload twice", config: two, prepare: file("x.star", trivial, 0o600), args: []string{"a", "b", "a"}, wants: []string{`"a"`, "twice"}},
		{
			name: "fs_freeze that differs", config: two + "fs_freeze = caller\n", prepare: file("x.star", trivial, 0o600),
			wants: []string{conf + ":4: ", "fs_freeze: caller is for all", "that of a differs"},
		},
	}
)

// No snapshot command: found out before anything is held.
var badCommands = []struct {
	name  string
	argv  []string
	wants []string
}{
	{"missing", []string{"--", "/nowhere/snapshot.sh"}, []string{"snapshot command", "/nowhere/snapshot.sh"}},
	{"not in PATH", []string{"--", "starhost-no-such-program"}, []string{"snapshot command", "PATH"}},
	{"not executable", []string{"--", "/etc/passwd"}, []string{"snapshot command", "/etc/passwd"}},
	{"empty name", []string{"--", ""}, []string{"snapshot command"}},
}
