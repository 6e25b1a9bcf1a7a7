package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/internal/starfiles"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripttest"
)

func (a *app) test() *cobra.Command {
	o := testOptions{}
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run the tests of scripts, without any database",
		Long: `Runs the functions test_…(t) of files …_test.star, in the order in which they are
written, each in a world of its own: no database, no program and no filesystem is
touched. PATH is a file, a directory, or ./... for all below; the default is the
directory where you are. Test files run in the sandbox, like scripts.

Exit status: 0 all passed; 1 a test failed; 2 usage, or a file that cannot be read
or does not compile.`,
		Example: `  starhost test
  starhost test ./... --cover
  starhost test mysql_test.star -run faults -v
  starhost test -update                      write the golden files anew`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.testFiles(cmd.Context(), args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.match, "run", "", "only the tests whose names match the regular expression `RE`")
	f.BoolVar(&o.update, "update", false, "write golden files anew instead of comparing them")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "print every test, and what it prints")
	f.BoolVar(&o.cover, "cover", false, "count the statements of the scripts that were run")
	return cmd
}

type testOptions struct {
	match                  string
	update, verbose, cover bool
}

// tested is the JSON of starhost test.
type tested struct {
	Passed bool         `json:"passed"`
	Files  []testedFile `json:"files"`
}

type testedFile struct {
	Path string `json:"path"`
	scripttest.File
}

func (a *app) testFiles(ctx context.Context, args []string, o testOptions) error {
	if _, err := regexp.Compile(o.match); err != nil {
		return usage("--run: %w", err)
	}
	paths, err := testPaths(args)
	if err != nil {
		return usage("%w", err)
	}
	all := tested{Files: []testedFile{}}
	faulty, failed := false, false
	for _, path := range paths {
		f, err := testFile(ctx, path, o)
		if err != nil { // the other files are tested all the same
			f = scripttest.File{Name: filepath.Base(path), Error: &scripttest.Failure{Message: err.Error()}, Tests: []scripttest.Test{}}
		}
		all.Files = append(all.Files, testedFile{path, f})
		faulty, failed = faulty || f.Error != nil, failed || !f.Passed()
		if !a.json {
			if err := a.say(printable(testText(path, f, o))); err != nil {
				return err
			}
		}
	}
	if a.json {
		all.Passed = !failed
		if err := a.print(all); err != nil {
			return err
		}
	}
	return verdictOf(faulty, failed)
}

// testPaths are the files with tests among what is named.
func testPaths(args []string) ([]string, error) {
	files, err := starfiles.Find(args)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, path := range files {
		if strings.HasSuffix(path, scripttest.Suffix) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no tests: there is no file whose name ends in %s", scripttest.Suffix)
	}
	return paths, nil
}

// testFile runs the tests of one file in the sandbox, and writes its golden files.
func testFile(ctx context.Context, path string, o testOptions) (f scripttest.File, err error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	name, load := filepath.Base(path), scripttest.Loader(dir.FS(), ".")
	source, err := load(name)
	if err != nil {
		return f, err
	}
	f, err = scripttest.SandboxedFile(ctx, scripttest.TestRequest{Name: name, Source: source, Run: o.match, Update: o.update, Cover: o.cover}, load)
	if err != nil {
		return f, err
	}
	return f, writeGolden(dir, f.Golden)
}

// writeGolden writes golden files, in the folder of the tests and nowhere else. The name
// and the text are a stranger's: they must not become a file that some program obeys.
func writeGolden(dir *os.Root, golden map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		if !fs.ValidPath(name) || filepath.Ext(name) != ".txt" {
			return fmt.Errorf("%q cannot be a golden file: name one in the folder of the tests that ends in .txt", name)
		}
		text := golden[name]
		if err := dir.MkdirAll(filepath.Dir(filepath.FromSlash(name)), 0o755); err != nil {
			return err
		}
		if err := dir.WriteFile(filepath.FromSlash(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// testText is what came of a file, for people. There are no times in it: the same tests
// print the same text.
func testText(path string, f scripttest.File, o testOptions) string {
	var b strings.Builder
	if f.Error != nil {
		fmt.Fprintf(&b, "%s\nFAIL\t%s\n", indent(failureText(*f.Error)), path)
		return b.String()
	}
	runs := 0
	for _, t := range f.Tests {
		runs += t.Runs
		switch {
		case len(t.Failures) > 0:
			fmt.Fprintf(&b, "--- FAIL: %s\n", t.Name)
		case o.verbose:
			fmt.Fprintf(&b, "--- PASS: %s (%d runs)\n", t.Name, t.Runs)
		}
		if o.verbose || len(t.Failures) > 0 {
			for _, line := range t.Log {
				b.WriteString(indent(line) + "\n")
			}
		}
		for _, failure := range t.Failures {
			b.WriteString(indent(failureText(failure)) + "\n")
		}
	}
	word := "ok  "
	if !f.Passed() {
		word = "FAIL"
	}
	none := ""
	if len(f.Tests) == 0 {
		none = ": no name matches --run"
	}
	fmt.Fprintf(&b, "%s\t%s\t%d tests, %d runs%s\n", word, path, len(f.Tests), runs, none)
	for _, c := range f.Coverage {
		b.WriteString(coverageText(c))
	}
	return b.String()
}

func coverageText(c interp.FileCoverage) string {
	text := fmt.Sprintf("\t%s: %.1f%% of statements were run", c.Name, c.Percent())
	if missed := c.Missed(); len(missed) > 0 {
		text += "; not line " + strings.Join(missed, ", ")
	}
	return text + "\n"
}

func failureText(f scripttest.Failure) string {
	lines := append([]string{}, f.Stack...)
	return strings.Join(append(lines, f.Message), "\n")
}

// goFlags lets the flags of test be written as those of go test are: -run RE, -update.
// Every other verb gets its arguments as they are, and so does what stands behind --:
// that is a snapshot command, whose own flags may have these names.
func goFlags(args []string) []string {
	verb := 0
	for verb < len(args) && strings.HasPrefix(args[verb], "-") {
		if takesValue(args[verb]) {
			verb++
		}
		verb++
	}
	if verb >= len(args) || args[verb] != "test" {
		return args
	}
	out := slices.Clone(args)
	for i := verb + 1; i < len(out) && out[i] != "--"; i++ {
		name, _, _ := strings.Cut(out[i], "=")
		if slices.Contains([]string{"-run", "-update", "-cover", "-json"}, name) {
			out[i] = "-" + out[i]
		}
	}
	return out
}

// takesValue reports whether the next argument is the value of this one, a flag of all verbs.
func takesValue(arg string) bool {
	return slices.Contains([]string{"--config", "--plugin-config", "--state-dir", "--runtime-dir", "--log-level"}, arg)
}
