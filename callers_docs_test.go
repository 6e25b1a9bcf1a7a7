package starhost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

// The marks of what is made from the table of callers in a page.
const (
	contractMark = "<!-- contract -->\n"
	contractEnd  = "<!-- end of contract -->\n"
)

// TestCallersReference holds the pages of callers to the table: each has one, and the
// part between the marks is as it would be made now.
func TestCallersReference(t *testing.T) {
	pages := map[string]string{"README": "\n" + platform.Overview() + "\n"}
	for _, name := range platform.Names() {
		c, err := platform.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = "\n" + c.Contract() + "\n"
	}
	files, err := filepath.Glob("docs/callers/*.md")
	if err != nil || len(files) != len(pages) {
		t.Errorf("there are %d pages for %d callers and a README: %v", len(files), len(pages)-1, files)
	}
	for name, want := range pages {
		path := filepath.Join("docs/callers", name+".md")
		text := read(t, path)
		before, rest, found := strings.Cut(text, contractMark)
		got, after, ended := strings.Cut(rest, contractEnd)
		if !found || !ended {
			t.Errorf("%s: the marks %q and %q are missing", path, contractMark, contractEnd)
			continue
		}
		if got == want {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the table of callers says: go test . -run Reference -update", path)
			continue
		}
		if err := os.WriteFile(path, []byte(before+contractMark+want+contractEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Every page has the parts that somebody looks for at night.
func TestCallerPagesAreWhole(t *testing.T) {
	for _, name := range platform.Names() {
		text := read(t, filepath.Join("docs/callers", name+".md"))
		for _, part := range []string{"## Install", "## What it guarantees", "## See that it works", "## Words", "## Times", "## Exit statuses", "## What the caller cannot", "## Sources", "$ starhost install " + name + " --dry-run"} {
			if !strings.Contains(text, "\n"+part+"\n") {
				t.Errorf("docs/callers/%s.md has no %q", name, part)
			}
		}
	}
}
