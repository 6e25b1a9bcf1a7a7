package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := folder(t)
	path := write(t, dir, "f", "0123456789", 0o600)
	for _, opts := range []ReadOptions{{}, {Secret: true}, {MaxSize: 10}} {
		if data, err := ReadFile(path, opts); err != nil || string(data) != "0123456789" {
			t.Errorf("%+v: got %q %v", opts, data, err)
		}
	}
	if data, err := ReadFile(path, ReadOptions{MaxSize: 9}); err == nil || !strings.Contains(err.Error(), "larger than 9 bytes") {
		t.Errorf("got %q %v", data, err)
	}
	if data, err := ReadFile(filepath.Join(dir, "..", filepath.Base(dir), ".", "f"), ReadOptions{}); err != nil || len(data) != 10 {
		t.Errorf("a path with dots: got %q %v", data, err)
	}
	t.Chdir(dir)
	if data, err := ReadFile("f", ReadOptions{}); err != nil || len(data) != 10 {
		t.Errorf("a relative path: got %q %v", data, err)
	}
}

func TestReadFileMissing(t *testing.T) {
	dir := folder(t)
	for _, path := range []string{filepath.Join(dir, "none"), filepath.Join(dir, "none", "f")} {
		_, err := ReadFile(path, ReadOptions{})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("got %v, want fs.ErrNotExist", err)
		}
		if !strings.Contains(err.Error(), filepath.Join(dir, "none")+": ") || !strings.Contains(err.Error(), "; create it") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := ReadFile("", ReadOptions{}); err == nil {
		t.Error("the empty path is accepted")
	}
	// A missing secret is found out through the error of the configuration.
	_, err := Load(write(t, dir, "w.conf", head+"secret.x = "+filepath.Join(dir, "none")+"\n", 0o600))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

// TestChecks tries the owners that only root could give to real files.
func TestChecks(t *testing.T) {
	self := os.Geteuid()
	const stranger = 54321
	for _, c := range []struct {
		name      string
		dir, next stat
		want      string
	}{
		{"mine", stat{fs.ModeDir | 0o755, self, 0}, stat{0o600, self, 0}, ""},
		{"of root", stat{fs.ModeDir | 0o755, 0, 0}, stat{0o600, self, 0}, ""},
		{"sticky, mine", stat{fs.ModeDir | fs.ModeSticky | 0o777, 0, 0}, stat{0o600, self, 0}, ""},
		{"sticky, of root", stat{fs.ModeDir | fs.ModeSticky | 0o777, 0, 0}, stat{0o600, 0, 0}, ""},
		{"sticky, of a stranger", stat{fs.ModeDir | fs.ModeSticky | 0o777, 0, 0}, stat{0o600, stranger, 0}, "belongs to uid 54321"},
		{"sticky directory of a stranger", stat{fs.ModeDir | fs.ModeSticky | 0o777, stranger, 0}, stat{0o600, 0, 0}, "directory of uid 54321"},
		{"of a stranger", stat{fs.ModeDir | 0o755, stranger, 0}, stat{0o600, self, 0}, "directory of uid 54321"},
		{"group can write", stat{fs.ModeDir | 0o775, 0, 0}, stat{0o600, self, 0}, "chmod go-w /d"},
		{"others can write", stat{fs.ModeDir | 0o757, 0, 0}, stat{0o600, self, 0}, "chmod go-w /d"},
		{"a file", stat{0o600, self, 0}, stat{0o600, self, 0}, "a file, not a directory"},
	} {
		checkWant(t, c.name, c.dir.checkDir("/d", c.next), c.want)
	}
	for _, c := range []struct {
		name   string
		file   stat
		secret bool
		want   string
	}{
		{"mine", stat{0o644, self, 0}, false, ""},
		{"of root", stat{0o644, 0, 0}, false, ""},
		{"secret", stat{0o400, 0, 0}, true, ""},
		{"of a stranger", stat{0o600, stranger, 0}, false, "belongs to uid 54321"},
		{"group can write", stat{0o620, 0, 0}, false, "chmod go-w /f"},
		{"others can write", stat{0o602, 0, 0}, false, "chmod go-w /f"},
		{"secret that the group can read", stat{0o640, 0, 0}, true, "chmod 600 /f"},
		{"secret that others can execute", stat{0o601, 0, 0}, true, "chmod 600 /f"},
		{"directory", stat{fs.ModeDir | 0o700, 0, 0}, false, "a directory"},
		{"socket", stat{fs.ModeSocket | 0o600, 0, 0}, false, "a socket"},
	} {
		checkWant(t, c.name, c.file.checkFile("/f", c.secret), c.want)
	}
}

// checkWant checks that err contains want, or is nil if want is empty.
func checkWant(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: got %v, want %s", name, err, want)
	}
}
