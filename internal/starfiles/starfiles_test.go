package starfiles

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{
		"b.star", "a.star", "a_test.star", "readme.md", ".hidden.star",
		"sub/c.star", "sub/deep/d.star", "sub/testdata/e.star", ".git/f.star", "testdata/g.star", "empty/readme.md",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"", "a.star a_test.star b.star"},
		{".", "a.star a_test.star b.star"},
		{"./...", "a.star a_test.star b.star sub/c.star sub/deep/d.star"},
		{"...", "a.star a_test.star b.star sub/c.star sub/deep/d.star"},
		{"sub", "sub/c.star"},
		{"sub/...", "sub/c.star sub/deep/d.star"},
		{"sub/deep/d.star b.star ./b.star .", "a.star a_test.star b.star sub/deep/d.star"},
		{"testdata/...", "testdata/g.star"}, // it was asked for
		{"readme.md", "readme.md"},
		{"empty", "error: there are no *.star files"},
		{"empty/...", "error: there are no *.star files"},
		{"b.star missing.star", "error: missing.star"},
		{"missing/...", "error: missing"},
	} {
		got, err := Find(strings.Fields(c.args))
		if want, isErr := strings.CutPrefix(c.want, "error: "); isErr {
			if err == nil || !strings.Contains(err.Error(), want) || got != nil {
				t.Errorf("%q: %q, %v, want an error with %q", c.args, got, err, want)
			}
			continue
		}
		for i := range got {
			got[i] = filepath.ToSlash(got[i])
		}
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%q: %q, %v, want %q", c.args, got, err, c.want)
		}
	}
}

// A directory may hold what is named like a script and would never end when it is read.
func TestNoScript(t *testing.T) {
	files := fstest.MapFS{
		"a.star": {}, "link.star": {Mode: fs.ModeSymlink}, "b.txt": {},
		"pipe.star": {Mode: fs.ModeNamedPipe}, "socket.star": {Mode: fs.ModeSocket}, "tty.star": {Mode: fs.ModeDevice | fs.ModeCharDevice}, "dir.star": {Mode: fs.ModeDir},
	}
	entries, err := files.ReadDir(".")
	if err != nil || len(entries) != len(files) {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		want := e.Name() == "a.star" || e.Name() == "link.star"
		if isScript(e) != want {
			t.Errorf("%s: got %t, want %t", e.Name(), !want, want)
		}
	}
}
