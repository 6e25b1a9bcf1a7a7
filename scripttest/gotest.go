package scripttest

import (
	"io/fs"
	"path"
	"strings"
	"testing"
)

// Run runs every file of tests in fsys, at any depth, as subtests of t: one a file, and
// in it one a test. It is for Go repositories that have scripts:
//
//	//go:embed *.star
//	var files embed.FS
//
//	func TestScripts(t *testing.T) { scripttest.Run(t, files) }
//
// Scripts run in the process of the test, without the sandbox. A file system without
// tests is a failure.
func Run(t *testing.T, fsys fs.FS) {
	t.Helper()
	found := false
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, Suffix) {
			return err
		}
		found = true
		t.Run(name, func(t *testing.T) { runGo(t, fsys, name) })
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if !found {
		t.Errorf("there is no file whose name ends in %s", Suffix)
	}
}

func runGo(t *testing.T, fsys fs.FS, name string) {
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	f := RunFile(t.Context(), Options{Name: path.Base(name), Source: source, Load: Loader(fsys, path.Dir(name))})
	if f.Error != nil {
		t.Fatal(f.Error)
	}
	for _, test := range f.Tests {
		t.Run(test.Name, func(t *testing.T) {
			for _, line := range test.Log {
				t.Log(line)
			}
			for _, failure := range test.Failures {
				t.Error(failure)
			}
		})
	}
}

// String returns the message, then the stack.
func (f Failure) String() string {
	return strings.Join(append([]string{f.Message}, f.Stack...), "\n    ")
}
