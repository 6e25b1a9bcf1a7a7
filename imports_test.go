package starhost

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rooms are the packages in the order in which they may use each other: a package
// imports only what stands before it. The root is "."; what a folder has below it
// stands where the folder does, unless it has a line of its own.
var rooms = []string{
	"action", // the waist; imports nothing of the project
	"freeze", // nothing of the project either
	"stmt",
	"scripts", // nothing of the project either
	"config", "journal", "event", "pipe",
	"policy", "undo",
	"interp", "builtins",
	"host/driver", "host",
	"run",
	"worker", "scripttest", "lint", "supervise", "watchdog",
	".",
	"packaging", // the units, as data
	"platform", "platform/install",
	"cmd",
}

// only are the packages that are held to less than the order allows: all that they
// may import of the project. Those of internal are for everybody, so they hardly
// use anybody.
var only = map[string][]string{
	"action": {}, "freeze": {}, "scripts": {},
	"run":                      {"action", "journal", "policy", "undo"}, // neither host nor interp
	"internal/asuser":          {},
	"packaging/systemd":        {},
	"platform/install":         {"config", "packaging/systemd", "platform", "scripts"},
	"internal/cgroup":          {},
	"internal/detached":        {"internal/cgroup"},
	"internal/lock":            {},
	"internal/proctree":        {"internal/procstate"},
	"internal/testtable":       {},
	"internal/redact":          {},
	"internal/reference":       {"action"},
	"internal/skeleton":        {},
	"internal/starfiles":       {},
	"internal/testfs":          {},
	"internal/testdb":          {"internal/pidfd", "internal/procstate"},
	"internal/testcaller":      {"internal/testfs"},
	"internal/standin":         {"internal/standin/client", "scripttest/worlds"},
	"internal/standin/client":  {"scripttest/worlds"},
	"internal/standin/program": {"internal/standin/client"},
	"internal/mysqlwire":       {"action", "scripttest/worlds"},
	"internal/demo":            {".", "config", "run"}, // leads a whole run, as an embedder does
	"internal/terminal":        {},
	"internal/tns":             {"action", "scripttest/worlds"},
}

// kernel are the packages that talk to the kernel by golang.org/x/sys. The journal, the
// events and the config do for what the standard library leaves out of files: owners,
// symlinks that must not be followed, fdatasync.
var kernel = []string{"host", "freeze", "config", "journal", "event", "internal", "supervise", "watchdog", "worker"}

// TestImports holds the packages to the order of rooms. Tests may use more.
func TestImports(t *testing.T) {
	packages := importsOf(t)
	for _, name := range []string{"action", "run", ".", "cmd/starhost"} {
		if len(packages[name]) == 0 {
			t.Errorf("no import of %s was found: the test looks in the wrong place", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if room(name) < 0 && !strings.HasPrefix(name, "internal/") {
			t.Errorf("%s is no room: add it to the list, where it belongs", name)
		}
		for _, imported := range packages[name] {
			if why := forbidden(name, imported); why != "" {
				t.Errorf("%s imports %s: %s", name, imported, why)
			}
		}
	}
}

// TestOnlyIsExact keeps the list from allowing what nobody needs any more.
func TestOnlyIsExact(t *testing.T) {
	packages := importsOf(t)
	for _, name := range slices.Sorted(maps.Keys(only)) {
		for _, allowed := range only[name] {
			full := path.Join(modulePath, allowed)
			if !slices.Contains(packages[name], full) {
				t.Errorf("%s does not import %s: take it out of the list", name, allowed)
			}
		}
	}
}

// forbidden says why a package may not import another one, or nothing.
func forbidden(name, imported string) string {
	if strings.HasPrefix(imported, "golang.org/x/sys") && !slices.ContainsFunc(kernel, func(k string) bool { return inside(name, k) }) {
		return "only " + strings.Join(kernel, ", ") + " talk to the kernel"
	}
	imported, ours := strings.CutPrefix(imported, modulePath)
	if !ours {
		return ""
	}
	imported = strings.TrimPrefix(imported, "/")
	if imported == "" {
		imported = "."
	}
	if list, ok := only[name]; ok {
		if !slices.Contains(list, imported) {
			return "it may import of the project only [" + strings.Join(list, ", ") + "]"
		}
		return ""
	}
	switch {
	case strings.HasPrefix(name, "internal/"):
		return "give it a line in the list of what it may import"
	case strings.HasPrefix(imported, "internal/"):
		return ""
	case room(imported) > room(name):
		return "it stands above, the order is " + strings.Join(rooms, ", ")
	}
	return ""
}

// room returns the place of a package in rooms, -1 if it has none. The longest name wins.
func room(name string) int {
	best := -1
	for i, r := range rooms {
		if inside(name, r) && (best < 0 || len(r) > len(rooms[best])) {
			best = i
		}
	}
	return best
}

// inside reports whether a package is that folder or below it; only the root itself is in the root.
func inside(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

const modulePath = "github.com/starhost/starhost"

// importsOf returns what the packages of this module import, for any system, by folder.
// Tests, and other modules below this one, are left out.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	packages := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"testdata", "tools"}, entry.Name())):
			return fs.SkipDir
		case !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := path.Dir(filepath.ToSlash(file))
		for _, spec := range source.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			packages[name] = append(packages[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// TestForbidden makes sure that the rules can refuse.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		name, imported string
		ok             bool
	}{
		{"undo", modulePath + "/journal", true},
		{"journal", modulePath + "/undo", false},
		{"lint", modulePath + "/interp", true},
		{"interp", modulePath + "/lint", false},
		{"internal/starfiles", modulePath + "/lint", false},
		{"action", modulePath + "/stmt", false},
		{"run", modulePath + "/host", false},
		{"run", modulePath + "/interp", false},
		{"run", modulePath + "/undo", true},
		{"freeze", modulePath + "/action", false},
		{"host/driver", modulePath + "/host", false},
		{"host/driver/mysql", modulePath + "/host/driver", true},
		{"host", modulePath + "/host/driver", true},
		{".", modulePath + "/run", true},
		{"run", modulePath, false},
		{"host", modulePath, false},
		{"cmd/starhost", modulePath, true},
		{"host", modulePath + "/internal/proctree", true},
		{"internal/redact", modulePath + "/config", false},
		{"internal/testdb", modulePath + "/internal/pidfd", true},
		{"internal/new", modulePath + "/action", false},
		{"policy", "golang.org/x/sys/unix", false},
		{"host/driver/mysql", "golang.org/x/sys/unix", true},
		{"policy", "fmt", true},
	} {
		if why := forbidden(c.name, c.imported); (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.name, c.imported, why)
		}
	}
}
