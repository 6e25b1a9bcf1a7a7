package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/asuser"
)

// TestOptionFilesAgree reads files as the client of MariaDB does, which prints what it
// has read.
func TestOptionFilesAgree(t *testing.T) {
	program, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the client of MariaDB is not installed")
	}
	dir := folder(t)
	include := write(t, dir, "include.cnf", "[client]\nuser = included\n", 0o600)
	for _, text := range []string{
		"[client]\nuser = x\npassword = a b\n",
		"[client]\nuser=\"x y\" # comment\npassword='a#b' # c\nhost = \"h\n",
		"[client]\nuser=x#y\npassword=\\s\\t\\\\\\x\\'\\\"\n[mysql]\npassword = it's\n",
		"  [client-server]  \n\tuser\t=\tx\n; c\n# c\n[mysqld]\nuser=m\n[mariadb-client] x\nport=7\n",
		"[client]\nuser_name=x\nuser=\npassword=\"\"\npassword=\"\n",
		"[client]\npassword=\"a'b\" \nhost='\"'\nuser='it\\'s'\nsocket=\"\\\"#\"#x\n",
		"[client]\nuser=a\n!include " + include + "\n[client]\nport=1\n",
		"[client]\nuser=\\\nport=2\\n\\b\n",
	} {
		path := write(t, dir, "x.cnf", text, 0o600)
		// --print-defaults hides passwords, so that the client reads them under another name.
		asked := write(t, dir, "asked.cnf", strings.ReplaceAll(text, "password", "pager"), 0o600)
		out, err := exec.Command(program, "--defaults-file="+asked, "--print-defaults").Output()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		_, want, _ := strings.Cut(string(out), "arguments:\n")
		want = strings.ReplaceAll(strings.TrimSpace(want), "--user_name", "--user-name")
		var got []string
		f := optionFiles{client: client{files: userFiles{}}, groups: optionGroups, set: func(o fileOption) error {
			word := "--" + strings.ReplaceAll(o.name, "password", "pager")
			if o.has {
				word += "=" + o.value
			}
			got = append(got, word)
			return nil
		}}
		if err := f.read(path, 0); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if have := strings.TrimSpace(strings.Join(got, " ")); have != want {
			t.Errorf("%q:\ngot  %q\nwant %q", text, have, want)
		}
	}
}

// TestOptionFilesOrder asks the client in which order it reads its files.
func TestOptionFilesOrder(t *testing.T) {
	program, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the client of MariaDB is not installed")
	}
	home := folder(t)
	write(t, home, ".my.cnf", "[client]\nuser=home\n", 0o600)
	extra := write(t, home, "extra.cnf", "[client]\nuser=extra\n", 0o600)
	cmd := exec.Command(program, "--defaults-extra-file="+extra, "--print-defaults")
	cmd.Env = []string{"HOME=" + home}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if i, j := strings.Index(string(out), "--user=extra"), strings.Index(string(out), "--user=home"); i < 0 || j < i {
		t.Errorf("the client reads another order: %s", out)
	}
	c := client{user: "me", home: home, files: userFiles{}}
	got, err := mysqlCredentials("--defaults-extra-file="+extra, c, true)
	if err != nil || got.connection.User != "home" {
		t.Errorf("got %+v, %v", got.connection, err)
	}
}

// TestUserFiles wants files that belong to root or to the user, and that nobody else
// can write.
func TestUserFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	daemon, err := asuser.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := asuser.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "userfiles-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := func(name string, mode os.FileMode, uid, gid int) string {
		path := write(t, dir, name, marker, mode)
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.Symlink(file("target", 0o644, 0, 0), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mkfifo", "-m", "666", filepath.Join(dir, "fifo")).Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{file("own", 0o600, daemon.UID, daemon.GID), ""},
		{file("root's", 0o644, 0, 0), ""},
		{file("of root and my group", 0o640, 0, daemon.GID), ""},
		{filepath.Join(dir, "link"), ""},
		{file("not mine to read", 0o600, 0, 0), "permission denied"},
		{file("a stranger's", 0o644, nobody.UID, nobody.GID), "neither to root nor to linux_user"},
		{file("open to the group", 0o664, daemon.UID, daemon.GID), "can be written by others (mode 0664); chmod go-w"},
		{file("open to all", 0o646, 0, 0), "can be written by others"},
		{filepath.Join(dir, "fifo"), "a FIFO, not a regular file"},
		{dir, "a directory, not a regular file"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		text, _, err := userFiles{daemon}.read(c.path)
		switch {
		case c.want == "" && (err != nil || string(text) != marker):
			t.Errorf("%s: %q, %v", c.path, text, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.path, err, c.want)
		}
	}
	names, err := userFiles{daemon}.list(dir)
	if err != nil || !slices.IsSorted(names) || len(names) < 9 {
		t.Errorf("%q, %v", names, err)
	}
	if !(userFiles{daemon}).is(filepath.Join(dir, "fifo"), os.ModeNamedPipe) || (userFiles{daemon}).is(filepath.Join(dir, "fifo"), 0) {
		t.Error("a FIFO is not one")
	}
}
