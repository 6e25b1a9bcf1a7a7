package lint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// seeds are small files: to make a large one smaller takes a minute.
func seeds(f *testing.F) {
	for _, c := range Checks {
		f.Add([]byte(c.Source(c.Bad)))
		f.Add([]byte(c.Source(c.Good)))
	}
	files, err := filepath.Glob("testdata/lint/*.star")
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata: %q, %v", files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	for _, s := range []string{"", "\n", "x = b'a'\n", "def f(a: str): pass\n", "x = 1;y = 2\r\n", "f = lambda *a, b=1, **c: sql(*a, **c)\n", "undo.nothing()\nundo.sql\n"} {
		f.Add([]byte(s))
	}
}

// Whatever can be read can be judged, and each finding is a whole one.
func FuzzCheck(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, source []byte) {
		for _, name := range []string{"x.star", "x_test.star"} {
			found, err := Check(name, source, Options{})
			if err != nil && found != nil {
				t.Error("findings and an error")
			}
			for _, f := range found {
				if lookup(f.Code) == nil || f.line < 1 || f.col < 1 || f.Message == "" {
					t.Errorf("%+v", f)
				}
			}
		}
	})
}

// A formatted file stays as it is. That it says what it said before is for Format
// to see to.
func FuzzFormat(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, source []byte) {
		once, err := Format("x.star", source)
		if err != nil {
			return
		}
		twice, err := Format("x.star", once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%q becomes %q, then %q, %v", source, once, twice, err)
		}
	})
}
