package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/asuser"
)

// withOratab is a machine with this /etc/oratab. A home with "gone" in its name has no
// sqlplus.
func withOratab(text string) machine {
	m := withFiles(nil)
	m.oratab = func(_ asuser.User, name string) ([]byte, fileTrust, error) {
		if name != usualOratab {
			return nil, fileTrust{}, fileError(name, "no such file; create it or correct the path")
		}
		return []byte(text), fileTrust{}, nil
	}
	m.checkClient = func(user asuser.User, home string, _ fileTrust) error {
		if strings.Contains(home, "gone") {
			return fileError(sqlplus(home), "no such file as %s", user.Name)
		}
		return nil
	}
	return m
}

// twoHomes is what Oracle's tools leave on a machine.
const twoHomes = `# This file is used by ORACLE utilities.

+ASM:/u01/app/19.0.0/grid:N		# line added by Agent
-MGMTDB:/u01/app/19.0.0/grid:N
*:/u01/app/oracle/product/client-12:N
ORCL:/u01/app/oracle/product/19.0.0/db-1:N		# line added by Agent
 test_1:/opt/oracle/21c/:Y:
`

func TestOratab(t *testing.T) {
	list, err := parseOratab("/etc/oratab", []byte(twoHomes))
	const want = "[{ORCL /u01/app/oracle/product/19.0.0/db-1 /etc/oratab:6} {test_1 /opt/oracle/21c/ /etc/oratab:7}]"
	if got := fmt.Sprint(list); err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	for _, c := range []struct{ name, text, want string }{
		{"no colon", "\nORCL", ":2: this is not an entry"},
		{"two fields", "ORCL:/u01", ":1: this is not an entry"},
		{"five fields", "ORCL:/u01:Y::", ":1: this is not an entry"},
		{"more behind", "ORCL:/u01:Y:W", ":1: this is not an entry"},
		{"no instance", ":/u01:Y", `:1: "" is not the name of an instance`},
		{"a shell's doing", "$(id):/u01:Y", "is not the name of an instance"},
		{"a blank", "OR CL:/u01:Y", "is not the name of an instance"},
		{"long", strings.Repeat("x", 65) + ":/u01:Y", "is not the name of an instance"},
		{"no home", "ORCL::Y", "there is no home"},
		{"relative home", "ORCL:u01:Y", `"u01" is not an absolute path`},
		{"home that leads elsewhere", "ORCL:/u01/../tmp:Y", `write "/tmp"`},
		{"root for a home", "ORCL:/:Y", "is not an absolute path"},
		{"no flag", "ORCL:/u01:", `the third field is ""`},
		{"small flag", "ORCL:/u01:y", `the third field is "y"`},
		{"twice", "ORCL:/u01:Y\n#\nORCL:/u02:N", ":3: duplicate instance ORCL, the first is in line 1"},
		{"CRLF", "ORCL:/u01:Y\r\n", ":1: there is a carriage return"},
		{"escape sequence", "#\nORCL:/u01\x1b[m:Y\n", ":2: there is a control character"},
	} {
		list, err := parseOratab("/etc/oratab", []byte(c.text))
		if err == nil || list != nil || !strings.HasPrefix(err.Error(), "/etc/oratab:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %s", c.name, list, err, c.want)
		}
	}
}

// spelled writes what instances a configuration has, with their settings.
func spelled(f *File) string {
	var all []string
	for _, w := range f.Workloads {
		text := w.Name
		for _, s := range w.Settings {
			value := s.Text
			if value == "" {
				value = s.Value.Text()
			}
			text += " " + s.Key + "=" + value
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

const (
	orcl  = "oracle_home=/u01/app/oracle/product/19.0.0/db-1 oracle_sid=ORCL"
	test1 = "oracle_home=/opt/oracle/21c/ oracle_sid=test_1"
)

func TestInstances(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{
			"Azure's template", "[workload]\nworkload_name = oracle\ncommand_path =\nlinux_user = oracle\ncredString =\nipc_folder =\ntimeout = 90\nconfiguration_path = /etc/oratab\n",
			"workload.ORCL " + orcl + "; workload.test_1 " + test1,
		},
		{"no more than a user", "[workload \"erp\"]\nworkload_name = oracle\nlinux_user = oracle\n", "erp.ORCL " + orcl + "; erp.test_1 " + test1},
		{"some", "[workload \"erp\"]\nworkload_name = oracle\nlinux_user = oracle\ninstances = test_1\n", "erp.test_1 " + test1},
		{"in the order given", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ninstances =\n test_1\n ORCL\n", "e.test_1 " + test1 + "; e.ORCL " + orcl},
		{"a privilege", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ninstances = ORCL\ncredString = / AS  SYSDBA\n", "e.ORCL logon=SYSDBA " + orcl},
		{"the other one", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ninstances = ORCL\ncredString = / as sysbackup\n", "e.ORCL logon=SYSBACKUP " + orcl},
		{"the usual one", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ninstances = ORCL\ncredString = /\n", "e.ORCL " + orcl},
		{"a folder of programs", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ncommand_path = /opt/oracle/21c/bin/\n", "e.test_1 " + test1},
		{"and the oratab", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ninstances = test_1\nconfiguration_path = /etc/oratab\ncommand_path = /opt/oracle/21c/bin\n", "e.test_1 " + test1},
		{"no oratab", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\ncommand_path = /x/y-z/bin\ninstances = A, B\n", "e.A oracle_home=/x/y-z oracle_sid=A; e.B oracle_home=/x/y-z oracle_sid=B"},
		{"by settings", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\n[settings \"e\"]\noracle_home = /x/\noracle_sid = A\n", "e oracle_home=/x/ oracle_sid=A"},
		{
			"settings of all and of one", "[workload \"e\"]\nworkload_name = oracle\nlinux_user = o\n[settings \"e\"]\nwait = 1\nlog = no\n[settings \"e.test_1\"]\nwait = 2\n",
			"e.ORCL wait=1 log=no " + orcl + "; e.test_1 log=no wait=2 " + test1,
		},
		{"a script of one's own", "[workload \"e\"]\nworkload_name = oracle\nscript = x.star\nlinux_user = o\ncredString = /\ninstances = ORCL\n", "e.ORCL " + orcl},
		{"one that logs in nowhere", "[workload \"e\"]\nworkload_name = oracle\nscript = x.star\nlinux_user = o\n", "e"},
		{"iris", "[workload \"e\"]\nworkload_name = iris\nlinux_user = irisusr\ninstances = IRIS, HS-2\n", "e.IRIS instance=IRIS; e.HS-2 instance=HS-2"},
		{"iris alone", "[workload \"e\"]\nworkload_name = iris\n[settings \"e\"]\ninstance = IRIS\n", "e instance=IRIS"},
		{"two sections", "[workload \"e\"]\nworkload_name = iris\ninstances = A\n[workload \"f\"]\nworkload_name = iris\ninstances = A\n", "e.A instance=A; f.A instance=A"},
	} {
		f, err := parse("/w.conf", []byte(c.text), 0o600, withOratab(twoHomes))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := spelled(f); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
		for _, w := range f.Workloads {
			if !strings.HasPrefix(w.Name, w.Section) {
				t.Errorf("%s: %s is of section %s", c.name, w.Name, w.Section)
			}
		}
	}
}

func TestInstancesBad(t *testing.T) {
	const erp = "[workload \"erp\"]\nworkload_name = oracle\nlinux_user = oracle\n"
	for _, c := range []struct{ name, text, oratab, want string }{
		{"no oratab there", erp + "configuration_path = /srv/oratab\n", "", "/w.conf:4: [workload \"erp\"] configuration_path: /srv/oratab: no such file"},
		{"a bad line", erp, "\nx:y\n", "/w.conf:3: [workload \"erp\"] linux_user: /etc/oratab:2: this is not an entry"},
		{"a bad line, and settings of an instance", erp + "[settings \"erp.ORCL\"]\na = 1\n", "x:y\n", "/etc/oratab:1: this is not an entry; write SID:HOME:Y or SID:HOME:N."},
		{"a bad line, asked for", erp + "credString = /\n", "x:y\n", "/w.conf:4: [workload \"erp\"] credString: /etc/oratab:1: this"},
		{"nothing in it", erp, "+ASM:/g:N\n", "linux_user: there is no instance in /etc/oratab"},
		{"no such instance", erp + "instances = ORCL, other\n", twoHomes, "/w.conf:4: [workload \"erp\"] instances: there is no instance other in /etc/oratab"},
		{"another case", erp + "instances = orcl\n", twoHomes, "there is no instance orcl"},
		{"no sqlplus", erp, "A:/u01/x:Y\nB:/u01/gone:Y\n", "linux_user: /etc/oratab:2: /u01/gone/bin/sqlplus: no such file as oracle"},
		{"two homes for one folder", erp + "configuration_path = /etc/oratab\ncommand_path = /opt/oracle/21c/bin\n", twoHomes, "configuration_path: /etc/oratab:6 has another home than command_path"},
		{"no home for the folder", erp + "command_path = /x/bin\n", twoHomes, "no line of /etc/oratab has the home of command_path"},
		{"not a folder of a home", erp + "command_path = /usr/local\ninstances = A\n", twoHomes, "command_path: it is not the folder bin"},
		{"no sqlplus in the folder", erp + "command_path = /gone/bin\ninstances = A\n", twoHomes, "command_path: /gone/bin/sqlplus: no such file"},
		{"half the settings", erp + "[settings \"erp\"]\noracle_sid = A\n", twoHomes, "belong together"},
		{"a bad home in the settings", erp + "[settings \"erp\"]\noracle_sid = A\noracle_home = x\n", twoHomes, "setting oracle_home: \"x\" is not an absolute path"},
		{"settings and an oratab", erp + "configuration_path = /etc/oratab\n[settings \"erp\"]\noracle_sid = A\noracle_home = /x\n", twoHomes, "configuration_path: the settings name one instance"},
		{"settings and instances", erp + "instances = ORCL\n[settings \"erp\"]\noracle_sid = A\noracle_home = /x\n", twoHomes, "instances: the settings name one instance"},
		{"settings of an instance that is not there", erp + "[settings \"erp.orcl\"]\na = 1\n", twoHomes, `there is no workload "erp.orcl"`},
		{"the name of another section", erp + "[workload \"erp.ORCL\"]\nworkload_name = mysql\n", twoHomes, "the workload erp.ORCL is that of line 1 too"},
		{"a name that is too long", strings.Replace(erp, "erp", strings.Repeat("x", 60), 1), twoHomes, "is too long for a workload"},
	} {
		_, err := parse("/w.conf", []byte(c.text), 0o600, withOratab(c.oratab))
		if err == nil || !strings.Contains(err.Error()+".", c.want) { // the dot: nothing follows
			t.Errorf("%s:\ngot  %v\nwant %s", c.name, err, c.want)
		}
		var one *Error
		if err != nil && !errors.As(err, &one) {
			t.Errorf("%s: no *Error: %v", c.name, err)
		}
	}
}

// A section stands for all its instances, wherever a workload is named.
func TestSelectSection(t *testing.T) {
	text := "[workload \"erp\"]\nworkload_name = oracle\nlinux_user = oracle\n[workload \"web\"]\nworkload_name = iris\ninstances = A\n"
	f, err := parse("/w.conf", []byte(text), 0o600, withOratab(twoHomes))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ names, want string }{
		{"", "erp.ORCL erp.test_1 web.A"},
		{"erp", "erp.ORCL erp.test_1"},
		{"web.A erp", "web.A erp.ORCL erp.test_1"},
		{"erp.test_1", "erp.test_1"},
		{"erp erp.ORCL", `/w.conf: workload "erp.ORCL" is given twice; name it once`},
		{"er", `/w.conf: there is no workload "er"; the file has erp.ORCL, erp.test_1, web.A`},
	} {
		list, err := f.Select(strings.Fields(c.names))
		var got []string
		for _, w := range list {
			got = append(got, w.Name)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%q: got %s, want %s", c.names, text, c.want)
		}
	}
}
