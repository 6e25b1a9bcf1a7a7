package starhost_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/reference"
)

var update = flag.Bool("update", false, "write docs/builtins.md and docs/editor/starhost.pyi")

// documents are the files that people read.
func documents(t *testing.T) []string {
	t.Helper()
	below, err := filepath.Glob("docs/*.md")
	if err != nil || len(below) == 0 {
		t.Fatalf("docs: %q, %v", below, err)
	}
	for _, folder := range []string{"docs/callers", "docs/databases", "docs/recovery"} {
		further, err := filepath.Glob(folder + "/*.md")
		if err != nil || len(further) == 0 {
			t.Fatalf("%s: %q, %v", folder, further, err)
		}
		below = append(below, further...)
	}
	return slices.Concat([]string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}, below)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Words that tell a reader nothing, or that the reader is slow.
var emptyWords = regexp.MustCompile(`(?i)\b(simply|just|easy|easily|powerful|robust|seamless|seamlessly|blazing)\b`)

func TestDocumentsAvoidEmptyWords(t *testing.T) {
	for _, path := range documents(t) {
		for i, line := range strings.Split(read(t, path), "\n") {
			if word := emptyWords.FindString(line); word != "" {
				t.Errorf("%s:%d: %q says nothing: leave it out", path, i+1, word)
			}
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	dropped = regexp.MustCompile("[^a-z0-9 _-]")
)

// anchors are the fragments of a document's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	all := map[string]bool{"": true}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := dropped.ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, path), ""), -1) {
			file, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(m[1], "://") {
				continue
			}
			target := filepath.Join(filepath.Dir(path), file)
			if file == "" {
				target = path
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link to %s: %v", path, m[1], err)
			} else if strings.HasSuffix(target, ".md") && !anchors(read(t, target))[fragment] {
				t.Errorf("%s: link to %s: no such heading", path, m[1])
			}
		}
	}
}

// What is made from the declaration of the words is as it would be made now.
func TestReferenceIsCurrent(t *testing.T) {
	for path, want := range map[string]string{"docs/builtins.md": reference.Markdown(), "docs/editor/starhost.pyi": reference.Stubs()} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, path); got != want {
			t.Errorf("%s is not what package action declares: go test . -run Reference -update", path)
		}
	}
}

// Every key of the configuration is in its document. The error of an unknown key
// lists them all.
func TestEveryKeyIsDocumented(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "workload.conf")
	if err := os.WriteFile(conf, []byte("[workload]\nworkload_name = mysql\nnonsense = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(conf)
	_, list, found := strings.Cut(fmt.Sprint(err), "the keys are ")
	if !found {
		t.Fatalf("the error lists no keys: %v", err)
	}
	text := read(t, "docs/configuration.md")
	for key := range strings.SplitSeq(strings.ReplaceAll(list, " and ", ", "), ", ") {
		if !strings.Contains(text, "\n| `"+key+"` |") {
			t.Errorf("docs/configuration.md has no row for %s", key)
		}
	}
}

var makeCommand = regexp.MustCompile(`(?m)^\$ make (\S+)$|` + "`make (\\S+)`")

func TestMakeTargetsExist(t *testing.T) {
	makefile := "\n" + read(t, "Makefile")
	for _, path := range documents(t) {
		for _, m := range makeCommand.FindAllStringSubmatch(read(t, path), -1) {
			if target := m[1] + m[2]; !strings.Contains(makefile, "\n"+target+":") {
				t.Errorf("%s: the Makefile has no target %s", path, target)
			}
		}
	}
}
