package lint

// Rule is one kind of mistake that is looked for. The code is stable: comments that ignore it, and
// programs that read the output, rely on it.
type Rule struct {
	Code string
	What string // what the check looks for
	Why  string // why it matters
	Fix  string // what to do
	// Bad has exactly this finding, Good has none. A header is left out: see Source.
	Bad, Good string
	// Tests is whether it applies to _test.star files, too.
	Tests bool
}

// Source returns an example as a whole script. Examples leave out the docstring and
// the API, unless those are what they are about.
func (c Rule) Source(example string) string {
	if c.Code == "missing-api" || c.Code == "no-docstring" {
		return example
	}
	return "\"\"\"An example.\"\"\"\n\nAPI = 1\n\n" + example
}

// Checks is the table of all checks, by code. It is data: nobody may write to it.
var Checks = append(append([]Rule{}, scriptChecks...), languageChecks...)

// lookup returns the rule of a code, or nil.
func lookup(code string) *Rule {
	for i := range Checks {
		if Checks[i].Code == code {
			return &Checks[i]
		}
	}
	return nil
}

// languageChecks are about Starlark, and about this linter.
var languageChecks = []Rule{
	{
		Code: "dialect", Tests: true,
		What: "something that Starlark or the dialect of scripts refuses",
		Why:  "The script does not load, so no run of it begins.",
		Fix:  "Put if and for into a function; use each name for one thing at the top level.",
		Bad: `for n in (1, 2):
    print(n)
`,
		Good: `def prescript(_ctx):
    for n in (1, 2):
        print(n)
`,
	},
	{
		Code: "ignore-unknown", Tests: true,
		What: "a comment that ignores a check that does not exist",
		Why:  "It silences nothing, while its reader believes that somebody has looked.",
		Fix:  "Write # lint: ignore CODE reason, with a code of the reference.",
		Bad: `# lint: ignore sql-injection the name comes from us
LIMIT = 3
`,
		Good: `LIMIT = 3
`,
	},
	{
		Code: "ignore-unused", Tests: true,
		What: "a comment that ignores something that is not there",
		Why:  "What it excused is gone, and it would hide the next mistake on its line.",
		Fix:  "Remove the comment.",
		Bad: `LIMIT = 3  # lint: ignore shell it needs a pipe
`,
		Good: `LIMIT = 3
`,
	},
	{
		Code: "ignore-without-reason", Tests: true,
		What: "a comment that ignores a check and does not say why",
		Why:  "Whoever reads the script after an accident has to find out whether it was right.",
		Fix:  "Write the reason behind the code.",
		Bad: `LIMIT = 3  # lint: ignore shell
`,
		Good: `def prescript(_ctx):
    # lint: ignore shell the vendor ships a shell script without a first line
    exec_as("iris", ["/bin/sh", "/opt/iris/pause"], undo = None)
`,
	},
	{
		Code: "missing-return", Tests: true,
		What: "a function that returns a value on some paths and nothing on others",
		Why:  "The caller gets None on the path that nobody tried, and fails there.",
		Fix:  "Return a value on every path, or fail(…).",
		Bad: `def role(replica):
    if replica:
        return "replica"
`,
		Good: `def role(replica):
    if replica:
        return "replica"
    return "primary"
`,
	},
	{
		Code: "no-docstring",
		What: "a script without a docstring",
		Why:  "Its first line is how starhost check and reports say what the script does.",
		Fix:  "Begin the file with a line in three double quotes.",
		Bad: `API = 1

def prescript(_ctx):
    freeze("/srv/data")
`,
		Good: `"""Freezes the data of the archive."""

API = 1

def prescript(_ctx):
    freeze("/srv/data")
`,
	},
	{
		Code: "no-effect", Tests: true,
		What: "a statement whose result nobody uses",
		Why:  "A check that was meant to stop the run does nothing.",
		Fix:  "Use the result, or remove the statement.",
		Bad: `def prescript(ctx):
    ctx.local == True
`,
		Good: `def prescript(ctx):
    if not ctx.local:
        fail("the server is on another machine")
`,
	},
	{
		Code: "string-iteration", Tests: true,
		What: "a loop over a string",
		Why:  "Strings cannot be iterated: the script fails there.",
		Fix:  "Write text.elems() for characters, or make a list of it.",
		Bad: `def prescript(_ctx):
    for path in "/srv/data":
        print(path)
`,
		Good: `def prescript(_ctx):
    for path in ["/srv/data"]:
        print(path)
`,
	},
	{
		Code: "undefined-name", Tests: true,
		What: "a name that is defined nowhere",
		Why:  "The script does not load, so no run of it begins.",
		Fix:  "Correct the name, or define or load it.",
		Bad: `def prescript(_ctx):
    freze("/srv/data")
`,
		Good: `def prescript(_ctx):
    freeze("/srv/data")
`,
	},
	{
		Code: "uninitialized", Tests: true,
		What: "a variable that may have no value yet",
		Why:  "The path that did not give it one fails, and it is the one that is rarely taken.",
		Fix:  "Give the variable a value before the branch or the loop.",
		Bad: `def prescript(ctx):
    if ctx.local:
        path = "/srv/data"
    freeze(path)
`,
		Good: `def prescript(ctx):
    path = "/srv/data"
    if not ctx.local:
        fail("the server is on another machine")
    freeze(path)
`,
	},
	{
		Code: "unreachable", Tests: true,
		What: "a statement that is never reached",
		Why:  "Something that looks as if it were done is not.",
		Fix:  "Remove it, or move it before what returns or fails.",
		Bad: `def postscript(_ctx):
    return {"thawed": True}
    thaw()
`,
		Good: `def postscript(_ctx):
    thaw()
    return {"thawed": True}
`,
	},
	{
		Code: "unused-load", Tests: true,
		What: "a name that is loaded and never used",
		Why:  "The script depends on a file that it does not need, and fails without it.",
		Fix:  "Remove the name from load(…).",
		Bad: `load("common.star", "paths")
`,
		Good: `load("common.star", "paths")

def prescript(_ctx):
    freeze(*paths())
`,
	},
	{
		Code: "unused-variable", Tests: true,
		What: "a variable, parameter or private function that is never used",
		Why:  "Often it is the answer that somebody forgot to look at.",
		Fix:  "Use it or remove it; a parameter that must be there begins with _.",
		Bad: `def prescript(_ctx):
    got = try_sql("SELECT 1")
`,
		Good: `def prescript(_ctx):
    got = try_sql("SELECT 1")
    if not got.ok:
        fail("the server does not answer: " + got.message)
`,
	},
}
