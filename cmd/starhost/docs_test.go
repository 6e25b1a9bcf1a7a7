//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripts"
)

// root is the directory of the repository.
const root = "../.."

// notRun are the commands in documents that a test cannot run, by how they begin,
// and why not.
var notRun = map[string]string{
	"make ":                    "the test would run itself",
	"starhost events --follow": "it does not end",
	"fsfreeze ":                "nothing is frozen here",
	"go test ":                 "the test would run itself",
}

// runAs are commands that are run in the place of others: what the Makefile does, and what
// looks at the whole machine, which is another one here.
var runAs = map[string]string{
	"make demo":                                      "starhost demo",
	"starhost install azure --dry-run":               `starhost install azure --dry-run --root "$MACHINE"`,
	"starhost test scripts/sqlite_test.star --cover": `cd "$REPOSITORY" && starhost test scripts/sqlite_test.star --cover`,
}

// block is a fenced block of a document.
type block struct {
	lang, text string
	line       int
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func blocks(t *testing.T, document string) (list []block) {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		list = append(list, block{text[m[2]:m[3]], text[m[4]:m[5]], 2 + strings.Count(text[:m[0]], "\n")})
	}
	return list
}

// Every block of a document is tried, in the order of the document, in one world:
// configurations are loaded, scripts compiled, commands run and their output
// compared. A block whose first line is a comment with a path is written there.
func TestDocuments(t *testing.T) {
	documents, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"callers", "databases", "recovery"} {
		below, err := filepath.Glob(root + "/docs/" + folder + "/*.md")
		if err != nil || len(below) == 0 {
			t.Fatalf("docs/%s: %q, %v", folder, below, err)
		}
		documents = append(documents, below...)
	}
	for _, path := range slices.Concat(documents, []string{root + "/README.md", root + "/CONTRIBUTING.md"}) {
		name := strings.TrimPrefix(strings.TrimPrefix(path, root+"/"), "docs/")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := blocks(t, path)
			w := newDocWorld(t, list)
			for _, b := range list {
				at := fmt.Sprintf("%s:%d", name, b.line)
				switch b.lang {
				case "ini":
					w.ini(t, at, b.text)
				case "python":
					w.python(t, at, b.text)
				case "console", "sh":
					w.shell(t, at, b.text)
				}
			}
		})
	}
}

var (
	pathLine   = regexp.MustCompile(`^# (/\S+)\n`)
	secretFile = regexp.MustCompile(`(?m)^(?:password_file|secret\.\w+) = (\S+)$`)
)

// save writes a block that says where it belongs.
func (w *docWorld) save(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(w.dir, "block")
	if m := pathLine.FindStringSubmatch(text); m != nil {
		path = w.here(m[1])
	}
	write(t, path, w.here(text))
	return path
}

// ini loads a configuration, and its settings as those of its script.
func (w *docWorld) ini(t *testing.T, at, text string) {
	for _, m := range secretFile.FindAllStringSubmatch(text, -1) {
		write(t, w.here(m[1]), w.password+"\n")
	}
	f, err := config.Load(w.save(t, text))
	if err != nil {
		t.Errorf("%s: %s", at, w.shown(err.Error()))
		return
	}
	for _, c := range f.Workloads {
		bundled, err := scripts.Lookup(c.Script)
		if err != nil || c.ScriptPath != "" {
			continue // a script of the reader's own
		}
		source, _ := scripts.Source(bundled.File)
		s, err := interp.New(t.Context(), interp.Options{Name: bundled.File, Source: source, Words: builtins.New(bundled.Database)})
		if err == nil {
			_, err = config.Settings(c.Settings, s.Info().Settings, at, "settings")
		}
		if err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// python compiles a script; what is none by itself is the body of a prescript.
func (w *docWorld) python(t *testing.T, at, text string) {
	if strings.Contains(text, "\ndef test_") { // a command of the document runs it
		w.save(t, text)
		return
	}
	if !strings.Contains(text, "API = 1") {
		text = "API = 1\n\ndef prescript(ctx):\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
	}
	_, err := interp.New(t.Context(), interp.Options{
		Name: at, Source: []byte(text), Words: builtins.New("mysql"),
		Load: func(module string) ([]byte, error) { return scripts.Source(strings.TrimPrefix(module, "@starhost//")) },
	})
	if err != nil {
		t.Errorf("%s: %v", at, err)
	}
	w.save(t, text)
}

var scriptLine = regexp.MustCompile(`^#!/bin/sh\n# (/\S+)\n`)

// shell writes a script that says where it belongs; anything else is a console.
func (w *docWorld) shell(t *testing.T, at, text string) {
	m := scriptLine.FindStringSubmatch(text)
	if m == nil {
		w.console(t, at, text)
		return
	}
	path := w.here(m[1])
	write(t, path, w.here(text))
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// console runs the commands of a block. What follows one is its output, in which …
// stands for any text, or any lines. A status other than 0 must be shown by echo $?.
func (w *docWorld) console(t *testing.T, at, text string) {
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		command = cmp.Or(runAs[command], command)
		if skip, why := cannotRun(command); skip {
			t.Logf("%s: %s: not run: %s", at, command, why)
			continue
		}
		if w.status != 0 && command != "echo $?" {
			t.Errorf("%s: the command before %q ended with status %d: show it by echo $?", at, command, w.status)
		}
		got := w.run(t, command)
		if !matches(want, got) {
			t.Errorf("%s: $ %s\n%s\nthe document shows:\n%s", at, command, got, want)
		}
	}
	if w.status != 0 {
		t.Errorf("%s: the last command ended with status %d: show it by echo $?", at, w.status)
		w.status = 0
	}
}

func cannotRun(command string) (bool, string) {
	for prefix, why := range notRun {
		if strings.HasPrefix(command, prefix) {
			return true, why
		}
	}
	return false, ""
}

// logLine is what starhost logs; documents leave it out.
var logLine = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT\S+ [A-Z]{3} .*\n`)

func (w *docWorld) run(t *testing.T, command string) string {
	t.Helper()
	bin, err := filepath.Abs(root + "/testdata/docs/bin")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", "(exit "+strconv.Itoa(w.status)+"); "+w.here(command))
	c.WaitDelay = time.Second
	c.Dir = w.dir
	c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/lib/postgresql/15/bin", "REPOSITORY="+filepath.Dir(filepath.Dir(filepath.Dir(bin))), "MACHINE="+w.dir, "VOLUME="+w.volume, "STARHOST_CONFIG="+w.here("/etc/starhost/workload.conf"),
		"STARHOST_STATE_DIR="+w.here("/var/lib/starhost"), "STARHOST_RUNTIME_DIR="+w.here("/run/starhost"))
	out, err := c.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	w.status = c.ProcessState.ExitCode()
	return w.shown(logLine.ReplaceAllString(string(out), ""))
}

var (
	anyRun    = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`)
	anyNumber = regexp.MustCompile(`[0-9]+(\.[0-9]+)+|[0-9]{2,}`) // not an exit status
	blanks    = regexp.MustCompile(`[ \t]+`)
)

// matches compares output, but for measured numbers, identifiers of runs and blanks.
func matches(want, got string) bool {
	mask := func(text string) string {
		text = anyNumber.ReplaceAllString(anyRun.ReplaceAllString(strings.TrimSpace(text), "RUN"), "0")
		return blanks.ReplaceAllString(text, " ")
	}
	pattern := "\n" + regexp.QuoteMeta(mask(want))
	pattern = strings.ReplaceAll(pattern, "\n…", `(?:\n.*)*`)
	pattern = strings.ReplaceAll(pattern, "…", `.*`)
	return regexp.MustCompile(`^` + pattern + `$`).MatchString("\n" + mask(got))
}
