package lint

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// The findings of each file of testdata/lint, with their positions.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/lint/*.star")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %q, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, f := range check(t, filepath.Base(file), string(source), Options{}) {
				fmt.Fprintf(&b, "%s: %s: %s\n", f.Pos, f.Code, f.Message)
			}
			golden := strings.TrimSuffix(file, ".star") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}
