package scripts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest"
	"github.com/starhost/starhost/scripttest/worlds"
)

// TestScripts runs the tests of the bundled scripts.
func TestScripts(t *testing.T) { scripttest.Run(t, os.DirFS(".")) }

// TestCoverage has the tests run every statement of every script, without the help of
// faults.
func TestCoverage(t *testing.T) {
	for _, file := range files(t) {
		tests := strings.TrimSuffix(file, ".star") + scripttest.Suffix
		source, err := os.ReadFile(tests)
		if err != nil {
			t.Errorf("%s has no tests: %v", file, err)
			continue
		}
		f := scripttest.RunFile(t.Context(), scripttest.Options{
			Name: tests, Source: source, Load: scripttest.Loader(os.DirFS("."), "."), Cover: true,
			Match: func(test string) bool { return !strings.HasPrefix(test, slow) },
		})
		if len(f.Coverage) != 1 || f.Coverage[0].Name != file {
			t.Errorf("%s covers %v, want %s", tests, f.Coverage, file)
			continue
		}
		if missed := f.Coverage[0].Missed(); len(missed) > 0 {
			t.Errorf("%s: no test runs line %s", file, strings.Join(missed, ", "))
		}
	}
}

// files are the scripts in the binary.
func files(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.star")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range all {
		if !strings.HasSuffix(file, scripttest.Suffix) {
			files = append(files, file)
		}
	}
	if len(files) < 3 {
		t.Fatalf("%d scripts: they are not found", len(files))
	}
	return files
}

// TestProven fails every script at every action in every way, in every world that fits.
func TestProven(t *testing.T) {
	seen := map[string]bool{}
	for _, script := range scripts.All {
		for _, world := range worlds.All() {
			if world.Database != script.Database || world.Database == "" && !strings.HasPrefix(world.Name, script.Name+"-") {
				continue // programs alone speak to a world without a database: those of its product
			}
			if name := script.File + " on " + world.Name; !seen[name] { // two names of one script
				seen[name] = true
				t.Run(name, func(t *testing.T) { t.Parallel(); prove(t, script, world.Name) })
			}
		}
	}
}

// TestPairIsProven fails legacy.star at every action in every way, in the world of its
// tests: there is no database, so there is no ready-made one, nor a verdict of application.
func TestPairIsProven(t *testing.T) {
	source, err := os.ReadFile("legacy.star")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("legacy_test.star")
	if err != nil {
		t.Fatal(err)
	}
	p := scripttest.Prove(t.Context(), scripttest.ProveOptions{Name: "legacy.star", Source: source, Load: scripts.Source, Tests: tests})
	if p.Verdict != run.Crash || !strings.Contains(p.Error, "has no verify") || len(p.Faults) < 20 {
		t.Errorf("%q, verdict %q, %d faults", p.Error, p.Verdict, len(p.Faults))
	}
	for _, f := range p.Faults {
		if len(f.Held) > 0 || f.Verdict > run.Crash || f.Unknown != "" {
			t.Errorf("%+v", f)
		}
	}
}

func prove(t *testing.T, script scripts.Script, world string) {
	source, err := scripts.Source(script.File)
	if err != nil {
		t.Fatal(err)
	}
	p := scripttest.Prove(t.Context(), scripttest.ProveOptions{Name: script.File, Source: source, Load: scripts.Source, World: world})
	if !p.Proven() || p.Verdict != run.Application || len(p.Faults) < 50 {
		t.Errorf("%q, verdict %q, %d faults", p.Error, p.Verdict, len(p.Faults))
	}
	for _, f := range p.Faults {
		if len(f.Held) > 0 || f.False || f.Unknown != "" {
			t.Errorf("%+v", f)
		}
	}
}
