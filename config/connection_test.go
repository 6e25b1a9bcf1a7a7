package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseConnection(t *testing.T) {
	secret := NewSecret(marker)
	for text, want := range map[string]Connection{
		"mysql://u@h":                          {Driver: MySQL, User: "u", Host: "h", Port: 3306},
		"mariadb://h:1/":                       {Driver: MySQL, Host: "h", Port: 1},
		"mysql://u:" + marker + "@[::1]:65535": {Driver: MySQL, User: "u", Password: secret, Host: "::1", Port: 65535},
		"mysql://root@localhost/?socket=/run/mysqld/mysqld.sock": {
			Driver: MySQL, User: "root", Host: "localhost", Port: 3306, Socket: "/run/mysqld/mysqld.sock",
		},
		"mysql://root@/?socket=%2Frun%2Fm.sock": {Driver: MySQL, User: "root", Port: 3306, Socket: "/run/m.sock"},
		"mysql://u:p%25%2F%3F%23%40%3A@10.0.0.1": {
			Driver: MySQL, User: "u", Password: NewSecret("p%/?#@:"), Host: "10.0.0.1", Port: 3306,
		},
		"mysql://u:p@@h": {Driver: MySQL, User: "u", Password: NewSecret("p@"), Host: "h", Port: 3306},
		"postgresql://u@db.example.com./shop?sslmode=verify-full&sslrootcert=/etc/ca.pem": {
			Driver: Postgres, User: "u", Host: "db.example.com.", Port: 5432, Database: "shop",
			Params: map[string]string{"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"},
		},
		"postgres:///shop?socket=/run/postgresql": {Driver: Postgres, Port: 5432, Socket: "/run/postgresql", Database: "shop"},
		"oracle://c:" + marker + "@db/ORCL.example?privilege=sysbackup&connect_timeout=9": {
			Driver: Oracle, User: "c", Password: secret, Host: "db", Port: 1521, Database: "ORCL.example",
			Params: map[string]string{"privilege": "sysbackup", "connect_timeout": "9"},
		},
		"sqlite:///var/lib/my%20app.db": {Driver: SQLite, Database: "/var/lib/my app.db"},
	} {
		got, err := parseConnection(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

func TestParseConnectionBad(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "not a URL"},
		{"localhost", "not a URL"},
		{"u:PW@tcp(h:3306)/", "not a URL"},
		{"mysql:u:PW@h", "not a URL"},
		{"http://u:PW@h", "unknown scheme"},
		{"MYSQL://u:PW@h", "unknown scheme"},
		{"jdbc:mysql://u:PW@h", "unknown scheme"},
		{"mysql://u:PW%@h", "not a URL"},
		{"mysql://u:PW%zz@h", "not a URL"},
		{"mysql://u:PW @h", "not a URL"},
		{"mysql://u:#PW@h", "write %23"},
		{"mysql://u:PW@h#", "write %23"},
		{"mysql://u:12/PW@h", "write %2F"},
		{"mysql://u:12?PW@h", "%3F"},
		{"mysql://u:12?PW=1@h", "%3F"},
		{"mysql://u:PW", "not a URL"},
		{"mysql://u:12?PW=x", "unknown parameter; those of mysql are connect_timeout, socket, sslcert, sslkey, sslrootcert, tls"},
		{"mysql://:PW@h", "no user"},
		{"mysql://u:@h", "password is empty"},
		{"mysql://u:PW%00@h", "control character"},
		{"mysql://u:PW@", "no host"},
		{"mysql:///", "no host"},
		{"mysql://u:PW@:3306", "no host"},
		{"mysql://u:PW@h:", "port"},
		{"mysql://u:PW@h:0", "port"},
		{"mysql://u:PW@h:65536", "port"},
		{"mysql://u:PW@h:http", "not a URL"},
		{"mysql://u:PW@a,b", "host is neither"},
		{"mysql://u:PW@-h", "host is neither"},
		{"mysql://u:PW@[fe80::1%25%0a]", "not a URL"},
		{"mysql://u:PW@h/a/b", "more than one /"},
		{"mysql://u:PW@h/a%0Ab", "control character"},
		{"mysql://u:PW@h/?sslmode=disable", "unknown parameter sslmode"},
		{"mysql://u:PW@h/?multiStatements=true", "unknown parameter multiStatements"},
		{"mysql://u:PW@h/?tls=true&tls=false", "twice"},
		{"mysql://u:PW@h/?tls=yes", "true or false or verify-ca or skip-verify or preferred"},
		{"mysql://u:PW@h/?tls", "got \"\""},
		{"mysql://u:PW@h/?a;b", "not of the form"},
		{"mysql://u:PW@h/?socket=x", "not an absolute path"},
		{"mysql://u:PW@h/?socket=/a%00b", "control character"},
		{"mysql://u:PW@h/?connect_timeout=0", "1 to 300"},
		{"mysql://u:PW@h/?connect_timeout=5s", "whole number"},
		{"postgres://u:PW@h/?sslmode=on", "verify-full"},
		{"postgres://u:PW@h/?options=-c", "unknown parameter options"},
		{"oracle://u:PW@h/x?privilege=root", "sysdba or sysbackup"},
		{"oracle://u:PW@h/x?socket=/x", "unknown parameter"},
		{"sqlite://x.db", "three slashes"},
		{"sqlite://u:PW@/x.db", "no user"},
		{"sqlite:///", "no file"},
		{"sqlite://", "no file"},
		{"sqlite:///a/../b", "plain form"},
		{"sqlite:///b?mode=ro", "unknown parameter; sqlite URLs have none"},
	} {
		got, err := parseConnection(strings.ReplaceAll(c.text, "PW", marker))
		if err == nil {
			t.Errorf("%s: got %+v", c.text, got)
			continue
		}
		if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, marker) {
			t.Errorf("%s: got %v, want %s", c.text, err, c.want)
		}
		// As a line of the file, so that the whole way of the text is tried.
		text := head + "connection = " + strings.ReplaceAll(c.text, "PW", marker) + "\n"
		if _, err := parse("/w.conf", []byte(text), 0o600, noSecret); err == nil {
			t.Errorf("%s: no error", text)
		} else {
			checkText(t, all(t, err)[0], "/w.conf:3: [workload] connection: ")
		}
	}
}
