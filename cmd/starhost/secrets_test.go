//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

// lookAround writes the command line and the environment of every process that has
// our executable, and of whoever started it, to the file OUT.
const lookAround = `for p in /proc/[0-9]*; do
	if [ "$p/exe" -ef "/proc/$PPID/exe" ]; then
		parent=$(sed -n 's/^PPid:\t//p' "$p/status")
		cat "$p/cmdline" "$p/environ" "/proc/$parent/cmdline" "/proc/$parent/environ"
	fi
done 2>/dev/null | tr '\0' '\n' > OUT; env >> OUT`

// The password of the server is seen nowhere while a run lasts, nor afterwards.
// What a command prints is looked at by command.run, what it writes when the test
// ends.
func TestPasswordIsSeenNowhere(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{})
	o := observe(t, server)
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "fs_freeze = snapshot\n"))
	seen := filepath.Join(c.dir, "seen")
	got := c.run("run", "--json", "--log-level", "debug", "--", "sh", "-c", strings.ReplaceAll(lookAround, "OUT", seen)).want(t, run.ExitDone)
	text, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{"starhost-keeper", c.config, "STARHOST_RUN=" + got.report.Run} {
		if !strings.Contains(string(text), there) {
			t.Errorf("%q was not seen: the test proves nothing", there)
		}
	}
	if where := secretIn(string(text)); where != "" {
		t.Errorf("the password is in a command line or an environment: %s", where)
	}
	for _, args := range [][]string{
		{"check", "--log-level", "debug"},
		{"plan", "--log-level", "debug", "--json"},
		{"events"},
		{"recovery-point"},
		{"recovery-point", got.report.Run},
		{"status", "--json"},
	} {
		if got := c.run(args...).want(t, run.ExitDone); got.stdout == "" {
			t.Errorf("%q prints nothing", args)
		}
	}
	o.nothingHeld("at the end")
}

// Errors of connecting do not show the password: a wrong one, a server that is not
// there, one that is something else, and a password in the URL.
func TestPasswordIsNotInErrorsOfConnecting(t *testing.T) {
	t.Parallel()
	server := testdb.MariaDB(t, testdb.Options{})
	observe(t, server)
	inURL := func(at string) string {
		return "[workload]\nworkload_name = mysql\nconnection = mysql://starhost:Tr0ub4dor%22%263%20of%20%25s@" + at + "\n"
	}
	for _, tt := range []struct{ name, config, says string }{
		{"wrong password", inURL("localhost/?socket=" + server.Socket), ""},
		{"wrong password from a file", configFor("mariadb", "mysql", server.Socket, ""), ""},
		{"unknown database", inURL("localhost/nosuchdatabase?socket=" + server.Socket), ""},
		{"no server", inURL("localhost/?socket=/nowhere.sock"), "/nowhere.sock"},
		{"no server from a file", configFor("mariadb", "mysql", "/nowhere.sock", ""), "/nowhere.sock"},
		{"no server at a port", inURL("127.0.0.1:1/"), "127.0.0.1:1"},
		{"no PostgreSQL", "[workload]\nworkload_name = postgres\nconnection = postgres://u:Tr0ub4dor%22%263%20of%20%25s@127.0.0.1:1/\n", "127.0.0.1:1"},
		{"not a socket of MySQL", inURL("localhost/?socket=" + filepath.Dir(server.Socket)), server.Socket[:4]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCommand(t, tt.config)
			if strings.HasPrefix(tt.name, "wrong") {
				c = newCommand(t, strings.Replace(tt.config, "Tr0ub4dor", "xTr0ub4dor", 1))
				write(t, filepath.Join(c.dir, "password"), "x"+password+"\n")
			}
			got := c.run("run", "--log-level", "debug", "--", "true").want(t, run.ExitPrescript)
			if !strings.Contains(got.stderr, tt.says) {
				t.Errorf("the error does not say %q:\n%s", tt.says, got.stderr)
			}
			c.run("run", "--json", "--", "true").want(t, run.ExitPrescript)
			c.run("check").want(t, run.ExitUsage)
			c.run("plan").want(t, run.ExitPrescript)
		})
	}
}

// A server repeats the statement that it does not understand, with the values that
// stand in it, escaped or cut short. The script gets the code and not the message, so
// it does not matter what it does with it.
func TestSecretParameterIsNotInErrorsOfTheServer(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{})
	observe(t, server)
	for _, tt := range []struct {
		name, body string
		exit       int
	}{
		{"syntax error", `sql("SELEKT ?, 1", secret("key"), undo = None)`, run.ExitPrescript},
		{"syntax error behind it", `sql("SELECT ? FROM FROM", secret("key"), undo = None)`, run.ExitPrescript},
		{"value of a wrong type", `sql("CREATE TEMPORARY TABLE test.n AS SELECT CAST(? AS INT) AS n", secret("key"), undo = None)`, run.ExitPrescript},
		{"unknown name", `sql("SET GLOBAL sql_mode = ?", secret("key"), undo = None)`, run.ExitPrescript},
		{"duplicate key", "sql(\"CREATE TEMPORARY TABLE test.k (k VARCHAR(99) PRIMARY KEY)\", undo = None)\n" +
			"    [sql(\"INSERT INTO test.k VALUES (?)\", secret(\"key\"), undo = None) for _ in range(2)]", run.ExitPrescript},
		{"told by the script", "r = try_sql(\"SELEKT ?, 1\", secret(\"key\"), undo = None)\n" +
			"    print(r.message, secret(\"key\"))\n    emit(\"said\", message = r.message)\n    return {\"message\": r.message}", run.ExitDone},
		{"failed by the script", "fail(try_sql(\"SELEKT ?, 1\", secret(\"key\"), undo = None).message)", run.ExitPrescript},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCommand(t, configFor("custom", "mysql", server.Socket, "script = x.star\nfs_freeze = snapshot\nsecret.key = PASSWORD_FILE\n"))
			write(t, filepath.Join(c.dir, "x.star"), "API = 1\ndef prescript(ctx):\n    "+tt.body+"\ndef verify(ctx):\n    pass\n")
			got := c.run("run", "--json", "--log-level", "debug", "--", "true").want(t, tt.exit)
			text := got.stdout + got.stderr
			if !strings.Contains(text, "of the server; what it says is withheld") {
				t.Errorf("the server did not refuse the statement: the test proves nothing\n%s", text)
			}
			c.run("events").want(t, run.ExitDone)
			c.run("status").want(t, run.ExitDone)
		})
	}
}
