package starhost_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/starhost/starhost"
)

const (
	pointRun  = "01M7YXA3R57B44RVVNWYN88D2G"
	pointText = `{"run":"` + pointRun + `","time":"2026-11-21T11:16:55Z","members":[{"workload":"orders","script":{"name":"x.star","sha256":"00"},"before":{"at":1},"after":null}]}`
)

// carry writes a file as a disk carries it, and returns the directory where the disk would
// be mounted.
func carry(t *testing.T, text string) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, ".starhost", "recovery-point.json")
	keep(t, path, text)
	return dir, path
}

func keep(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A disk may come from anybody, and be damaged.
func TestRecoveryPointOfAStrangeDisk(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.json")
	keep(t, outside, pointText)
	replace := func(with func(path string) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := with(path); err != nil {
				t.Skip(err)
			}
		}
	}
	for _, c := range []struct {
		name, text string
		change     func(t *testing.T, path string)
		want       string
	}{
		{"empty", "", nil, "is no recovery point: unexpected end"},
		{"garbage", "\x00\x01\x02", nil, "is no recovery point: invalid character"},
		{"cut off", pointText[:60], nil, "is no recovery point"},
		{"another file", `{"name":"x"}`, nil, "it names no run"},
		{"a list", `[1]`, nil, "is no recovery point"},
		{"nested without end", `{"run":"x","members":[{"before":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}]}`, nil, "nested deeper"},
		{"endless", "", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 1<<40); err != nil {
				t.Skip(err)
			}
		}, "it is longer than 32 MiB"},
		{"a directory", "", replace(func(path string) error { return os.Mkdir(path, 0o700) }), "it is no regular file"},
		{"a symlink", "", replace(func(path string) error { return os.Symlink(outside, path) }), "it is no regular file"},
		{"a folder that leads out", pointText, func(t *testing.T, path string) {
			t.Helper()
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			if err := os.Rename(filepath.Dir(path), elsewhere); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(elsewhere, filepath.Dir(path)); err != nil {
				t.Skip(err)
			}
		}, "escapes"},
		{"none", "", replace(func(string) error { return nil }), "there is no recovery point"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, path := carry(t, c.text)
			if c.change != nil {
				c.change(t, path)
			}
			f, err := starhost.RecoveryPoint(t.TempDir(), t.TempDir(), dir)
			if err == nil {
				t.Fatalf("it was read: %+v", f)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q, want %q and the path %s", err, c.want, path)
			}
		})
	}
}

// Further down on the disk nothing is said of it, but where to ask.
func TestRecoveryPointBelowTheMountPoint(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("which directories are of one filesystem is not known there")
	}
	dir, _ := carry(t, pointText)
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	data := filepath.Join(dir, "mysql", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := starhost.RecoveryPoint(t.TempDir(), t.TempDir(), data)
	if err == nil || !strings.HasSuffix(err.Error(), ": starhost recovery-point "+dir) {
		t.Errorf("error %v", err)
	}
}

// What came after the snapshot is added on the machine that made the run, and only if it
// is the same run.
func TestRecoveryPointIsMerged(t *testing.T) {
	after := strings.Replace(pointText, `"after":null`, `"after":"a label"`, 1)
	for _, c := range []struct {
		name, kept string
		merged     bool
		doubt      string
	}{
		{"another machine", "", false, ""},
		{"the same machine", after, true, ""},
		{"nothing came after", pointText, false, ""},
		{"the disk says something else", strings.Replace(after, `"at":1`, `"at":2`, 1), false, "do not rely on it"},
		{"another workload", strings.Replace(after, "orders", "billing", 1), false, "do not rely on it"},
		{"garbage", "{", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := carry(t, pointText)
			state := t.TempDir()
			if c.kept != "" {
				keep(t, filepath.Join(state, "recovery-points", pointRun+".json"), c.kept)
			}
			f, err := starhost.RecoveryPoint(state, t.TempDir(), dir)
			if err != nil {
				t.Fatal(err)
			}
			text, err := f.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(text), "a label"); got != c.merged || f.Merged != c.merged || f.Members[0].After.IsNone() == c.merged {
				t.Errorf("merged: %v, %v\n%s", got, f.Merged, text)
			}
			if !c.merged && string(text) != pointText {
				t.Errorf("the file is not printed as it is: %s", text)
			}
			if got := f.Doubt(); got == "" != (c.doubt == "") || !strings.Contains(got, c.doubt) {
				t.Errorf("doubt %q, want %q", got, c.doubt)
			}
			if v, err := f.Value("", "after"); c.merged != (err == nil) || c.merged != (v.Text() == "a label") {
				t.Errorf("after: %v, %v", v, err)
			}
		})
	}
}

// A run on a disk is a name that somebody has written: it opens no file elsewhere.
func TestRecoveryPointNamesNoOtherFile(t *testing.T) {
	state := t.TempDir()
	keep(t, filepath.Join(state, "secret.json"), strings.Replace(pointText, `"after":null`, `"after":"stolen"`, 1))
	dir, _ := carry(t, strings.Replace(pointText, pointRun, "../secret", 1))
	f, err := starhost.RecoveryPoint(state, t.TempDir(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Members[0].After.IsNone() || f.Status != nil {
		t.Errorf("got %+v", f)
	}
}

// A file of somebody else is read, with a warning.
func TestRecoveryPointOfAStranger(t *testing.T) {
	dir, path := carry(t, pointText)
	if err := os.Chown(path, 4711, 4711); err != nil {
		t.Skip(err) // needs root
	}
	f, err := starhost.RecoveryPoint(t.TempDir(), t.TempDir(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Doubt(); !strings.Contains(got, "belongs to uid 4711") {
		t.Errorf("doubt %q", got)
	}
}
