package starhost_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest/worlds"
)

// shown is what tests show of something, or why nothing does.
type shown struct {
	tests []string // with their packages; one that has subtests may name one
	why   string   // there is none
}

func by(tests ...string) shown { return shown{tests: tests} }

func none(why string) shown { return shown{why: why} }

// lived is what became of a bundled script on one server, or on what stands in for one.
type lived struct {
	script, on, what string // its file; the server; "real", or what the stand-in is
	run              shown  // a whole run
	restored         shown  // a copy was started, and what is in it counted
	killed           shown  // each process was killed and stopped
	failed           shown  // an action went wrong, in every way
}

// onServers are the rows of the first table of docs/proofs.md.
var onServers = []lived{
	{
		"legacy.star", "a pair of shell scripts", "stand-ins for those of a user",
		by("cmd/starhost.TestClassicPair", "cmd/starhost.TestPairHoldsItsLockInTheBackground"),
		none("it is never called application"),
		by("cmd/starhost.TestKillEverySubject/legacy", "cmd/starhost.TestPairHoldsItsLockInTheBackground"),
		by("cmd/starhost.TestFaultsOfEverySubject/legacy", "cmd/starhost.TestPairThatFailsLeavesNothing"),
	},
	{
		"mysql.star", "MariaDB 10.11", "real",
		by("cmd/starhost.TestRestoredMariaDB"),
		by("cmd/starhost.TestRestoredMariaDB", "cmd/starhost.TestRestoredMariaDBWithoutRedoStep", "cmd/starhost.TestMariaDBToAPointInTime", "cmd/starhost.TestSnapshotByBtrfsMariaDB", "cmd/starhost.TestThreeDatabasesInOneRun"),
		by("cmd/starhost.TestKillMatrix", "cmd/starhost.TestKillMatrixCanFail", "cmd/starhost.TestSupervisorDies", "cmd/starhost.TestRecoverAfterKill"),
		by("cmd/starhost.TestFaultAtEveryAction", "cmd/starhost.TestTimeoutAtEveryAction", "cmd/starhost.TestServerKilledWhileHeld", "cmd/starhost.TestServerStoppedWhileHeld"),
	},
	{
		"mysql.star", "MySQL 5.6", "real",
		by("cmd/starhost.TestRunOnMySQL56", "cmd/starhost.TestStallBehindLongSelect"),
		by("cmd/starhost.TestReplicaOnMySQL56"),
		by("cmd/starhost.TestReplicaOnMySQL56"),
		by("cmd/starhost.TestFaultAtEveryAction/ftwrl"),
	},
	{
		"mysql.star", "MySQL 8.0, 8.4, 9", "a stand-in on the wire",
		by("cmd/starhost.TestRunOnMySQL8StandIn"),
		none("no server of these versions can be had"),
		by("cmd/starhost.TestKilledOnMySQL8StandIn"),
		by("cmd/starhost.TestMySQL8StandInHangs", "cmd/starhost.TestMySQL8StandInIsCut"),
	},
	{
		"postgres.star", "PostgreSQL 15", "real",
		by("cmd/starhost.TestRestoredPostgres"),
		by("cmd/starhost.TestRestoredPostgres", "cmd/starhost.TestPostgresDisksOneAfterTheOther", "cmd/starhost.TestPostgresPointInTime", "cmd/starhost.TestThreeDatabasesInOneRun"),
		by("cmd/starhost.TestKillMatrix", "cmd/starhost.TestKillEverySubject/postgres-backup"),
		by("cmd/starhost.TestFaultsOfEverySubject/postgres", "cmd/starhost.TestFaultsOfEverySubject/postgres-backup", "cmd/starhost.TestPostgresKilledOrStoppedWhileHeld"),
	},
	{
		"postgres.star", "PostgreSQL 14 to 18", "real",
		by("cmd/starhost.TestPostgresMajors"),
		none("the same files as with 15"), none("as with 15"), none("as with 15"),
	},
	{
		"redis.star", "Redis 7.0", "real",
		by("cmd/starhost.TestRestoredRedis"),
		by("cmd/starhost.TestRestoredRedis", "cmd/starhost.TestDocuments/recovery"),
		by("cmd/starhost.TestKillEverySubject/redis"),
		by("cmd/starhost.TestFaultsOfEverySubject/redis"),
	},
	{
		"sqlite.star", "SQLite 3", "real",
		by("cmd/starhost.TestSnapshotByBtrfsSQLite", "cmd/starhost.TestThreeDatabasesInOneRun"),
		by("cmd/starhost.TestSnapshotByBtrfsSQLite", "cmd/starhost.TestThreeDatabasesInOneRun"),
		by("cmd/starhost.TestKillEverySubject/sqlite"),
		by("cmd/starhost.TestFaultsOfEverySubject/sqlite"),
	},
}

// agreements are the tests that compare a world with the real server, by how its name begins.
var agreements = map[string]string{
	"mariadb":  "scripttest/worlds.TestMySQLWorldsAgree",
	"mysql":    "scripttest/worlds.TestMySQLWorldsAgree",
	"postgres": "scripttest/worlds.TestAgreePostgres",
	"redis":    "scripttest/worlds.TestAgreeRedis",
	"sqlite":   "scripttest/worlds.TestAgreeSqlite",
}

// notYet are bundled scripts without a row.
var notYet = []string{"iris.star", "oracle.star"}

func TestProofsAreCurrent(t *testing.T) {
	tests := testsOf(t)
	for _, file := range scriptFiles() {
		if !slices.Contains(notYet, file) && !slices.ContainsFunc(onServers, func(l lived) bool { return l.script == file }) {
			t.Errorf("no row says what was shown of %s", file)
		}
		if _, err := os.Stat("scripts/" + strings.TrimSuffix(file, ".star") + "_test.star"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range proofTests() {
		if whole, _, _ := strings.Cut(name[strings.LastIndex(name, ".")+1:], "/"); !tests[name[:strings.LastIndex(name, ".")+1]+whole] {
			t.Errorf("there is no test %s", name)
		}
	}
	for _, l := range onServers {
		for _, s := range []shown{l.run, l.restored, l.killed, l.failed} {
			if len(s.tests) == 0 && s.why == "" {
				t.Errorf("%s on %s: a cell says nothing", l.script, l.on)
			}
		}
	}
	want := proofsText(t)
	if *update {
		if err := os.WriteFile("docs/proofs.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "docs/proofs.md"); got != want {
		t.Error("docs/proofs.md is not current: go test . -run Proofs -update")
	}
}

// scriptFiles are the files of the bundled scripts.
func scriptFiles() []string {
	var files []string
	for _, s := range scripts.All {
		files = append(files, s.File)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// proofTests are all tests that the document names.
func proofTests() []string {
	names := []string{"scripts.TestScripts", "scripts.TestCoverage", "scripts.TestProven", "scripts.TestPairIsProven", "scripts.TestMutants"}
	for _, l := range onServers {
		for _, s := range []shown{l.run, l.restored, l.killed, l.failed} {
			names = append(names, s.tests...)
		}
	}
	for _, test := range agreements {
		names = append(names, test)
	}
	return names
}

func (s shown) cell() string {
	if len(s.tests) == 0 {
		return "– " + s.why
	}
	names := make([]string, len(s.tests))
	for i, name := range s.tests {
		names[i] = "`" + name[strings.LastIndex(name, ".")+1:] + "`"
	}
	return strings.Join(names, ", ")
}

func proofsText(t *testing.T) string {
	var b strings.Builder
	b.WriteString(proofsIntroduction)
	for _, l := range onServers {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", l.script, l.on, l.what, l.run.cell(), l.restored.cell(), l.killed.cell(), l.failed.cell())
	}
	b.WriteString(proofsOfScripts)
	for _, file := range scriptFiles() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", file, testsOfScript(t, file), provenOn(file), comparedFor(file))
	}
	return b.String()
}

// testsOfScript counts the tests of a script.
func testsOfScript(t *testing.T, file string) string {
	t.Helper()
	name := strings.TrimSuffix(file, ".star") + "_test.star"
	return fmt.Sprintf("`%s`: %d", name, strings.Count(read(t, "scripts/"+name), "\ndef test_"))
}

// worldsOf are the worlds in which a script is proven, as scripts.TestProven chooses them.
func worldsOf(file string) []worlds.Info {
	var list []worlds.Info
	for _, w := range worlds.All() {
		if slices.ContainsFunc(scripts.All, func(s scripts.Script) bool {
			return s.File == file && s.Database == w.Database && (w.Database != "" || strings.HasPrefix(w.Name, s.Name+"-"))
		}) {
			list = append(list, w)
		}
	}
	return list
}

func provenOn(file string) string {
	var names []string
	for _, w := range worldsOf(file) {
		names = append(names, "`"+w.Name+"`")
	}
	if len(names) == 0 {
		return "that of its tests (`TestPairIsProven`)"
	}
	return strings.Join(names, ", ")
}

// comparedFor says which of the worlds are compared with their servers.
func comparedFor(file string) string {
	var tests, manual []string
	for _, w := range worldsOf(file) {
		family, _, _ := strings.Cut(w.Name, "-")
		test := agreements[family]
		switch {
		case w.Checked == "":
			manual = append(manual, "`"+w.Name+"`")
		case !slices.Contains(tests, "`"+test[strings.LastIndex(test, ".")+1:]+"`"):
			tests = append(tests, "`"+test[strings.LastIndex(test, ".")+1:]+"`")
		}
	}
	if len(manual) > 0 {
		tests = append(tests, "not "+strings.Join(manual, ", ")+": by the manual alone")
	}
	return cmp.Or(strings.Join(tests, "; "), "–")
}

const proofsIntroduction = `# What was shown of each script

<!-- Made from onServers in proofs_docs_test.go by: go test . -run Proofs -update -->

Each cell names tests of this repository; one that is named is there. A dash says why
there is none.

## On servers

Real servers, and stand-ins for those that cannot be had. The tests are in cmd/starhost: they run
the command itself. **Restored**: a copy of the disk was started, and what is in it was
counted. **Killed**: SIGKILL and SIGSTOP of the worker, of the process that leads the run, of the
watchdog and of two of them at once; soon after nothing is held. **Failed**: actions
that are refused, panic, run out of time, lose their answer, or are ended by SIGTERM.

| script | on | which is | a whole run | restored | killed | failed |
|---|---|---|---|---|---|---|
`

const proofsOfScripts = `
## In worlds

Servers that are not there (docs/worlds.md), in which a script can be failed at
everything. For every bundled script: its tests pass (` + "`scripts.TestScripts`" + `), they run every
statement of it (` + "`scripts.TestCoverage`" + `); it is failed at every action, freeze and undo in
every way, in each world that fits (` + "`scripts.TestProven`" + `); each undo, guard, refusal and check is
left out of it once, and an assertion on what is held or on the verdict finds that out
(` + "`scripts.TestMutants`" + `). **Compared**: the statements of the script, and more, are made in the
world and on the real server, and must be answered alike.

| script | its tests | worlds | compared |
|---|---|---|---|
`
