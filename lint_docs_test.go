package starhost_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/starhost/starhost/lint"
)

func TestLintReferenceIsCurrent(t *testing.T) {
	want := lintReference()
	if *update {
		if err := os.WriteFile("docs/linting.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "docs/linting.md"); got != want {
		t.Error("docs/linting.md is not what lint.Checks says: go test . -run LintReference -update")
	}
}

// lintReference is docs/linting.md.
func lintReference() string {
	var b strings.Builder
	b.WriteString(lintIntroduction)
	for _, r := range lint.Checks {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", "`"+r.Code+"`", r.Code, r.What)
	}
	for _, r := range lint.Checks {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n%s\n\n```starlark\n%s```\n\n%s\n\n```starlark\n%s```\n", r.Code, capital(r.What), r.Why, r.Bad, r.Fix, r.Good)
	}
	return b.String()
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

const lintIntroduction = `# Format and lint scripts

<!-- Made from lint.Checks by: go test . -run LintReference -update -->

Two verbs look at scripts without running them. They need no configuration and no
database.

## Format

` + "`starhost fmt`" + ` rewrites scripts in the one style of Starlark (that of buildifier),
` + "`starhost fmt --check`" + ` names the files that it would change and ends with status 1.
Blanks, line breaks and quotes change, nothing else. A script with a literal of bytes,
` + "`b\"…\"`" + `, runs, but cannot be formatted.

## Lint

` + "`starhost lint`" + ` finds what would go wrong when a run reaches it, which may be when a
server is locked:

` + "```python" + `
# /etc/starhost/hasty.star
"""Locks, and waits for as long as it takes."""

API = 1

def prescript(_ctx):
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")
` + "```" + `

` + "```console" + `
$ starhost lint /etc/starhost/hasty.star
/etc/starhost/hasty.star:7:5: unbounded-wait: sql may wait for ever: FLUSH TABLES
    A lock that waits behind one long query makes all others wait behind itself, until the phase times out.
    Give the action timeout =, or set lock_wait_timeout (lock_timeout) on the session before it. Let loops end sooner.
$ echo $?
1
` + "```" + `

Arguments are files, directories, or a directory and ` + "`/...`" + ` for all below it, hidden
ones and ` + "`testdata`" + ` left out. ` + "`--json`" + ` is for programs. Status 1 means that there is
something to do, 2 that a file cannot be read or is no Starlark.

A statement counts as a change if it changes every kind of server; with
` + "`--database mysql`" + `, ` + "`oracle`" + `, ` + "`postgres`" + ` or ` + "`sqlite`" + ` it is judged for that one. Each file is
looked at by itself: what it loads counts as right. In tests of scripts, ` + "`*_test.star`" + `,
only what is wrong in any Starlark is looked for.

A check that is not sure says nothing. What it finds and you know better is silenced by
a comment with the reason, on the line or alone on the line before:

` + "```starlark" + `
# lint: ignore shell the vendor ships a shell script without a first line
exec_as("iris", ["/bin/sh", "/opt/iris/pause"], undo = None)
` + "```" + `

## What is looked for

| code | finds |
|---|---|
`
