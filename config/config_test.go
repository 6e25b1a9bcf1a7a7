package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/asuser"
)

// marker is the password of every test: no error and no warning may contain it.
const marker = "hunter2MARKER"

// folder returns a temporary folder that only this user can write.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write makes a file of exactly that mode and returns its path.
func write(t *testing.T, dir, name, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// all returns the errors that err joins.
func all(t *testing.T, err error) []*Error {
	t.Helper()
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var errs []*Error
	for _, err := range list {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("%T is no *Error: %v", err, err)
		}
		errs = append(errs, e)
	}
	return errs
}

func TestLoadFull(t *testing.T) {
	dir := folder(t)
	password := write(t, dir, "password", marker+"\nsecond line\n", 0o600)
	token := write(t, dir, "token", "t0ken", 0o400)
	path := write(t, dir, "workload.conf", `# one workload, every key
[workload "orders"]
workload_name = mysql
script = site/mine.star
connection = mariadb://backup@db.example.com:3307/shop?socket=/run/mysqld.sock&connect_timeout=5&tls=true
password_file = `+password+`
secret.api-token = `+token+`
command_path = /usr/bin/
linux_user = root
ipc_folder = /var/lib/ipc
timeout = 120
prescript_timeout=30
	# a comment does not continue anything

postscript_timeout	=	20
freeze_timeout = 5
undo_timeout = 40
retries = 2
order = 7
require = filesystem
fs_freeze = /var/lib/mysql, /srv/data
	/var/log/mysql
exec_as =
  mysql: /usr/bin/mysqladmin
  ; and the other
  root:/usr/bin/sync
isolation = full
[settings "orders"]
lock_wait = 10
format = 100% of %(x)s ${y} # kept ; too
empty =
`, 0o600)
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &File{Path: path, Workloads: []Workload{{
		Section: "orders", Name: "orders", Script: "mysql", ScriptPath: filepath.Join(dir, "site", "mine.star"),
		Connection: Connection{
			Driver: MySQL, User: "backup", Password: NewSecret(marker), Host: "db.example.com", Port: 3307,
			Socket: "/run/mysqld.sock", Database: "shop", Params: map[string]string{"connect_timeout": "5", "tls": "true"},
		},
		Secrets: map[string]Secret{"api-token": NewSecret("t0ken")},
		Timeout: 120 * time.Second, PrescriptTimeout: 30 * time.Second, PostscriptTimeout: 20 * time.Second, FreezeTimeout: 5 * time.Second,
		UndoTimeout: 40 * time.Second,
		Retries:     2, Order: 7, Require: Filesystem,
		FSFreeze:  FSFreeze{Mode: FreezeList, Mounts: []string{"/var/lib/mysql", "/srv/data", "/var/log/mysql"}},
		ExecAs:    []ExecRule{{"mysql", "/usr/bin/mysqladmin"}, {"root", "/usr/bin/sync"}},
		Isolation: IsolationFull,
		LinuxUser: "root", CommandPath: "/usr/bin", IPCFolder: "/var/lib/ipc",
		Settings: []Setting{{Key: "lock_wait", Text: "10", Line: 29}, {Key: "format", Text: "100% of %(x)s ${y} # kept ; too", Line: 30}, {Key: "empty", Text: "", Line: 31}},
		File:     path, Line: 2,
	}}}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
	if got := f.Secrets(); !reflect.DeepEqual(got, []string{marker, "t0ken"}) {
		t.Errorf("secrets: %q", got)
	}
}

func TestLoadDefaults(t *testing.T) {
	path := write(t, folder(t), "workload.conf", "[settings]\nn = 1\n[workload]\nworkload_name = redis", 0o600)
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Workload{
		Section: "workload", Name: "workload", Script: "redis", Timeout: 90 * time.Second, PrescriptTimeout: time.Minute, PostscriptTimeout: time.Minute,
		FreezeTimeout: 10 * time.Second, Require: Application, FSFreeze: FSFreeze{Mode: FreezeAuto}, Isolation: IsolationAvailable,
		Settings: []Setting{{Key: "n", Text: "1", Line: 2}}, File: path, Line: 3,
	}
	if !reflect.DeepEqual(f.Workloads, []Workload{want}) {
		t.Errorf("got  %+v\nwant %+v", f.Workloads, want)
	}
	if !f.Workloads[0].Connection.IsZero() || len(f.Secrets()) > 0 || len(f.Warnings) > 0 {
		t.Errorf("connection %v, %d secrets, warnings %q", f.Workloads[0].Connection, len(f.Secrets()), f.Warnings)
	}
}

func TestLoadRelativePath(t *testing.T) {
	dir := folder(t)
	write(t, dir, "workload.conf", "[workload]\nworkload_name = mysql\nscript = a.star\n", 0o600)
	t.Chdir(dir)
	f, err := Load("workload.conf")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Workloads[0].ScriptPath; !filepath.IsAbs(got) || !filepath.IsAbs(f.Path) {
		t.Errorf("script %q, file %q: want absolute paths", got, f.Path)
	}
}

func TestWarnings(t *testing.T) {
	text := "[workload]\nworkload_name = mysql\n[workload \"b\"]\nworkload_name = mysql\ntimeout = 59\n"
	f, err := parse("/etc/w.conf", []byte(text), 0o644, noSecret)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`/etc/w.conf:5: [workload "b"] timeout: 59 s is short`, "/etc/w.conf: others can read the file (mode 0644)"}
	if len(f.Warnings) != len(want) {
		t.Fatalf("got %q", f.Warnings)
	}
	for i := range want {
		if !strings.HasPrefix(f.Warnings[i], want[i]) {
			t.Errorf("got %q, want it to begin with %q", f.Warnings[i], want[i])
		}
	}
}

func TestSelect(t *testing.T) {
	text := "[workload]\nworkload_name = a\n[workload \"x\"]\nworkload_name = b\n[workload \"y\"]\nworkload_name = c\n"
	f, err := parse("/w.conf", []byte(text), 0o600, noSecret)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  string // names of the scripts, or the error
	}{
		{nil, "a b c"},
		{[]string{"y", "workload"}, "c a"},
		{[]string{"z"}, `/w.conf: there is no workload "z"; the file has workload, x, y`},
		{[]string{"x", "y", "x"}, `/w.conf: workload "x" is given twice; name it once`},
	} {
		workloads, err := f.Select(c.names)
		var got []string
		for _, w := range workloads {
			got = append(got, w.Script)
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%q: got %s, want %s", c.names, text, c.want)
		}
	}
}

// noSecret stands in for the machine: every file of a secret holds the marker, every
// user is there, and there are no other files.
var noSecret = machine{
	readSecret: func(string, restRule) (Secret, error) { return NewSecret(marker), nil },
	lookup:     func(name string) (asuser.User, error) { return asuser.User{Name: name, Home: "/home/" + name}, nil },
	files:      func(asuser.User) clientFiles { return mapFiles{} },
	oratab: func(asuser.User, string) ([]byte, fileTrust, error) {
		return []byte("ORCL:/u01/db-1:Y\n"), fileTrust{}, nil
	},
	checkClient: func(asuser.User, string, fileTrust) error { return nil },
}
