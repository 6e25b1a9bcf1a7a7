//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// azureCase is a workload.conf as its users have one, and what becomes of it. SOCKET
// and DIR stand for those of the server, FILES for a folder with option files.
type azureCase struct {
	name, text string
	exit       int
	says       string // on standard error, of a run that failed
}

// usual are the words of credString with the password of the tests.
const usual = `-u starhost '-pTr0ub4dor"&3 of %s' `

var azureOnMySQL = []azureCase{
	{name: "as documented", text: "command_path = /usr/bin/\nlinux_user = mysql\ncredString = " + usual + "-S SOCKET\nipc_folder = /var/lib/mysql-files\ntimeout = 60\n"},
	{name: "nothing but credString", text: "credString = " + usual + "-S SOCKET\n"},
	{name: "the template's empty lines", text: "command_path =\nlinux_user =\ncredString = " + usual + "-S SOCKET\nipc_folder =\ntimeout =\nconfiguration_path =\n"},
	{name: "long options", text: `credString = --user=starhost --password='Tr0ub4dor"&3 of %s' --socket=SOCKET --protocol=socket -A` + "\n"},
	{name: "one option file", text: "credString = --defaults-file=FILES/my.cnf\n"},
	{name: "an extra option file", text: "linux_user = mysql\ncredString = --defaults-extra-file=FILES/my.cnf\n"},
	{name: "password_file", text: "credString = -u starhost -S SOCKET\npassword_file = PASSWORD_FILE\n"},
	{name: "role master", text: "credString = " + usual + "-S SOCKET\nrole = master\nenforceSlaveOnly = 0\n"},
	{name: "role slave", text: "credString = " + usual + "-S SOCKET\nrole = slave\n"},
	{name: "slaves only", text: "credString = " + usual + "-S SOCKET\nrole = slave\nenforceSlaveOnly = 1\n", exit: run.ExitPrescript, says: "replicates from no other one"},
	{name: "dbnames", text: "credString = " + usual + "-S SOCKET\ndbnames = mysql;test\n"},
	{name: "dbnames that are not there", text: "credString = " + usual + "-S SOCKET\ndbnames = mysql;shop\n", exit: run.ExitPrescript, says: "there is no database shop"},
	{name: "customScriptEnabled 0", text: "credString = " + usual + "-S SOCKET\ncustomScriptEnabled = 0\n"},
	{name: "customScriptEnabled 1", text: "credString = " + usual + "-S SOCKET\ncustomScriptEnabled = 1\n", exit: run.ExitUsage, says: "write script = "},
	{name: "configuration_path", text: "configuration_path = /etc/oratab\n", exit: run.ExitUsage, says: "for oracle"},
	{name: "command", text: "command = /usr/bin\n", exit: run.ExitUsage, says: "it is command_path"},
	{name: "wrong password", text: "credString = -u starhost -pwrong -S SOCKET\n", exit: run.ExitPrescript, says: "Access denied"},
	{name: "no such option file", text: "credString = --defaults-file=FILES/none.cnf\n", exit: run.ExitUsage, says: "none.cnf: no such file"},
	{name: "an option file that others can write", text: "credString = --defaults-file=FILES/open.cnf\n", exit: run.ExitUsage, says: "chmod go-w"},
	{name: "a shell's doing", text: "credString = " + usual + "-S SOCKET; touch FILES/touched\n", exit: run.ExitUsage, says: "outside quotes"},
	{name: "no such user", text: "linux_user = nosuchuser\ncredString = -S SOCKET\n", exit: run.ExitUsage, says: `there is no user "nosuchuser"`},
	{name: "log backup", text: "credString = " + usual + "-S SOCKET\n[logbackup]\nbaseLocation = /x\n", exit: run.ExitUsage, says: "a job of their own"},
}

func TestAzureKeysOnMySQL(t *testing.T) {
	for name, start := range map[string]func(testing.TB, testdb.Options) *testdb.Server{"mysql": testdb.MySQL56, "mariadb": testdb.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, testdb.Options{})
			o := observe(t, server)
			for _, c := range azureOnMySQL {
				t.Run(c.name, func(t *testing.T) {
					c.run(t, name, server)
					o.nothingHeld("after " + c.name)
					if _, err := os.Stat(filepath.Join(filepath.Dir(server.Socket), "touched")); err == nil {
						t.Error("a command in credString was run")
					}
				})
			}
		})
	}
}

// run makes a check and a run with the configuration.
func (a azureCase) run(t *testing.T, workload string, server *testdb.Server) {
	t.Helper()
	files := openDir(t)
	dir := filepath.Dir(server.Socket)
	names := strings.NewReplacer("SOCKET", server.Socket, "DIR", dir, "FILES", files)
	c := newCommand(t, "[workload]\nworkload_name = "+workload+"\nfs_freeze = snapshot\n"+names.Replace(a.text))
	option := names.Replace("[client]\nuser = starhost\nsocket = SOCKET\npassword = \"Tr0ub4dor\\\"&3 of %s\"\n")
	for name, mode := range map[string]os.FileMode{"my.cnf": 0o644, "open.cnf": 0o666} {
		write(t, filepath.Join(files, name), option)
		if err := os.Chmod(filepath.Join(files, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	got := c.run("run", "--json", "--log-level", "debug", "--", "true").want(t, a.exit)
	if !strings.Contains(got.stderr+got.stdout, a.says) {
		t.Errorf("it does not say %q:\n%s%s", a.says, got.stdout, got.stderr)
	}
	if a.exit == run.ExitDone {
		c.run("check").want(t, run.ExitDone)
		if got.report.Verdict != run.Application {
			t.Errorf("verdict %q", got.report.Verdict)
		}
	}
}

// openDir returns a folder that every user can look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir := memoryDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reachable lets every user connect to the server.
func reachable(t *testing.T, server *testdb.Server) {
	t.Helper()
	if err := os.Chmod(filepath.Dir(server.Socket), 0o755); err != nil {
		t.Fatal(err)
	}
}

// A server that goes by the user of the machine sees linux_user: in the session that
// holds the lock, and in those of whoever undoes it after a kill.
func TestAzureLinuxUserOnMariaDB(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=0"}})
	reachable(t, server)
	o := observe(t, server, fs.Dir)
	for _, q := range []string{"CREATE USER daemon@localhost IDENTIFIED VIA unix_socket", "GRANT ALL ON *.* TO daemon@localhost"} {
		o.exec(q)
	}
	conf := "[workload]\nworkload_name = mariadb\nlinux_user = USER\ncredString = -u daemon -S " + server.Socket + "\n"
	other := newCommand(t, strings.ReplaceAll(conf, "USER", "nobody"))
	if got := other.run("run", "--", "true").want(t, run.ExitPrescript); !strings.Contains(got.stderr, "Access denied") {
		t.Errorf("nobody is refused otherwise: %s", got.stderr)
	}

	c := newCommand(t, strings.ReplaceAll(conf, "USER", "daemon"))
	if got := c.run("run", "--json", "--", "true").want(t, run.ExitDone); got.report.Verdict != run.Application {
		t.Errorf("verdict %q", got.report.Verdict)
	}
	o.nothingHeld("after the run")

	killedWhileFrozen(t, c)
	c.run("recover").want(t, run.ExitDone)
	o.nothingHeld("after recover")

	cmd := c.frozen() // its watchdog undoes it
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, 20*time.Second, "the watchdog gives everything back", func() bool { return c.run("status").exit == run.ExitDone })
	o.nothingHeld("after the watchdog")

	// Without a user of the database it is that of the machine.
	named := newCommand(t, "[workload]\nworkload_name = mariadb\nlinux_user = daemon\nfs_freeze = snapshot\nconnection = mysql://localhost/?socket="+server.Socket+"\n")
	named.run("run", "--", "true").want(t, run.ExitDone)
}

// A replica that must be one is locked. Its threads and read_only are afterwards as they
// were before, whichever way that was.
func TestAzureSlaveOnly(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{})
	o := observe(t, server)
	o.exec("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_USER='x', MASTER_PORT=1, MASTER_CONNECT_RETRY=3600")
	c := azureCase{name: "slaves only", text: "credString = " + usual + "-S SOCKET\nrole = slave\nenforceSlaveOnly = 1\n"}
	for _, tt := range []struct{ name, prepare, want string }{
		{"stopped", "SET GLOBAL read_only = 1", "io No, sql No, read_only 1"},
		{"stopped and writable", "SET GLOBAL read_only = 0", "io No, sql No, read_only 0"},
		{"half", "START SLAVE SQL_THREAD", "io No, sql Yes, read_only 0"},
		{"running", "START SLAVE IO_THREAD", "io Connecting, sql Yes, read_only 0"},
		{"running and not to be written to", "SET GLOBAL read_only = 1", "io Connecting, sql Yes, read_only 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o.exec(tt.prepare)
			eventually(t, 10*time.Second, "the replica is "+tt.want, func() bool { return o.replica() == tt.want })
			c.run(t, "mariadb", server)
			if got := o.replica(); got != tt.want {
				t.Errorf("after the run %s, before it %s", got, tt.want)
			}
		})
	}
	o.exec("SET GLOBAL read_only = 0")
	o.nothingHeld("after the runs")
}

// replica says how a replica is.
func (o *observer) replica() string {
	o.t.Helper()
	rows, err := o.db.QueryContext(o.t.Context(), "SHOW SLAVE STATUS")
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		o.t.Fatal("it is no replica", err)
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new([]byte)
	}
	if err := rows.Scan(values...); err != nil {
		o.t.Fatal(err)
	}
	is := map[string]string{}
	for i, name := range columns {
		is[name] = string(*values[i].(*[]byte))
	}
	return fmt.Sprintf("io %s, sql %s, read_only %s", is["Slave_IO_Running"], is["Slave_SQL_Running"], o.value("SELECT @@global.read_only"))
}

var azureOnPostgres = []azureCase{
	{name: "peer", text: "command_path = /usr/lib/postgresql/15/bin/\nlinux_user = postgres\ncredString = -h DIR -d postgres -X\n"},
	{name: "peer, with a user", text: "linux_user = postgres\ncredString = -U postgres -h DIR postgres -w\n"},
	{name: "connection string", text: "linux_user = postgres\ncredString = host=DIR dbname=postgres\n"},
	{name: "URL of a connection", text: "linux_user = postgres\nconnection = postgres://localhost/postgres?socket=DIR\n"},
	{name: "another user", text: "linux_user = daemon\ncredString = -U postgres -h DIR -d postgres\n", exit: run.ExitPrescript, says: "eer authentication failed"},
	{name: "nobody else", text: "credString = -U postgres -h DIR -d postgres\n", exit: run.ExitPrescript, says: "eer authentication failed"},
	{name: "password", text: `credString = "host=DIR dbname=postgres user=starhost password='Tr0ub4dor\\\"&3 of %s'"` + "\n"},
	{name: "dbnames", text: "linux_user = postgres\ncredString = -h DIR\ndbnames = postgres;template1;\n"},
	{name: "dbnames that are not there", text: "linux_user = postgres\ncredString = -h DIR\ndbnames = postgres;shop\n", exit: run.ExitPrescript, says: "there is no database shop"},
	{name: "slaves only", text: "linux_user = postgres\ncredString = -h DIR\nrole = slave\nenforceSlaveOnly = 1\n", exit: run.ExitPrescript, says: "the server is no standby"},
	{name: "prompt", text: "linux_user = postgres\ncredString = -h DIR -W\n", exit: run.ExitUsage, says: "option -W asks"},
	{name: "configuration_path", text: "linux_user = postgres\nconfiguration_path = /etc/oratab\n", exit: run.ExitUsage, says: "for oracle"},
}

func TestAzureKeysOnPostgres(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	server := testdb.Postgres(t, testdb.Options{Args: []string{"-c", "fsync=on"}})
	reachable(t, server)
	admin := server.Pgx(t)
	for _, q := range []string{
		"SET standard_conforming_strings = on", "CREATE ROLE starhost SUPERUSER LOGIN PASSWORD '" + password + "'", "CREATE ROLE daemon LOGIN",
	} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(server.Dir, "pg_hba.conf"), "local all starhost scram-sha-256\nlocal all all peer\n")
	if _, err := admin.Exec(t.Context(), "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	for _, c := range azureOnPostgres {
		t.Run(c.name, func(t *testing.T) { c.run(t, "postgres", server) })
	}
}

// The password of credString is in no command line and no environment while a run lasts.
func TestAzurePasswordIsSeenNowhere(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{})
	observe(t, server)
	c := newCommand(t, "[workload]\nworkload_name = mariadb\nfs_freeze = snapshot\ncredString = "+usual+"-S "+server.Socket+"\n")
	seen := filepath.Join(c.dir, "seen")
	c.run("run", "--log-level", "debug", "--", "sh", "-c", strings.ReplaceAll(lookAround, "OUT", seen)).want(t, run.ExitDone)
	text, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(text), c.config) {
		t.Fatalf("the command line of the run was not seen, so the test proves nothing: %v", err)
	}
	if where := secretIn(string(text)); where != "" {
		t.Errorf("the password is in a command line or an environment: %s", where)
	}
	for _, args := range [][]string{{"plan", "--json"}, {"events"}, {"recovery-point"}, {"status", "--json"}} {
		c.run(args...).want(t, run.ExitDone)
	}
}
