package config

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

// head is the beginning of most bad configurations: what is wrong is in line 3.
const head = "[workload]\nworkload_name = mysql\n"

// badConfigs are files with one mistake each. DIR stands for the folder of the
// file and PW for the marker.
var badConfigs = []struct {
	name string
	text string
	mode fs.FileMode // 0600 if 0
	line int
	key  string // "" if the mistake is not of a key
	want string // part of the message
}{
	// The text.
	{"empty file", "", 0, 1, "", "no [workload] section"},
	{"comments only", "# PW\n\n; x\n", 0, 1, "", "no [workload] section"},
	{"settings only", "[settings]\na = 1\n", 0, 1, "", `no workload "workload"`},
	{"BOM", "\xef\xbb\xbf" + head, 0, 1, "", "byte order mark"},
	{"UTF-16", "\xff\xfe[\x00w\x00", 0, 1, "", "NUL"},
	{"NUL", head + "timeout = 9\x000\n", 0, 3, "", "NUL"},
	{"CRLF", "[workload]\r\nworkload_name = mysql\r\n", 0, 1, "", `sed -i 's/\r$//' DIR/workload.conf`},
	{"CR alone", head + "timeout = 90\rretries = 1\n", 0, 3, "", "carriage return"},
	{"Latin-1", head + "linux_user = m\xfcller\n", 0, 3, "", "not UTF-8"},
	{"escape sequence", head + "linux_user = \x1b[31m\n", 0, 3, "", "control character (U+001B)"},
	{"form feed", "[workload]\n\f\nworkload_name = mysql\n", 0, 2, "", "control character"},
	{"C1 control", head + "linux_user = \u0085x\n", 0, 3, "", "control character"},

	// Sections.
	{"key before the sections", "timeout = 90\n" + head, 0, 1, "timeout", "before the first section"},
	{"unknown section", "[mysql]\n" + head, 0, 1, "", "unknown section"},
	{"unknown section with a password", "[x \"PW\"]\n" + head, 0, 1, "", "unknown section"},
	{"capital section", "[Workload]\nworkload_name = mysql\n", 0, 1, "", "unknown section"},
	{"python default", "[DEFAULT]\ntimeout = 5\n" + head, 0, 1, "", "unknown section"},
	{"logbackup", head + "[logbackup]\nbaseLocation = /x\n", 0, 3, "", "a job of their own"},
	{"unclosed section", "[workload\nworkload_name = mysql\n", 0, 1, "", "not a section"},
	{"text after a section", "[workload] # mine PW\nworkload_name = mysql\n", 0, 1, "", "not a section"},
	{"section without quotes", "[workload orders]\nworkload_name = mysql\n", 0, 1, "", `[workload "name"]`},
	{"section in single quotes", "[workload 'orders']\nworkload_name = mysql\n", 0, 1, "", `[workload "name"]`},
	{"empty name", "[workload \"\"]\nworkload_name = mysql\n", 0, 1, "", "bad name"},
	{"bad name", "[workload \"mysql://u:PW@h\"]\nworkload_name = mysql\n", 0, 1, "", "bad name"},
	{"name beginning with a dot", "[workload \".x\"]\nworkload_name = mysql\n", 0, 1, "", "bad name"},
	{"long name", "[workload \"" + strings.Repeat("x", 65) + "\"]\nworkload_name = mysql\n", 0, 1, "", "bad name"},
	{"duplicate section", head + "[workload]\nworkload_name = mysql\n", 0, 3, "", "the first is in line 1"},
	{"duplicate by its default name", head + "[workload \"workload\"]\n", 0, 3, "", "the first is in line 1"},
	{"duplicate named section", "[workload \"a\"]\nworkload_name = x\n[workload \"a\"]\n", 0, 3, "", "the first is in line 1"},
	{"duplicate settings", head + "[settings]\n[settings]\n", 0, 4, "", "the first is in line 3"},
	{"settings of nothing", head + "[settings \"orders\"]\n", 0, 3, "", `no workload "orders"`},
	{"indented section", head + " [settings]\n", 0, 3, "workload_name", "continues the value"},

	// Lines.
	{"unknown key", head + "tiemout = 90\n", 0, 3, "tiemout", "the keys are workload_name,"},
	{"key in the wrong case", head + "Timeout = 90\n", 0, 3, "Timeout", "write timeout"},
	{"key of a password", head + "password = PW\n", 0, 3, "password", "unknown key"},
	{"duplicate key", head + "timeout = 90\ntimeout = 90\n", 0, 4, "timeout", "the first is in line 3"},
	{"duplicate setting", head + "[settings]\na = 1\na = 2\n", 0, 5, "a", "the first is in line 4"},
	{"no equals sign", head + "mysql://u:PW@h\n", 0, 3, "", `no "="`},
	{"colon", head + "timeout: 90\n", 0, 3, "", `no "="`},
	{"no key", head + "= 90\n", 0, 3, "", "not a key"},
	{"URL for a key", head + "mysql://u:PW@h/?socket=/x\n", 0, 3, "", "not a key"},
	{"quoted key", head + "\"timeout\" = 90\n", 0, 3, "", "not a key"},
	{"quoted value", head + "timeout = \"90\"\n", 0, 3, "timeout", "in quotes"},
	{"quoted password", head + "connection = 'mysql://u:PW@h'\n", 0, 3, "connection", "in quotes"},
	{"backslash", head + "timeout = 9\\\n 0\n", 0, 3, "", "backslash"},
	{"backslash after a password", head + "connection = mysql://u:PW\\\n", 0, 3, "", "backslash"},
	{"indented key", head + "[settings]\n  a = 1\n", 0, 4, "", "remove the indentation"},
	{"indented password", head + "connection =\n  mysql://u:PW@h\n", 0, 4, "connection", "remove the indentation"},
	{"continued number", head + "timeout = 9\n 0\n", 0, 4, "timeout", "remove the indentation"},
	{"continued setting", head + "[settings]\na = 1\n 2\n", 0, 5, "a", "remove the indentation"},
	{"comment after a number", head + "timeout = 90 # s\n", 0, 3, "timeout", "not a whole number"},
	{"empty value", head + "retries =\n", 0, 3, "retries", "there is no value"},
	{"empty list", head + "exec_as =\n\n# x\nretries = 1\n", 0, 3, "exec_as", "there is no value"},

	// Keys of Azure.
	{"credString", head + "credString = root/PW\n", 0, 3, "credString", "is not the name of a database"},

	// Values.
	{"no workload_name", "\n[workload]\ntimeout = 90\n", 0, 2, "workload_name", "missing"},
	{"capital workload_name", "[workload]\nworkload_name = MySQL\n", 0, 2, "workload_name", "small letters"},
	{"path as workload_name", "[workload]\nworkload_name = ../x\n", 0, 2, "workload_name", "give a file with script"},
	{"shell script", head + "script = /x/pre.sh\n", 0, 3, "script", ".star"},
	{"timeout with unit", head + "timeout = 90s\n", 0, 3, "timeout", `"90s" is not a whole number`},
	{"timeout as float", head + "timeout = 1.5\n", 0, 3, "timeout", "not a whole number"},
	{"timeout in hex", head + "timeout = 0x10\n", 0, 3, "timeout", "not a whole number"},
	{"timeout with a no-break space", head + "timeout = \u00a090\n", 0, 3, "timeout", `"\u00a090"`},
	{"timeout as SQL", head + "timeout = 1; select 1\n", 0, 3, "timeout", "not a whole number"},
	{"timeout as URL", head + "timeout = mysql://u:PW@h\n", 0, 3, "timeout", "not a whole number"},
	{"timeout zero", head + "timeout = 0\n", 0, 3, "timeout", "out of range; write 1 to 1800"},
	{"timeout negative", head + "timeout = -5\n", 0, 3, "timeout", "out of range"},
	{"timeout too long", head + "timeout = 1801\n", 0, 3, "timeout", "out of range"},
	{"timeout beyond 64 bits", head + "timeout = 99999999999999999999\n", 0, 3, "timeout", "out of range"},
	{"prescript_timeout", head + "prescript_timeout = 1801\n", 0, 3, "prescript_timeout", "1 to 1800"},
	{"postscript_timeout", head + "postscript_timeout = 0\n", 0, 3, "postscript_timeout", "1 to 1800"},
	{"undo_timeout", head + "undo_timeout = 1801\n", 0, 3, "undo_timeout", "1 to 1800"},
	{"undo_timeout that leaves nothing", head + "undo_timeout = 90\n", 0, 3, "undo_timeout", "leaves nothing of timeout (90 s)"},
	{"freeze_timeout", head + "freeze_timeout = 121\n", 0, 3, "freeze_timeout", "1 to 120"},
	{"retries", head + "retries = 11\n", 0, 3, "retries", "0 to 10"},
	{"order", head + "order = 100\n", 0, 3, "order", "0 to 99"},
	{"require", head + "require = none\n", 0, 3, "require", "application or filesystem or crash"},
	{"isolation", head + "isolation = off\n", 0, 3, "isolation", "available or full"},
	{"fs_freeze word", head + "fs_freeze = on\n", 0, 3, "fs_freeze", "auto, snapshot, caller or off"},
	{"fs_freeze relative", head + "fs_freeze = /a, b\n", 0, 3, "fs_freeze", `"b" is not an absolute path`},
	{"fs_freeze empty item", head + "fs_freeze = /a,\n", 0, 3, "fs_freeze", "not an absolute path"},
	{"fs_freeze not plain", head + "fs_freeze = /a/../b\n", 0, 3, "fs_freeze", `write "/b"`},
	{"fs_freeze twice", head + "fs_freeze = /a\n /b\n /a\n", 0, 5, "fs_freeze", "twice"},
	{"fs_freeze word and list", head + "fs_freeze = auto\n /a\n", 0, 4, "fs_freeze", "alone"},
	{"fs_freeze list and word", head + "fs_freeze = /a\n off\n", 0, 4, "fs_freeze", "alone"},
	{"exec_as none", head + "exec_as = none\n", 0, 3, "exec_as", "user: /path/of/program"},
	{"exec_as relative", head + "exec_as =\n root: sync\n", 0, 4, "exec_as", "not an absolute path"},
	{"exec_as without user", head + "exec_as =\n : /bin/sync\n", 0, 4, "exec_as", "name of a user"},
	{"exec_as list", head + "exec_as =\n root: /bin/sync, /bin/true\n", 0, 4, "exec_as", "one user: /path/of/program in each line"},
	{"exec_as twice", head + "exec_as =\n root: /bin/sync\n root:/bin/sync\n", 0, 5, "exec_as", "twice"},
	{"exec_as swallowing a key", head + "exec_as = root: /bin/sync\n  timeout = 90\n", 0, 4, "exec_as", "not a rule"},
	{"linux_user option", head + "linux_user = -c\n", 0, 3, "linux_user", "name of a user"},
	{"linux_user two words", head + "linux_user = a b\n", 0, 3, "linux_user", "name of a user"},
	{"command_path relative", head + "command_path = bin\n", 0, 3, "command_path", "not an absolute path"},
	{"ipc_folder relative", head + "ipc_folder = ./x\n", 0, 3, "ipc_folder", "not an absolute path"},

	// Secrets.
	{"password_file alone", head + "password_file = DIR/pw\n", 0, 3, "password_file", "no connection"},
	{"password_file and password", head + "connection = mysql://u:PW@h\npassword_file = DIR/pw\n", 0, 4, "password_file", "already"},
	{"password_file of sqlite", head + "connection = sqlite:///x\npassword_file = DIR/pw\n", 0, 4, "password_file", "no password"},
	{"password as password_file", head + "connection = mysql://u@h\npassword_file = PW\n", 0, 4, "password_file", "not an absolute path"},
	{"password_file missing", head + "connection = mysql://u@h\npassword_file = DIR/none\n", 0, 4, "password_file", "no such file"},
	{"password_file empty", head + "connection = mysql://u@h\npassword_file = DIR/empty\n", 0, 4, "password_file", "first line is empty"},
	{"password_file with CRLF", head + "connection = mysql://u@h\npassword_file = DIR/crlf\n", 0, 4, "password_file", `sed -i 's/\r$//' DIR/crlf`},
	{"password_file binary", head + "connection = mysql://u@h\npassword_file = DIR/binary\n", 0, 4, "password_file", "not text"},
	{"password_file readable", head + "connection = mysql://u@h\npassword_file = DIR/readable\n", 0, 4, "password_file", "chmod 600 DIR/readable"},
	{"secret of two lines", head + "secret.key = DIR/two\n", 0, 3, "secret.key", "more than one line"},
	{"secret is a folder", head + "secret.key = DIR\n", 0, 3, "secret.key", "a directory, not a regular file"},
	{"secret without name", head + "secret. = DIR/pw\n", 0, 3, "secret.", "unknown key"},
	{"password in a file for all", head + "connection = mysql://u:PW@h\n", 0o644, 3, "connection", "chmod 600 DIR/workload.conf"},
	{"password in a file for the group", head + "connection = mysql://u:PW@h\n", 0o640, 3, "connection", "mode 0640"},
	{"file that anybody can write", head, 0o666, 0, "", "chmod go-w DIR/workload.conf"},
	{"file that the group can write", head, 0o620, 0, "", "mode 0620"},
	{"10 MB", head + strings.Repeat("# 345678\n", 10<<20/9), 0, 0, "", "larger than 1048576 bytes"},
}

func TestLoadBad(t *testing.T) {
	dir := folder(t)
	write(t, dir, "pw", marker+"\n", 0o600)
	write(t, dir, "empty", "\n"+marker+"\n", 0o600)
	write(t, dir, "crlf", marker+"\r\n", 0o600)
	write(t, dir, "binary", marker+"\x01\n", 0o600)
	write(t, dir, "two", marker+"\n"+marker+"\n", 0o600)
	write(t, dir, "readable", marker+"\n", 0o644)
	names := strings.NewReplacer("DIR", dir, "PW", marker)
	for _, c := range badConfigs {
		t.Run(c.name, func(t *testing.T) {
			if c.mode == 0 {
				c.mode = 0o600
			}
			path := write(t, dir, "workload.conf", names.Replace(c.text), c.mode)
			f, err := Load(path)
			if err == nil || f != nil {
				t.Fatalf("got %+v and error %v", f, err)
			}
			errs := all(t, err)
			if len(errs) != 1 {
				t.Errorf("got %d errors, want 1:\n%v", len(errs), err)
			}
			want := &Error{File: path, Line: c.line, Key: c.key, Section: errs[0].Section, Msg: errs[0].Msg}
			errs[0].err = nil
			if *errs[0] != *want {
				t.Errorf("got  %#v\nwant %#v", errs[0], want)
			}
			checkText(t, errs[0], names.Replace(c.want))
		})
	}
}

// checkText checks the text of an error that people see.
func checkText(t *testing.T, e *Error, want string) {
	t.Helper()
	text, begin := e.Error(), e.File+": "
	if e.Line > 0 {
		begin = fmt.Sprintf("%s:%d: ", e.File, e.Line)
	}
	if !strings.HasPrefix(text, begin) {
		t.Errorf("%s\ndoes not begin with %s", text, begin)
	}
	if e.Key != "" && !strings.Contains(text, e.Key+": ") {
		t.Errorf("%s\ndoes not name the key %s", text, e.Key)
	}
	if !strings.Contains(text, want) {
		t.Errorf("%s\ndoes not contain %s", text, want)
	}
	if !strings.ContainsAny(e.Msg, ";") {
		t.Errorf("%s\ndoes not say what to do", text)
	}
	if strings.Contains(text, marker) {
		t.Errorf("%s\nshows the password", text)
	}
	if strings.Contains(text, "\n") {
		t.Errorf("%q has more than one line", text)
	}
}

func TestLoadReportsEveryError(t *testing.T) {
	path := write(t, folder(t), "workload.conf", `[workload "a"]
timeout = x
retries = 99
nonsense
[settings "b"]
[workload "c"]
workload_name = mysql
exec_as = a
	root: /bin/sync
	b
`, 0o600)
	_, err := Load(path)
	want := []string{
		`:1: [workload "a"] workload_name: `, `:2: [workload "a"] timeout: `, `:3: [workload "a"] retries: `, `:4: [workload "a"] there`,
		`:5: [settings "b"] there`, `:8: [workload "c"] exec_as: `, `:10: [workload "c"] exec_as: `,
	}
	errs := all(t, err)
	if len(errs) != len(want) {
		t.Fatalf("got %d errors, want %d:\n%v", len(errs), len(want), err)
	}
	for i, e := range errs {
		if !strings.HasPrefix(e.Error(), path+want[i]) {
			t.Errorf("got %v, want it to begin with %s", e, want[i])
		}
	}
}

func TestLoadErrorsAreBounded(t *testing.T) {
	_, err := parse("/w.conf", []byte(strings.Repeat("x\n", MaxFileSize/2)), 0o600, noSecret)
	errs := all(t, err)
	if len(errs) != maxShown+1 {
		t.Fatalf("got %d errors", len(errs))
	}
	last := errs[maxShown]
	if want := fmt.Sprintf("%d more errors", MaxFileSize/2-maxShown); last.Line != maxShown+1 || !strings.HasPrefix(last.Msg, want) {
		t.Errorf("got %v, want %s in line %d", last, want, maxShown+1)
	}
}

func TestSecretsOfGoodFiles(t *testing.T) {
	dir := folder(t)
	pw := write(t, dir, "pw", marker+"\n", 0o400)
	for _, lines := range []string{
		"connection = mysql://u:" + marker + "@h\n",
		"connection = mysql://u@h\npassword_file = " + pw + "\n",
		"secret.x = " + pw + "\nsecret.y = " + pw + "\n",
	} {
		f, err := Load(write(t, dir, "workload.conf", head+lines, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Secrets(); len(got) != 1 || got[0] != marker {
			t.Errorf("%sgot %d secrets", lines, len(got))
		}
		if text := fmt.Sprintf("%v %+v %#v", *f, *f, *f); strings.Contains(text, marker) {
			t.Errorf("%sprinted with its password", lines)
		}
	}
}
