package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/internal/asuser"
)

const stranger = 54321

// softwareOwner is a user who stands for the owner of Oracle's software.
func softwareOwner(t *testing.T) asuser.User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	u, err := asuser.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// owned gives a file to somebody.
func owned(t *testing.T, path string, uid, gid int, mode fs.FileMode) {
	t.Helper()
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// sharedFolder is a folder of root that every user can enter.
func sharedFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	owned(t, dir, 0, 0, 0o755)
	owned(t, filepath.Dir(dir), 0, 0, 0o755)
	return dir
}

// Who may have written an oratab.
func TestOratabOwners(t *testing.T) {
	oracle := softwareOwner(t)
	root, err := asuser.Lookup("root")
	if err != nil {
		t.Fatal(err)
	}
	dir := sharedFolder(t)
	file := write(t, dir, "oratab", twoHomes, 0o644)
	for _, c := range []struct {
		name     string
		user     asuser.User
		uid, gid int
		mode     fs.FileMode
		onlyRoot bool
		want     string
	}{
		{"of root", oracle, 0, 0, 0o644, true, ""},
		{"of root, for the group", oracle, 0, oracle.GID, 0o664, false, ""},
		{"as root.sh leaves it", oracle, oracle.UID, oracle.GID, 0o664, false, ""},
		{"of the user", oracle, oracle.UID, oracle.GID, 0o600, false, ""},
		{"of a stranger", oracle, stranger, oracle.GID, 0o644, false, "belongs to uid 54321"},
		{"for another group", oracle, oracle.UID, stranger, 0o664, false, "chmod g-w"},
		{"for everybody", oracle, oracle.UID, oracle.GID, 0o646, false, "chmod o-w"},
		{"that the user cannot read", oracle, 0, 0, 0o600, false, "linux_user has no access"},
		{"of root, for root", root, 0, 0, 0o644, true, ""},
		{"of the owner of the software, for root", root, oracle.UID, oracle.GID, 0o644, true, "neither to root"},
		{"for the group, for root", root, 0, 0, 0o664, true, "chmod go-w"},
	} {
		t.Run(c.name, func(t *testing.T) {
			owned(t, file, c.uid, c.gid, c.mode)
			text, trust, err := machineOratab(c.user, file)
			checkWant(t, c.name, err, c.want)
			if err == nil && (string(text) != twoHomes || trust.onlyRoot != c.onlyRoot) {
				t.Errorf("%q, %+v", text, trust)
			}
		})
	}
	for name, want := range map[string]string{"none": "no such file", ".": "a directory, not a regular file"} {
		_, _, err := machineOratab(oracle, filepath.Join(dir, name))
		checkWant(t, name, err, want)
	}
}

// Who may have written the program that linux_user is to run.
func TestClientOwners(t *testing.T) {
	oracle := softwareOwner(t)
	root, err := asuser.Lookup("root")
	if err != nil {
		t.Fatal(err)
	}
	dir := sharedFolder(t)
	home := filepath.Join(dir, "db-1")
	bin := filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	program := write(t, bin, "sqlplus", "", 0o755)
	shared, trusted := fileTrust{}, fileTrust{onlyRoot: true}
	for _, c := range []struct {
		name       string
		user       asuser.User
		trust      fileTrust
		uid        int // of all three
		file, dirs fs.FileMode
		want       string
	}{
		{"as it is installed", oracle, shared, oracle.UID, 0o751, 0o755, ""},
		{"of root", oracle, shared, 0, 0o755, 0o755, ""},
		{"folders for the group of the user", oracle, shared, oracle.UID, 0o751, 0o775, ""},
		{"of a stranger", oracle, shared, stranger, 0o755, 0o755, "belongs to uid 54321"},
		{"of a stranger, whom root names", oracle, trusted, stranger, 0o755, 0o755, ""},
		{"for everybody, whom root names", oracle, trusted, stranger, 0o757, 0o755, "chmod o-w"},
		{"in a folder for everybody", oracle, shared, oracle.UID, 0o751, 0o757, "chmod o-w"},
		{"no program", oracle, shared, oracle.UID, 0o640, 0o755, "is no program"},
		{"no program, whom root names", oracle, trusted, oracle.UID, 0o640, 0o755, "is no program"},
		{"of root, for root", root, trusted, 0, 0o755, 0o755, ""},
		{"of the owner of the software, for root", root, trusted, oracle.UID, 0o755, 0o755, "is a directory of uid"},
		{"no program, for root", root, trusted, 0, 0o644, 0o755, "is no program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for path, mode := range map[string]fs.FileMode{program: c.file, bin: c.dirs, home: c.dirs} {
				owned(t, path, c.uid, oracle.GID, mode)
			}
			checkWant(t, c.name, machineClient(c.user, home, c.trust), c.want)
		})
	}
	for _, user := range []asuser.User{oracle, root} {
		if err := machineClient(user, filepath.Join(dir, "gone"), trusted); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s: %v", user.Name, err)
		}
	}
}
