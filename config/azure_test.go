package config

import (
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/asuser"
)

// withFiles is a machine with these files.
func withFiles(files mapFiles) machine {
	m := noSecret
	m.files = func(asuser.User) clientFiles { return files }
	m.lookup = func(name string) (asuser.User, error) {
		switch name {
		case "":
			name = "root"
		case "stranger":
			return asuser.User{}, user.UnknownUserError(name)
		}
		return asuser.User{Name: name, Home: "/home/" + name}, nil
	}
	return m
}

// spell writes a connection in one line, with its password.
func spell(c Connection) string {
	if c.IsZero() {
		return "none"
	}
	place := fmt.Sprintf("%s:%d", c.Host, c.Port)
	if c.Socket != "" {
		place = fmt.Sprintf("%s:%d", c.Socket, c.Port)
	}
	text := fmt.Sprintf("%s %s/%s@%s db=%s", c.Driver, c.User, c.Password.Reveal(), place, c.Database)
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		text += " " + name + "=" + c.Params[name]
	}
	return text
}

const (
	sock = "/run/mysqld/mysqld.sock:3306"
	pgs  = "/var/run/postgresql:5432"
)

// files that several cases read.
var (
	etc   = mapFiles{"/etc/my.cnf": "[client]\nuser = etc\npassword=\"pw#1\" # old\n[mysqld]\nuser=mysql\n"}
	extra = mapFiles{"/x.cnf": "[client]\nuser=extra\npassword='s\\'3\\\\x'\nhost=db\n", "/etc/my.cnf": "[mysql]\nuser=etc\nport=1\n", "/home/root/.my.cnf": "[client]\nport=3307\n"}
)

var azureGood = []struct {
	name, text, want, settings string
	files                      mapFiles
}{
	{name: "Azure's template", text: "workload_name = mysql\ncommand_path = \nlinux_user =\ncredString = \nipc_folder = \ntimeout =\nconfiguration_path =\n", want: "none"},
	{name: "everything as documented", text: "workload_name = mysql\ncommand_path = /usr/bin/\nlinux_user = mysql\ncredString = -u backup -psecret\nipc_folder = /var/lib/mysql-files/\ntimeout = 60\n", want: "mysql backup/secret@" + sock + " db="},
	{name: "no credString", text: "workload_name = mysql\nlinux_user = mysql\n", want: "mysql mysql/@" + sock + " db="},
	{name: "no credString, PostgreSQL", text: "workload_name = postgres\nlinux_user = postgres\n", want: "postgres postgres/@" + pgs + " db="},
	{name: "no credString, own script", text: "workload_name = mysql\nlinux_user = mysql\nscript = /x.star\n", want: "none"},
	{name: "connection without a user", text: "workload_name = mysql\nlinux_user = mysql\nconnection = mysql://h/\n", want: "mysql mysql/@h:3306 db="},
	{name: "keys in another order", text: "credString = -ux\nworkload_name = mariadb\n", want: "mysql x/@" + sock + " db="},

	{name: "user", text: cred("--user=x"), want: "mysql x/@" + sock + " db="},
	{name: "user in two words", text: cred("--user x"), want: "mysql x/@" + sock + " db="},
	{name: "password", text: cred("--password='a b' -ux"), want: "mysql x/a b@" + sock + " db="},
	{name: "password with a percent sign", text: cred("-u x -p100%x"), want: "mysql x/100%x@" + sock + " db="},
	{name: "password with a percent sign, quoted", text: cred(`-u x '-p100%(x)s%d'`), want: "mysql x/100%(x)s%d@" + sock + " db="},
	{name: "whole value in quotes", text: cred(`'-ux'`), want: "mysql x/@" + sock + " db="},
	{name: "escapes", text: cred(`-u"a\"b" -p\$x\ y`), want: `mysql a"b/$x y@` + sock + " db="},
	{name: "empty password", text: cred("-ux --password="), want: "mysql x/@" + sock + " db="},
	{name: "host", text: cred("-h db.example.com -P 3307 -ux shop"), want: "mysql x/@db.example.com:3307 db=shop tls=preferred"},
	{name: "host in one word", text: cred("-h127.0.0.1 -P3307 -Dshop"), want: "mysql root/@127.0.0.1:3307 db=shop tls=preferred"},
	{name: "IPv6", text: cred("-h ::1"), want: "mysql root/@::1:3306 db= tls=preferred"},
	{name: "localhost is a socket", text: cred("-h localhost -S /x.sock -P 3307"), want: "mysql root/@/x.sock:3307 db="},
	{name: "usual port", text: cred("-h localhost -P 3306"), want: "mysql root/@" + sock + " db="},
	{name: "protocol", text: cred("--protocol=TCP --port=3307"), want: "mysql root/@localhost:3307 db= tls=preferred"},
	{name: "socket", text: cred("--protocol=socket --socket=~/x"), want: "mysql root/@/home/root/x:3306 db="},
	{name: "socket of another package", text: cred("-ux"), want: "mysql x/@/var/lib/mysql/mysql.sock:3306 db=", files: mapFiles{"/var/lib/mysql/mysql.sock": "socket"}},
	{name: "display options", text: cred("-AsNB --silent --skip-column-names -rux --default-character-set=utf8"), want: "mysql x/@" + sock + " db="},
	{name: "end of options", text: cred("-ux -- shop"), want: "mysql x/@" + sock + " db=shop"},
	{name: "underscores", text: cred("--ssl_mode=REQUIRED -h h"), want: "mysql root/@h:3306 db= tls=skip-verify"},
	{name: "TLS", text: cred("-h h --ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca --ssl-cert=/c --ssl-key=/k"), want: "mysql root/@h:3306 db= sslcert=/c sslkey=/k sslrootcert=/ca tls=true"},
	{name: "TLS by its CA", text: cred("-h h --ssl-ca=~/ca.pem"), want: "mysql root/@h:3306 db= sslrootcert=/home/root/ca.pem tls=verify-ca"},
	{name: "no TLS", text: cred("-h h --skip-ssl"), want: "mysql root/@h:3306 db= tls=false"},
	{name: "TLS of MariaDB", text: cred("-h h --ssl --ssl-verify-server-cert"), want: "mysql root/@h:3306 db= tls=true"},
	{name: "no verification", text: cred("-h h --ssl --ssl-verify-server-cert=0"), want: "mysql root/@h:3306 db= tls=skip-verify"},
	{name: "connect timeout", text: cred("--connect-timeout=7 -h h"), want: "mysql root/@h:3306 db= connect_timeout=7 tls=preferred"},

	{name: "option file", text: cred("-A"), files: etc, want: "mysql etc/pw#1@" + sock + " db="},
	{name: "option file overruled", text: cred("-u x --password="), files: etc, want: "mysql x/@" + sock + " db="},
	{name: "no defaults", text: cred("--no-defaults"), files: etc, want: "mysql root/@" + sock + " db="},
	{name: "order of the files", text: cred("--defaults-extra-file=/x.cnf"), files: extra, want: `mysql extra/s'3\x@db:3307 db= tls=preferred`},
	{name: "one file", text: cred("--defaults-file=/x.cnf"), files: extra, want: `mysql extra/s'3\x@db:3306 db= tls=preferred`},
	{name: "file in the home directory", text: cred("--defaults-file=~/.my.cnf -hh"), files: extra, want: "mysql root/@h:3307 db= tls=preferred"},
	{name: "includes", text: cred("-A"), files: mapFiles{
		"/etc/mysql/my.cnf": "!includedir /etc/mysql/conf.d/\n!include /not/there.cnf\n", "/etc/mysql/conf.d/a.cnf": "[client-server]\nuser=a\nsocket=/a\n",
		"/etc/mysql/conf.d/b.cnf": "[mariadb-client]\nloose_user = b\n", "/etc/mysql/conf.d/c.txt": "[client]\nuser=c\n",
	}, want: "mysql b/@/a:3306 db="},
	{name: "options for a terminal", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "[mysql]\nprompt=\\u>\nno-auto-rehash\nmax_allowed_packet=1M\n"}, want: "mysql root/@" + sock + " db="},
	{name: "prompt overruled", text: cred("-px"), files: mapFiles{"/etc/my.cnf": "[client]\npassword\n"}, want: "mysql root/x@" + sock + " db="},
	{name: "login path", text: cred("--login-path=backup"), files: mapFiles{"/home/root/.mylogin.cnf": encryptLogin("[client]\n", "user = c\n", "port = 1\n", "[backup]\n", "user = \"b\"\n", "password = \"p#w\"\n", "[other]\n", "user = o\n")}, want: "mysql b/p#w@/run/mysqld/mysqld.sock:1 db="},
	{name: "login path of client", text: cred("--no-defaults"), files: mapFiles{"/home/root/.mylogin.cnf": encryptLogin("[client]\n", "user = c\n", "[other]\n", "user = o\n")}, want: "mysql c/@" + sock + " db="},
	{name: "login file that others can read", text: cred("-A"), files: mapFiles{"/home/root/.mylogin.cnf": "mode 0644\n" + encryptLogin("[client]\n", "user = c\n")}, want: "mysql root/@" + sock + " db="},
	{name: "no login path for MariaDB", text: "workload_name = mariadb\ncredString = -A\n", files: mapFiles{"/home/root/.mylogin.cnf": encryptLogin("[client]\n", "user = c\n")}, want: "mysql root/@" + sock + " db="},

	{name: "psql options", text: psql("-U backup -h /run/pg -p 5433 -d shop -w -X -q"), want: "postgres backup/@/run/pg:5433 db=shop"},
	{name: "psql long options", text: psql("--username=backup --host db --port=5433 --dbname=shop --no-password"), want: "postgres backup/@db:5433 db=shop"},
	{name: "psql words", text: psql("shop backup -X"), want: "postgres backup/@" + pgs + " db=shop"},
	{name: "psql connection string", text: psql("host=/run/pg user = backup password='a b\\'c' dbname=shop sslmode=require application_name=x"), want: "postgres backup/a b'c@/run/pg:5432 db=shop sslmode=require"},
	{name: "psql connection string in quotes", text: psql(`"host=db user=backup" -X`), want: "postgres backup/@db:5432 db="},
	{name: "psql connection string as database", text: psql(`-U x -d "host=db user=backup"`), want: "postgres backup/@db:5432 db="},
	{name: "psql URL", text: psql("postgresql://backup:p%40w@db:5433/shop?sslmode=verify-full&connect_timeout=3"), want: "postgres backup/p@w@db:5433 db=shop connect_timeout=3 sslmode=verify-full"},
	{name: "psql URL of a socket", text: psql("postgres://%2Frun%2Fpg/shop"), want: "postgres root/@/run/pg:5432 db=shop"},
	{name: "psql URL of IPv6", text: psql("postgres://u@[::1]:5433"), want: "postgres u/@::1:5433 db="},
	{name: "psql with a socket elsewhere", text: psql("-X"), files: mapFiles{"/run/postgresql/.s.PGSQL.5432": "socket"}, want: "postgres root/@/run/postgresql:5432 db="},
	{name: "pgpass", text: psql("-U u -h db -d shop"), files: mapFiles{"/home/root/.pgpass": "# x\ndb:5432:other:u:no\n*:*:shop:u:p\\:w\n*:*:*:*:late\n"}, want: "postgres u/p:w@db:5432 db=shop"},
	{name: "pgpass for the socket", text: psql("-U u"), files: mapFiles{"/home/root/.pgpass": "localhost:5432:u:u:pw\n"}, want: "postgres u/pw@" + pgs + " db="},
	{name: "pgpass that others can read", text: psql("-U u"), files: mapFiles{"/home/root/.pgpass": "mode 0644\n*:*:*:*:pw\n"}, want: "postgres u/@" + pgs + " db="},
	{name: "pgpass of another name", text: psql("passfile=/p user=u"), files: mapFiles{"/p": "*:*:*:*:pw\n"}, want: "postgres u/pw@" + pgs + " db="},
	{name: "service", text: psql("service=s user=u"), files: mapFiles{"/home/root/.pg_service.conf": "[r]\nhost=no\n[s]\nhost=db\nuser=s\nport=5433\n[s]\nport=1\n"}, want: "postgres u/@db:5433 db="},
	{name: "service of the machine", text: psql("service=s"), files: mapFiles{"/etc/postgresql-common/pg_service.conf": "[s]\ndbname=d\n"}, want: "postgres root/@" + pgs + " db=d"},
	{name: "certificates in the home directory", text: psql("-h db"), files: mapFiles{"/home/root/.postgresql/root.crt": "x", "/home/root/.postgresql/postgresql.crt": "x", "/home/root/.postgresql/postgresql.key": "x"}, want: "postgres root/@db:5432 db= sslcert=/home/root/.postgresql/postgresql.crt sslkey=/home/root/.postgresql/postgresql.key sslrootcert=/home/root/.postgresql/root.crt"},

	{name: "password_file", text: "workload_name = mysql\ncredString = -u x\npassword_file = /p\n", want: "mysql x/" + marker + "@" + sock + " db="},
	{name: "role master", text: "workload_name = mysql\nrole = master\nenforceSlaveOnly = 0\n", want: "none"},
	{name: "role slave", text: "workload_name = mysql\nrole = slave\n", want: "none"},
	{name: "enforceSlaveOnly", text: "workload_name = mysql\nrole = slave\nenforceSlaveOnly = 1\n", want: "none", settings: "4: replica = only\n"},
	{name: "dbnames", text: "workload_name = mysql\ndbnames = shop; orders;\n", want: "none", settings: "3: databases = shop,orders\n"},
	{name: "dbnames with settings", text: "workload_name = mysql\ndbnames = a\n[settings]\nlock = ftwrl\n", want: "none", settings: "5: lock = ftwrl\n3: databases = a\n"},
	{name: "customScriptEnabled", text: "workload_name = mysql\ncustomScriptEnabled = 0\n", want: "none"},
}

func cred(text string) string { return "workload_name = mysql\ncredString = " + text + "\n" }
func psql(text string) string { return "workload_name = postgres\ncredString = " + text + "\n" }

func TestAzureKeys(t *testing.T) {
	for _, c := range azureGood {
		t.Run(c.name, func(t *testing.T) {
			f, err := parse("/w.conf", []byte("[workload]\n"+c.text), 0o600, withFiles(c.files))
			if err != nil {
				t.Fatal(err)
			}
			w := f.Workloads[0]
			if got := spell(w.Connection); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if w.Connection.OfClient == (w.Connection.IsZero() || strings.Contains(c.text, "connection = ")) {
				t.Errorf("OfClient is %v", w.Connection.OfClient)
			}
			settings := ""
			for _, s := range w.Settings {
				settings += fmt.Sprintf("%d: %s = %s\n", s.Line, s.Key, s.Text)
			}
			if settings != c.settings {
				t.Errorf("settings %q, want %q", settings, c.settings)
			}
			if pw := w.Connection.Password.Reveal(); pw != "" && !slices.Contains(f.Secrets(), pw) {
				t.Error("the password is not among the secrets")
			}
		})
	}
}

// TestAzureKeysWarn says what is left out as the client leaves it out.
func TestAzureKeysWarn(t *testing.T) {
	for _, c := range azureGood {
		if !strings.Contains(c.name, "others can read") {
			continue
		}
		f, err := parse("/w.conf", []byte("[workload]\n"+c.text), 0o600, withFiles(c.files))
		if err != nil || len(f.Warnings) != 1 || !strings.Contains(f.Warnings[0], "credString: ") || !strings.Contains(f.Warnings[0], "is not read, because others have access to it (mode 0644); chmod 600") {
			t.Errorf("%s: %v, warnings %q", c.name, err, f.Warnings)
		}
	}
}

// TestAzurePasswordInAFileForAll wants a secret file for a password in credString, and
// for no other.
func TestAzurePasswordInAFileForAll(t *testing.T) {
	for text, secret := range map[string]bool{
		cred("-px"): true, psql("user=u password=x"): true, psql("postgres://u:x@h"): true,
		cred("-A"): false, psql("-U u"): false,
	} {
		m := withFiles(mapFiles{"/etc/my.cnf": "[client]\npassword=x\n", "/home/root/.pgpass": "*:*:*:*:x\n"})
		_, err := parse("/w.conf", []byte("[workload]\n"+text), 0o644, m)
		if (err != nil) != secret || secret && !strings.Contains(err.Error(), "credString: it holds a password and others have access to the file (mode 0644); chmod 600 /w.conf, or use password_file") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
