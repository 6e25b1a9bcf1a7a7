package lint

// scriptChecks are about what a script does to a server and to its machine.
var scriptChecks = []Rule{
	{
		Code: "action-at-top-level", Tests: true,
		What: "a word that touches the world, called while the file loads",
		Why:  "Loading happens outside of any run, where nothing could be undone: the word is refused, and the script does not load.",
		Fix:  "Move the call into prescript, verify or postscript.",
		Bad: `VERSION = sql_one("SELECT VERSION() AS version")["version"]
`,
		Good: `def prescript(_ctx):
    return {"version": sql_one("SELECT VERSION() AS version")["version"]}
`,
	},
	{
		Code: "changing-without-undo",
		What: "an action that changes something and does not say how it is undone",
		Why:  "It is refused in the middle of the night; if it were not, a run that fails would leave it behind.",
		Fix:  "Add undo =, or undo = None if nothing is left behind. In a read, use sql instead of sql_one.",
		Bad: `def prescript(_ctx):
    sql("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS")
`,
		Good: `def prescript(_ctx):
    sql("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", undo = None)
`,
	},
	{
		Code: "closure-as-undo",
		What: "an undo that is code, or that runs when it is written",
		Why:  "Code does not outlive the process of the script. An undo is data on the disk, so that a dead run can be undone too.",
		Fix:  "Write the statement as a string, or undo.sql(…), undo.exec_as(…), undo.any(…).",
		Bad: `def prescript(_ctx):
    sql("SET GLOBAL read_only = 1", hold = "fence", undo = lambda: sql("SET GLOBAL read_only = 0", undo = None))
`,
		Good: `def prescript(_ctx):
    sql("SET GLOBAL read_only = 1", hold = "fence", undo = "SET GLOBAL read_only = 0")
`,
	},
	{
		Code: "discarded-try",
		What: "a try_ word that takes something, and whose answer nobody looks at",
		Why:  "If the server refuses, nothing is held, and the script goes on as if it were: the snapshot is not what it claims to be.",
		Fix:  "Look at ok and code of the answer, or use the word without try_.",
		Bad: `def prescript(_ctx):
    try_sql("SET GLOBAL read_only = 1", hold = "fence", undo = "SET GLOBAL read_only = 0")
`,
		Good: `def prescript(_ctx):
    got = try_sql("SET GLOBAL read_only = 1", hold = "fence", undo = "SET GLOBAL read_only = 0")
    if not got.ok:
        fail("the server could not be fenced: " + got.message)
`,
	},
	{
		Code: "freeze-after-hold",
		What: "a filesystem that is named when something is held already, or in postscript",
		Why:  "It is refused: naming a filesystem syncs it, which can take minutes while everybody waits for the lock.",
		Fix:  "Call freeze(…) before the first action that holds.",
		Bad: `def prescript(_ctx):
    sql("SET GLOBAL read_only = 1", hold = "fence", undo = "SET GLOBAL read_only = 0")
    freeze("/srv/data")
`,
		Good: `def prescript(_ctx):
    freeze("/srv/data")
    sql("SET GLOBAL read_only = 1", hold = "fence", undo = "SET GLOBAL read_only = 0")
`,
	},
	{
		Code: "hold-without-undo",
		What: "hold = without undo =",
		Why:  "It is refused: nobody would know how to give back what is held.",
		Fix:  "Say by undo = how it is given back, or leave hold = out.",
		Bad: `def prescript(_ctx):
    sql("BACKUP STAGE START", hold = "stage", undo = None, timeout = 5)
`,
		Good: `def prescript(_ctx):
    sql("BACKUP STAGE START", hold = "stage", undo = "BACKUP STAGE END", timeout = 5)
`,
	},
	{
		Code: "missing-api",
		What: "a script that does not say for which version of the words it was written",
		Why:  "It is refused before anything is done.",
		Fix:  "Write API = 1 below the docstring.",
		Bad: `"""Freezes the data of the archive."""

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
		Code: "shell",
		What: "a shell as the program of exec_as",
		Why:  "A shell reads its arguments anew, so that a blank in a name is another command, and its exit status is that of the last one alone.",
		Fix:  "Run the program itself, with its arguments as a list.",
		Bad: `def prescript(ctx):
    exec_as(ctx.linux_user, ["/bin/sh", "-c", "iris freeze"], undo = undo.exec_as(ctx.linux_user, ["/usr/bin/iris", "thaw"]))
`,
		Good: `def prescript(ctx):
    exec_as(ctx.linux_user, ["/usr/bin/iris", "freeze"], undo = undo.exec_as(ctx.linux_user, ["/usr/bin/iris", "thaw"]))
`,
	},
	{
		Code: "sql-from-text",
		What: "a statement that is put together with something unknown",
		Why:  "A quote in a name makes another statement of it, and it runs with the rights of the backup user.",
		Fix:  "Use placeholders for values and quote_name(…) for names; int(…) and %d are fine.",
		Bad: `def prescript(ctx):
    return {"orders": sql("SELECT count(*) AS n FROM orders WHERE state = '%s'" % ctx.params["state"])}
`,
		Good: `def prescript(ctx):
    return {"orders": sql("SELECT count(*) AS n FROM orders WHERE state = ?", ctx.params["state"])}
`,
	},
	{
		Code: "unbounded-wait",
		What: "an action that can wait for ever, or a loop that sleeps for longer than any run may take",
		Why:  "A lock that waits behind one long query makes all others wait behind itself, until the phase times out.",
		Fix:  "Give the action timeout =, or set lock_wait_timeout (lock_timeout) on the session before it. Let loops end sooner.",
		Bad: `def prescript(_ctx):
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")
`,
		Good: `def prescript(_ctx):
    sql("SET SESSION lock_wait_timeout = 10")
    sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES", timeout = 11)
`,
	},
	{
		Code: "undeclared-setting",
		What: "a setting that is read, but is not in SETTINGS",
		Why:  "The configuration can only set what is declared, so that the script fails when it reads it.",
		Fix:  "Declare it in SETTINGS with its default.",
		Bad: `SETTINGS = {"wait": 10}

def prescript(ctx):
    print(ctx.settings["wait"], ctx.settings["retries"])
`,
		Good: `SETTINGS = {"wait": 10, "retries": 3}

def prescript(ctx):
    print(ctx.settings["wait"], ctx.settings["retries"])
`,
	},
	{
		Code: "unknown-ctx-field",
		What: "a field that ctx does not have",
		Why:  "The phase fails there; in a postscript that is after the snapshot.",
		Fix:  "Use one of the fields; what the configuration sets is in ctx.settings.",
		Bad: `def prescript(ctx):
    print(ctx.hostname)
`,
		Good: `def prescript(ctx):
    print(ctx.workload)
`,
	},
	{
		Code: "unread-setting",
		What: "a setting that is declared and never read",
		Why:  "Somebody sets it in the configuration, and it does nothing.",
		Fix:  "Read it from ctx.settings, or remove it from SETTINGS.",
		Bad: `SETTINGS = {"wait": 10}

def prescript(_ctx):
    sleep(10)
`,
		Good: `SETTINGS = {"wait": 10}

def prescript(ctx):
    sleep(ctx.settings["wait"])
`,
	},
	{
		Code: "verify-holds",
		What: "a verify that takes something",
		Why:  "It is refused: verify proves that what prescript took has lasted, and what it took itself would prove nothing.",
		Fix:  "Read, or try what must be refused, with undo = None.",
		Bad: `def verify(_ctx):
    sql("SET GLOBAL read_only = 1", undo = "SET GLOBAL read_only = 0")
`,
		Good: `def verify(_ctx):
    if sql_one("SELECT @@global.read_only AS yes")["yes"] != 1:
        fail("the server is not fenced any more")
`,
	},
	{
		Code: "wrong-arguments",
		What: "arguments that a word does not take",
		Why:  "The call is refused when it is reached, which may be when other things are held.",
		Fix:  "See the parameters in the reference of the words.",
		Bad: `def prescript(_ctx):
    sql("SELECT 1", undos = None)
`,
		Good: `def prescript(_ctx):
    sql("SELECT 1", undo = None)
`,
	},
}
