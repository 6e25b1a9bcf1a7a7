package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	w, err := Create(OS{}, dir, "run-1", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range sample() {
		if _, err := w.Append(r, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(OS{}, dir, "run-1", time.Now); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second journal of the same run: %v", err)
	}
	w, _, err = Open(OS{}, w.Path(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Append(Record{Type: TypeEnd}, true); err != nil || n != len(sample())+1 {
		t.Errorf("continued with %d, %v", n, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		return // has no modes
	}
	for path, want := range map[string]fs.FileMode{filepath.Dir(dir): 0o700, dir: 0o700, w.Path(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want mode %#o", path, info.Mode(), err, want)
		}
	}
}

func TestRunNames(t *testing.T) {
	for _, run := range []string{"", ".", "..", "a/b", "a b", "é", strings.Repeat("x", 65), "x\n"} {
		if _, err := Create(&disk{}, "dir", run, time.Now); err == nil {
			t.Errorf("run %q was accepted", run)
		}
	}
}

func TestOSRefusesWhatOthersCanWrite(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are not checked on Windows")
	}
	tests := []struct {
		name, want string
		spoil      func(dir, path string) error
	}{
		{"nothing", "", func(string, string) error { return nil }},
		{"file mode", "chmod", func(_, path string) error { return os.Chmod(path, 0o620) }},
		{"directory mode", "chmod", func(dir, _ string) error { return os.Chmod(dir, 0o777) }},
		{"owner", "belongs to", func(_, path string) error { return os.Chown(path, 12345, -1) }},
		{"directory's owner", "belongs to", func(dir, _ string) error { return os.Chown(dir, 12345, -1) }},
		{"symlink", "run.journal", func(_, path string) error {
			return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path))
		}},
		{"directory", "directory", func(_, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Contains(tt.name, "owner") && os.Getuid() != 0 {
				t.Skip("needs root to give a file away")
			}
			dir := filepath.Join(t.TempDir(), "journals")
			w, err := Create(OS{}, dir, "run", time.Now)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(dir, w.Path()); err != nil {
				t.Fatal(err)
			}
			_, _, readErr := Read(OS{}, w.Path())
			_, _, openErr := Open(OS{}, w.Path(), time.Now)
			for _, err := range []error{readErr, openErr} {
				if (err == nil) != (tt.name == "nothing") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want an error about %q", err, tt.want)
				}
			}
		})
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	if runtime.GOOS != "windows" {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	end, stuck := Record{Type: TypeEnd, Verdict: "application"}, Record{Type: TypeEnd, Held: []string{"lock"}}
	files := []struct {
		name, text string
	}{
		{"ended.journal", string(journalOf(t, sample()[0], end))},
		{"stuck.journal", string(journalOf(t, sample()[0], stuck))},
		{"torn.journal", string(journalOf(t, sample()[0])) + `{"n":2`},
		{"reopened.journal", string(journalOf(t, sample()[0], end, sample()[2]))},
		{"empty.journal", ""},
		{"events.jsonl", "{}\n"},
		{"not a run.journal", "\n"},
	}
	for i, f := range files {
		path := filepath.Join(dir, f.name)
		stamp := time.Unix(int64(1000-i), 0)
		if err := errors.Join(os.WriteFile(path, []byte(f.text), 0o600), os.Chtimes(path, stamp, stamp)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "odd.journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	infos, err := List(OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range infos {
		line := i.Run + " " + i.Begin.Run + " " + i.End.Verdict
		for word, set := range map[string]bool{" ended": i.Ended, " torn": i.Tail.Torn, " error": i.Err != nil} {
			if set {
				line += word
			}
		}
		got = append(got, line)
	}
	want := []string{
		"odd   error", "ended 01J application ended", "stuck 01J ", "torn 01J  torn", "reopened 01J application", "empty  ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if infos, err := List(OS{}, filepath.Join(dir, "missing")); infos != nil || err != nil {
		t.Errorf("a missing directory: %v, %v", infos, err)
	}
}
