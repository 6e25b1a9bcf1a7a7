package config

import (
	"fmt"
	"strings"
	"testing"
)

var azureBad = []struct {
	name, text string
	key        string
	want       string // part of the message
	files      mapFiles
	alone      bool // there is no other error
}{
	{name: "percent sign and parenthesis", text: cred("-u x -pPW%(x)s"), want: "'(' outside quotes"},
	{name: "substitution", text: cred("-u x -p$(cat PW)"), want: "'$' outside quotes"},
	{name: "substitution in double quotes", text: cred(`-u x "-p$PW"`), want: "in double quotes"},
	{name: "backtick", text: cred("-p`PW`"), want: "'`' outside quotes"},
	{name: "second command", text: cred("-pPW; rm -rf /"), want: "';' outside quotes"},
	{name: "pipe", text: cred("-pPW | tee x"), want: "'|' outside quotes"},
	{name: "redirection", text: cred("-pPW >x"), want: "'>' outside quotes"},
	{name: "background", text: cred("-pPW &"), want: "'&' outside quotes"},
	{name: "comment", text: cred("-ux #PW"), want: "begins with '#'"},
	{name: "home", text: cred("-S ~/PW"), want: "begins with '~'"},
	{name: "open quote", text: cred("-p'PW"), want: "a quote is not closed"},
	{name: "open double quote", text: cred(`-p"PW`), want: "a quote is not closed"},

	{name: "prompt", text: cred("-u x -p"), want: "would be asked for"},
	{name: "blank after -p", text: cred("-u x -p PW"), want: "without a blank"},
	{name: "long prompt", text: cred("--password PW"), want: "would be asked for"},
	{name: "prompt of a file", text: cred("-A"), files: mapFiles{"/home/root/.my.cnf": "[client]\npassword\n"}, want: "/home/root/.my.cnf: a password without a value"},
	{name: "unknown option", text: cred("--xml"), want: "option --xml cannot be honoured"},
	{name: "unknown option with a value", text: cred("--passwort=PW"), want: "option --passwort cannot be honoured"},
	{name: "unknown option that may be a password", text: cred("--PW"), want: "an option cannot be honoured"},
	{name: "unknown letter", text: cred("-xPW"), want: "option -x cannot be honoured"},
	{name: "statement", text: cred("-e 'PW'"), want: "option -e cannot be honoured"},
	{name: "cut short", text: cred("--pass=PW"), want: "option --pass is cut short; write --password"},
	{name: "no value", text: cred("-u"), want: "option -u has no value"},
	{name: "long without value", text: cred("--host"), want: "option --host has no value"},
	{name: "value of a flag", text: cred("--batch=PW"), want: "--batch takes no value"},
	{name: "two databases", text: cred("-u x PW PW"), want: "more than one word that is no option"},
	{name: "oracle's form", text: cred("root/PW@x"), want: "is not the name of a database"},
	{name: "bad port", text: cred("-h h -P PW"), want: "the port is not a number"},
	{name: "port and socket", text: cred("-P 3307"), want: "add --protocol=tcp"},
	{name: "pipe protocol", text: cred("--protocol=pipe"), want: "there are tcp and socket"},
	{name: "socket to elsewhere", text: cred("--protocol=socket -h db"), want: "remove one"},
	{name: "relative socket", text: cred("-S x.sock"), want: "option --socket: "},
	{name: "bad host", text: cred("-h 'PW PW'"), want: "the host is neither"},
	{name: "bad ssl-mode", text: cred("-h h --ssl-mode=PW"), want: "option --ssl-mode: "},
	{name: "relative CA", text: cred("-h h --ssl-ca=PW"), want: "option --ssl-ca: "},
	{name: "bad connect-timeout", text: cred("--connect-timeout=PW"), want: "option --connect-timeout: "},
	{name: "defaults later", text: cred("-u x --defaults-file=/PW"), want: "option --defaults-file must stand first"},
	{name: "no defaults file", text: cred("--defaults-file=/x.cnf"), want: "--defaults-file: /x.cnf: file does not exist"},
	{name: "no extra file", text: cred("--defaults-extra-file=/x.cnf"), want: "/x.cnf: file does not exist"},
	{name: "relative defaults file", text: cred("--defaults-file=x"), want: "not an absolute path"},
	{name: "login path of MariaDB", text: "workload_name = mariadb\ncredString = --login-path=x\n", want: "the client of MariaDB has no such option"},
	{name: "no login file", text: cred("--login-path=x"), want: "--login-path: /home/root/.mylogin.cnf: file does not exist"},
	{name: "no such login path", text: cred("--login-path=x"), files: mapFiles{"/home/root/.mylogin.cnf": encryptLogin("[client]\n", "user = PW\n")}, want: "has no such login path"},
	{name: "login file that others can read", text: cred("--login-path=x"), files: mapFiles{"/home/root/.mylogin.cnf": "mode 0644\n" + encryptLogin("[x]\n")}, want: "chmod 600"},
	{name: "login file cut off", text: cred("-A"), files: mapFiles{"/home/root/.mylogin.cnf": encryptLogin("[client]\n")[:40]}, want: "/home/root/.mylogin.cnf: this is not a file of mysql_config_editor"},
	{name: "option before a group", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "\npassword=PW\n"}, want: "/etc/my.cnf:2: there is an option before the first [group]"},
	{name: "bad group", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "[client\npassword=PW\n"}, want: "/etc/my.cnf:1: this is not a group"},
	{name: "bad directive", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "!inklude /PW\n"}, want: "/etc/my.cnf:1: a line begins with !"},
	{name: "relative include", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "!include x\n"}, want: "not an absolute path"},
	{name: "include of itself", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "!include /etc/my.cnf\n"}, want: "include each other more than 10 deep"},
	{name: "too many includes", text: cred("-A"), files: doubling("/etc/my.cnf", 8), want: "more than 200 files are included in all"},
	{name: "cut short in a file", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "[client]\npass=PW\n"}, want: "/etc/my.cnf:2: an option is cut short; write password"},
	{name: "init-command", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "[mysql]\ninit_command=PW\n"}, want: "option init-command cannot be honoured"},
	{name: "no value in a file", text: cred("-A"), files: mapFiles{"/etc/my.cnf": "[client]\nuser\n"}, want: "option user has no value"},

	{name: "psql prompt", text: psql("-W"), want: "option -W asks for a password"},
	{name: "psql unknown option", text: psql("-c PW"), want: "option -c cannot be honoured"},
	{name: "psql words", text: psql("a b PW"), want: "more words than a database and a user"},
	{name: "psql several hosts", text: psql("-h a,b"), want: "several hosts"},
	{name: "psql several hosts in a URL", text: psql("postgres://u:PW@a,b/"), want: "several hosts"},
	{name: "psql bad port", text: psql("-p PW"), want: "the port is not a number"},
	{name: "psql keyword", text: psql("host=h options=-cPW"), want: "keyword options cannot be honoured"},
	{name: "psql keyword that may be a password", text: psql(`"hunter2MARKER=x"`), want: "there is a keyword that cannot"},
	{name: "psql session attributes", text: psql("target_session_attrs=standby"), want: "only any can be honoured"},
	{name: "psql connection string", text: psql("host=h password='PW"), want: "not a connection string"},
	{name: "psql no keyword", text: psql("host=h PW"), want: "not a connection string"},
	{name: "psql password with an @", text: psql("postgres://u:PW@x@h/d"), want: "percent-encode"},
	{name: "psql bad escape", text: psql("postgres://u:PW%zz@h/d"), want: "percent-encode"},
	{name: "psql bad sslmode", text: psql("host=h sslmode=PW"), want: "keyword sslmode: "},
	{name: "psql no service", text: psql("service=PW"), want: "the service is in no file"},
	{name: "psql service leads on", text: psql("service=s"), files: mapFiles{"/home/root/.pg_service.conf": "[s]\nservice=PW\n"}, want: "/home/root/.pg_service.conf:2: a service cannot lead"},
	{name: "psql service line", text: psql("service=s"), files: mapFiles{"/home/root/.pg_service.conf": "[s]\nPW\n"}, want: ":2: there is no ="},
	{name: "psql no passfile", text: psql("passfile=/p"), want: "/p: file does not exist"},

	{name: "oracle without a user", text: "workload_name = oracle\ncredString = /\n", key: "linux_user", want: "oracle as a rule", alone: true},
	{name: "oracle with nothing", text: "workload_name = oracle\n", key: "linux_user", want: "the key is missing", alone: true},
	{name: "oracle by two ways", text: "workload_name = oracle\nlinux_user = oracle\ncredString = /\nconnection = oracle://h/x\n", want: "there is a connection as well", alone: true},
	{name: "oracle as sysoper", text: "workload_name = oracle\nlinux_user = oracle\ncredString = / as sysoper\n", want: "as sysbackup or as sysdba", alone: true},
	{name: "oracle with more than a privilege", text: "workload_name = oracle\nlinux_user = oracle\ncredString = / as sysdba PW\n", want: "and nothing else", alone: true},
	{name: "oracle with a password", text: "workload_name = oracle\nlinux_user = oracle\ncredString = /\npassword_file = /p\n", key: "password_file", want: "has no password", alone: true},
	{name: "an oratab for a connection", text: "workload_name = oracle\nconfiguration_path = /etc/oratab\nconnection = oracle://h/x\n", key: "configuration_path", want: "for a login by the operating system", alone: true},
	{name: "an oratab for a password", text: "configuration_path = /etc/oratab\nlinux_user = root\ncredString = system/PW@orcl\nworkload_name = oracle\n", key: "configuration_path", want: "for a login by the operating system", alone: true},
	{name: "instances of a connection", text: "workload_name = oracle\ninstances = A\nconnection = oracle://h/x\n", key: "instances", want: "one [workload \"name\"] section for each connection", alone: true},
	{name: "relative oratab", text: "workload_name = oracle\nlinux_user = oracle\nconfiguration_path = oratab\n", key: "configuration_path", want: "not an absolute path", alone: true},
	{name: "instances of mysql", text: "workload_name = mysql\ninstances = A\n", key: "instances", want: "they are for oracle and iris"},
	{name: "bad instance", text: "workload_name = iris\ninstances = A,,B\n", key: "instances", want: "is not the name of an instance", alone: true},
	{name: "instance twice", text: "workload_name = iris\ninstances = A\n B, A\n", key: "instances", want: "A is given twice", alone: true},
	{name: "credString of iris", text: "workload_name = iris\ncredString = PW\n", want: "iris has none", alone: true},
	{name: "another database", text: "workload_name = sqlite\ncredString = PW\n", want: "mysql, mariadb, postgres and oracle"},
	{name: "connection too", text: cred("-pPW") + "connection = mysql://h/\n", want: "there is a connection as well"},
	{name: "password_file too", text: cred("-pPW") + "password_file = /x\n", key: "password_file", want: "credString holds a password already"},
	{name: "no such user", text: "workload_name = mysql\nlinux_user = stranger\n", key: "linux_user", want: `there is no user "stranger"`},
	{name: "no such user for a script", text: "workload_name = redis\nscript = x.star\nlinux_user = stranger\n", key: "linux_user", want: `there is no user "stranger"`},
	{name: "prompt without credString", text: "workload_name = mysql\nlinux_user = me\n", key: "linux_user", files: mapFiles{"/home/me/.my.cnf": "[client]\npassword\n"}, want: "would be asked for"},
	{name: "role", text: "workload_name = mysql\nrole = PRIMARY\n", key: "role", want: `got "PRIMARY"; write master or slave`},
	{name: "enforceSlaveOnly", text: "workload_name = mysql\nrole = slave\nenforceSlaveOnly = yes\n", key: "enforceSlaveOnly", want: `got "yes"; write 0 or 1`},
	{name: "enforceSlaveOnly of a master", text: "workload_name = mysql\nrole = master\nenforceSlaveOnly = 1\n", key: "enforceSlaveOnly", want: "role is not slave"},
	{name: "enforceSlaveOnly without a role", text: "workload_name = mysql\nenforceSlaveOnly = 1\n", key: "enforceSlaveOnly", want: "role is not slave"},
	{name: "dbnames without a name", text: "workload_name = mysql\ndbnames = ;\n", key: "dbnames", want: "there is no name"},
	{name: "dbnames with commas", text: "workload_name = mysql\ndbnames = a,b\n", key: "dbnames", want: "write ; between"},
	{name: "customScriptEnabled", text: "workload_name = mysql\ncustomScriptEnabled = 1\n", key: "customScriptEnabled", want: "write script = "},
	{name: "configuration_path", text: "configuration_path = /etc/oratab\nworkload_name = mysql\n", key: "configuration_path", want: "which is for oracle"},
	{name: "command", text: "workload_name = mysql\ncommand = /usr/bin\n", key: "command", want: "it is command_path"},
	{name: "another case", text: "workload_name = mysql\ncredstring = -pPW\n", key: "credstring", want: "write credString"},
	{name: "quoted name", text: "workload_name = \"mysql\"\ncredString = -u x\n", key: "workload_name", want: "remove them", alone: true},
	{name: "capitals", text: "workload_name = MySQL\ncredString = -u x\nconfiguration_path = /etc/oratab\n", key: "workload_name", want: "small letters", alone: true},
	{name: "no name", text: "credString = -u x\n", key: "workload_name", want: "the key is missing", alone: true},
	{name: "empty role", text: "workload_name = mysql\nrole =\n", key: "role", want: "there is no value"},
}

// doubling are option files each of which includes the next one twice.
func doubling(first string, levels int) mapFiles {
	files := mapFiles{}
	for name := first; levels > 0; levels-- {
		next := fmt.Sprintf("/etc/%d.cnf", levels)
		files[name] = strings.Repeat("!include "+next+"\n", 2)
		name = next
	}
	return files
}

func TestAzureKeysBad(t *testing.T) {
	for _, c := range azureBad {
		t.Run(c.name, func(t *testing.T) {
			if c.key == "" {
				c.key = "credString"
			}
			files := mapFiles{}
			for name, text := range c.files {
				files[name] = strings.ReplaceAll(text, "PW", marker)
			}
			text := "[workload]\n" + strings.ReplaceAll(c.text, "PW", marker)
			_, err := parse("/w.conf", []byte(text), 0o600, withFiles(files))
			if err == nil {
				t.Fatal("no error")
			}
			var of *Error
			for _, e := range all(t, err) {
				if e.Key == c.key {
					of = e
				}
				if strings.Contains(e.Error(), marker) {
					t.Errorf("%v\nshows the password", e)
				}
			}
			if of == nil || of.Line == 0 {
				t.Fatalf("no error of %s with a line: %v", c.key, err)
			}
			if c.alone && len(all(t, err)) > 1 {
				t.Errorf("there are others: %v", err)
			}
			checkText(t, of, c.want)
		})
	}
}
