//go:build linux

package main

import "strings"

// trivial is a script that would succeed, with a setting.
const trivial = "API = 1\nSETTINGS = {\"limit\": 1}\ndef prescript(ctx):\n    freeze()\n"

// head begins a config whose mistake is in line 3. The password in it is ours.
const head = "[workload]\nworkload_name = mysql\n"

// conf is the place of the message.
const conf = "DIR/workload.conf"

var badTexts = []badConfig{
	{name: "empty", config: "", wants: []string{conf + ":1: ", "no [workload] section"}},
	{name: "unknown key", config: head + "tiemout = 90\n", wants: []string{conf + ":3: ", "tiemout: ", "unknown key"}},
	{name: "key of a password", config: head + "password = Tr0ub4dor\n", wants: []string{conf + ":3: ", "password: "}},
	{name: "duplicate key", config: head + "timeout = 90\ntimeout = 90\n", wants: []string{conf + ":4: ", "timeout: ", "line 3"}},
	{name: "duplicate section", config: head + head, wants: []string{conf + ":3: ", "the first is in line 1"}},
	{name: "unknown section", config: head + "[mysql]\n", wants: []string{conf + ":3: ", "unknown section"}},
	{name: "settings of nothing", config: head + "[settings \"orders\"]\na = 1\n", wants: []string{conf + ":3: ", `no workload "orders"`}},
	{name: "no script", config: "[workload]\ntimeout = 90\n", wants: []string{conf + ":1: ", "workload_name: ", "missing"}},
	{name: "CRLF", config: strings.ReplaceAll(head, "\n", "\r\n"), wants: []string{conf + ":1: "}},
	{name: "byte order mark", config: "\xef\xbb\xbf" + head, wants: []string{conf + ":1: ", "byte order mark"}},
	{name: "NUL", config: head + "timeout = 9\x000\n", wants: []string{conf + ":3: ", "NUL"}},
	{name: "10 MB", config: head + strings.Repeat("# 345678\n", 10<<20/9), wants: []string{conf + ": ", "larger than"}},
	{name: "not UTF-8", config: head + "linux_user = \xff\n", wants: []string{conf + ":3: ", "UTF-8"}},
	{name: "no equals sign", config: head + "Tr0ub4dor\n", wants: []string{conf + ":3: ", `no "="`}},
	{name: "several mistakes", config: head + "timeout = x\nretries = x\n", wants: []string{conf + ":3: ", conf + ":4: "}},
}

var badValues = []badConfig{
	{name: "timeout of a wrong type", config: head + "timeout = 90s\n", wants: []string{conf + ":3: ", "timeout: ", "whole number"}},
	{name: "timeout below", config: head + "timeout = 0\n", wants: []string{conf + ":3: ", "timeout: ", "1 to 1800"}},
	{name: "timeout above", config: head + "timeout = 1801\n", wants: []string{conf + ":3: ", "timeout: ", "1 to 1800"}},
	{name: "prescript_timeout below", config: head + "prescript_timeout = 0\n", wants: []string{conf + ":3: ", "prescript_timeout: "}},
	{name: "prescript_timeout above", config: head + "prescript_timeout = 1801\n", wants: []string{conf + ":3: ", "prescript_timeout: "}},
	{name: "postscript_timeout below", config: head + "postscript_timeout = -1\n", wants: []string{conf + ":3: ", "postscript_timeout: "}},
	{name: "postscript_timeout above", config: head + "postscript_timeout = 1801\n", wants: []string{conf + ":3: ", "postscript_timeout: "}},
	{name: "freeze_timeout below", config: head + "freeze_timeout = 0\n", wants: []string{conf + ":3: ", "freeze_timeout: ", "1 to 120"}},
	{name: "freeze_timeout above", config: head + "freeze_timeout = 121\n", wants: []string{conf + ":3: ", "freeze_timeout: ", "1 to 120"}},
	{name: "retries below", config: head + "retries = -1\n", wants: []string{conf + ":3: ", "retries: ", "0 to 10"}},
	{name: "retries above", config: head + "retries = 11\n", wants: []string{conf + ":3: ", "retries: ", "0 to 10"}},
	{name: "require", config: head + "require = none\n", wants: []string{conf + ":3: ", "require: "}},
	{name: "isolation", config: head + "isolation = none\n", wants: []string{conf + ":3: ", "isolation: "}},
	{name: "fs_freeze word", config: head + "fs_freeze = on\n", wants: []string{conf + ":3: ", "fs_freeze: "}},
	{name: "fs_freeze relative", config: head + "fs_freeze = data\n", wants: []string{conf + ":3: ", "fs_freeze: ", "absolute"}},
	{
		name: "fs_freeze of memory", config: "[workload]\nworkload_name = custom\nscript = x.star\nfs_freeze = /dev/shm\n",
		prepare: file("x.star", trivial, 0o600), wants: []string{conf + ":1: ", "fs_freeze: ", "/dev/shm"},
	},
	{
		name: "fs_freeze missing", config: "[workload]\nworkload_name = custom\nscript = x.star\nfs_freeze = DIR/none\n",
		prepare: file("x.star", trivial, 0o600), wants: []string{conf + ":1: ", "fs_freeze: ", "DIR/none"},
	},
	{name: "exec_as relative", config: head + "exec_as = root: sync\n", wants: []string{conf + ":3: ", "exec_as: ", "absolute"}},
	{name: "credString", config: head + "credString = root/Tr0ub4dor\n", wants: []string{conf + ":3: ", "credString: ", "is not the name of a database"}},
}

// url is a config with that URL in line 3.
func url(text string) string { return head + "connection = " + text + "\n" }

var badURLs = []badConfig{
	{name: "URL of an unknown scheme", config: url("redis://u:Tr0ub4dor@h/"), wants: []string{conf + ":3: ", "connection: ", "scheme"}},
	{name: "URL without scheme", config: url("u:Tr0ub4dor@h"), wants: []string{conf + ":3: ", "connection: ", "not a URL"}},
	{name: "URL without host", config: url("mysql://u@/"), wants: []string{conf + ":3: ", "connection: ", "no host"}},
	{name: "URL with a bad port", config: url("mysql://u:Tr0ub4dor@h:99999/"), wants: []string{conf + ":3: ", "connection: ", "port"}},
	{name: "URL with a bad host", config: url("mysql://u:Tr0ub4dor@h$t/"), wants: []string{conf + ":3: ", "connection: ", "host"}},
	{name: "URL with a # in the password", config: url("mysql://u:Tr0ub4dor#@h/"), wants: []string{conf + ":3: ", "connection: ", "%23"}},
	{name: "URL with a / in the password", config: url("mysql://u:Tr0ub4dor/x@h/"), wants: []string{conf + ":3: ", "connection: ", "%2F"}},
	{name: "URL with a bad escape", config: url("mysql://u:Tr0ub4dor%zz@h/"), wants: []string{conf + ":3: ", "connection: ", "not a URL"}},
	{name: "URL with an unknown parameter", config: url("mysql://u@h/?multiStatements=true"), wants: []string{conf + ":3: ", "connection: ", "multiStatements"}},
	{name: "URL with a relative socket", config: url("mysql://u@h/?socket=s.sock"), wants: []string{conf + ":3: ", "connection: ", "socket"}},
	{name: "URL with an empty password", config: url("mysql://u:@h/"), wants: []string{conf + ":3: ", "connection: ", "password is empty"}},
	{name: "URL with two databases", config: url("postgres://u@h/a/b"), wants: []string{conf + ":3: ", "connection: "}},
	{name: "URL of a file with a host", config: url("sqlite://h/x.db"), wants: []string{conf + ":3: ", "connection: ", "three slashes"}},
	{name: "URL and password file", config: url("mysql://u:Tr0ub4dor@h/") + "password_file = DIR/password\n", wants: []string{conf + ":4: ", "password_file: ", "already"}},
}

// good is a config without a mistake, as far as nobody is logged in to.
const good = "[workload]\nworkload_name = custom\nscript = x.star\n"

// withPassword is a config with a password from a file in line 4.
const withPassword = head + "connection = mysql://u@h/\npassword_file = DIR/pw\n"

var badFiles = []badConfig{
	{name: "everybody can write", config: head, prepare: mode("workload.conf", 0o666), wants: []string{conf + ": ", "chmod go-w " + conf}},
	{name: "the group can write", config: head, prepare: mode("workload.conf", 0o660), wants: []string{conf + ": ", "chmod go-w " + conf}},
	{
		name: "everybody can read a secret", config: url("mysql://u:Tr0ub4dor@h/"), prepare: mode("workload.conf", 0o644),
		wants: []string{conf + ":3: ", "connection: ", "chmod 600 " + conf},
	},
	{name: "foreign owner", config: head, prepare: owner("workload.conf", 65534), wants: []string{conf + ": ", "uid 65534"}},
	{
		name: "symbolic link", config: head, prepare: all(symlink("workload.conf", "link.conf"), configAt("link.conf")),
		wants: []string{"DIR/link.conf: ", "symbolic link"},
	},
	{name: "folder that others can write", config: head, prepare: mode(".", 0o777), wants: []string{"DIR: ", "chmod go-w DIR"}},
	{name: "folder of somebody else", config: head, prepare: owner(".", 65534), wants: []string{"DIR: ", "uid 65534"}},
	{name: "missing", config: head, prepare: configAt("none.conf"), wants: []string{"DIR/none.conf: ", "no such file"}},
	{name: "folder", config: head, prepare: configAt("."), wants: []string{"DIR: ", "directory"}},
	{name: "FIFO", config: head, prepare: all(fifo("fifo.conf"), configAt("fifo.conf")), wants: []string{"DIR/fifo.conf: ", "FIFO"}},
	{name: "device", config: head, prepare: configAt("../../../../../../dev/zero"), wants: []string{"/dev/zero: ", "device"}},
	{name: "password_file missing", config: withPassword, wants: []string{conf + ":4: ", "password_file: ", "DIR/pw", "no such file"}},
	{name: "password_file empty", config: withPassword, prepare: file("pw", "", 0o600), wants: []string{conf + ":4: ", "password_file: ", "empty"}},
	{
		name: "password_file for everybody", config: withPassword, prepare: file("pw", password, 0o644),
		wants: []string{conf + ":4: ", "password_file: ", "chmod 600 DIR/pw"},
	},
	{
		name: "password_file by a link", config: withPassword, prepare: symlink("password", "pw"),
		wants: []string{conf + ":4: ", "password_file: ", "symbolic link"},
	},
	{
		name: "secret of two lines", config: head + "secret.key = DIR/two\n", prepare: file("two", password+"\n"+password+"\n", 0o600),
		wants: []string{conf + ":3: ", "secret.key: ", "more than one line"},
	},
}
