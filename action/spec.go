package action

import "slices"

// Effect is what a word may do to the world.
type Effect string

// The effects.
const (
	// Pure words answer from their arguments alone.
	Pure Effect = "pure"
	// Reads words look at the world.
	Reads Effect = "reads"
	// Changes words touch the world; what they change is undone by undo=.
	Changes Effect = "changes"
	// Holds words take something that the host gives back by itself.
	Holds Effect = "holds"
)

// Type is what a parameter accepts.
type Type struct {
	// Name is the type as an error message and the reference say it.
	Name string
	// Stub is the type as an editor's stub file says it.
	Stub string
}

// The types of parameters.
var (
	TypeString   = Type{"string", "str"}
	TypeName     = Type{"a name of 1 to 64 letters, digits, - or _", "str"}
	TypeSQL      = Type{"string with one SQL statement", "str"}
	TypeValue    = Type{"None, bool, int, float, string, bytes or secret", "object"}
	TypeData     = Type{"None, bool, int, float, string, bytes, list or dict", "object"}
	TypeArgv     = Type{"list of strings, the first the absolute path of a program", "list[str]"}
	TypePath     = Type{"absolute path", "str"}
	TypeStdin    = Type{"string, bytes, secret, list of those or None", "str | bytes | Secret | list[str | bytes | Secret]"}
	TypeEnv      = Type{"dict of strings to strings or secrets", "Mapping[str, str | Secret]"}
	TypeCodes    = Type{"list of exit codes from 0 to 255", "list[int]"}
	TypeLeave    = Type{"True or False", "bool"}
	TypeSeconds  = Type{"positive number of seconds", "float"}
	TypeScope    = Type{`"session", "server", "boot" or "durable"`, `Literal["session", "server", "boot", "durable"]`}
	TypeSQLUndo  = Type{"string, undo action, list of those or None", "str | UndoAction | list[str | UndoAction] | None"}
	TypeExecUndo = Type{"undo action, list of those or None", "UndoAction | list[UndoAction] | None"}
	TypeStep     = Type{"string or undo action", "str | UndoAction"}
)

// Param is one parameter of a word.
type Param struct {
	Name     string
	Type     Type
	Doc      string
	Required bool
	// Rest takes all further positional arguments, AnyName all keyword arguments
	// of names that are not declared, KeywordOnly no positional one.
	Rest, AnyName, KeywordOnly bool
	// Default is the default as the reference shows it, in the script's syntax.
	Default string
}

// Spec declares one word that a script can say.
type Spec struct {
	// Name is the word; "undo.sql" is the word sql of the module undo.
	Name    string
	Effect  Effect
	Doc     string
	Params  []Param
	Returns string
	// Stub is what it returns, as an editor's stub file says it; the name of one of
	// [Records] if that is a struct.
	Stub    string
	Example string
}

// Specs is the one table of all words. The binding of a word, its page of the
// reference, editor stubs, and its mock are made from it; a word that is not here
// does not exist. It is data: nobody may write to it.
var Specs = []Spec{
	{
		Name:   "sql",
		Effect: Changes,
		Doc: "Runs one statement on a pinned session of the workload's server. A statement that changes the server needs undo=, or an explicit undo = None. " +
			"What counts as a read is a list per database: a function that is not on it is a change.",
		Params: slices.Concat([]Param{
			{Name: "query", Type: TypeSQL, Required: true, Doc: "The statement. Placeholders are ? (MySQL, SQLite), $1 (PostgreSQL) or :1 (Oracle)."},
			{Name: "params", Type: TypeValue, Rest: true, Doc: "Values for the placeholders."},
			{Name: "session", Type: TypeName, KeywordOnly: true, Default: `"main"`, Doc: "Which session. Each name is one connection, opened before the first hold and never reopened."},
			{Name: "undo", Type: TypeSQLUndo, KeywordOnly: true, Doc: "What compensates the statement: a statement for the same session, undo.sql(…), undo.exec_as(…), a list (all, in order), undo.any(…), or None for nothing."},
		}, holding),
		Returns: "list of dicts, one a row; DECIMAL and dates are strings",
		Stub:    "list[dict[str, Any]]",
		Example: `sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")`,
	},
	{
		Name:    "sql_one",
		Effect:  Reads,
		Doc:     "Runs one statement that reads, and returns its only row. No row, or more than one, is an error.",
		Params:  reading,
		Returns: "dict",
		Stub:    "dict[str, Any]",
		Example: `version = sql_one("SELECT VERSION() AS version")["version"]`,
	},
	{
		Name:   "try_sql",
		Effect: Changes,
		Doc: "Runs one statement and returns what the server answered, an error too. A lost session, a statement that policy refuses and the end of the phase are " +
			"still errors: they are no answers of the server.",
		Params: slices.Concat([]Param{
			{Name: "query", Type: TypeSQL, Required: true, Doc: "The statement."},
			{Name: "params", Type: TypeValue, Rest: true, Doc: "Values for the placeholders."},
			{Name: "session", Type: TypeName, KeywordOnly: true, Default: `"main"`, Doc: "Which session."},
			{Name: "undo", Type: TypeSQLUndo, KeywordOnly: true, Doc: "As for sql."},
		}, holding),
		Returns: "struct(ok, rows, code, message); code is the server's own: a number, or an SQLSTATE string for PostgreSQL",
		Stub:    "Answer",
		Example: `if try_sql("BACKUP STAGE START", hold = "stage", undo = "BACKUP STAGE END").code == 1064: …`,
	},
	{
		Name:   "exec_as",
		Effect: Changes,
		Doc: "Runs a program as a user of this machine, without a shell. Its environment is empty but for PATH, HOME, USER, LANG; on its standard input is nothing. " +
			"When it ends, or runs out of time, everything that it started is killed; leave = True leaves that running after a success. An exit code that is not in ok is an error.",
		Params: slices.Concat(running, []Param{
			success,
			{Name: "undo", Type: TypeExecUndo, KeywordOnly: true, Required: true, Doc: "What compensates it: undo.exec_as(…), undo.sql(…), a list, undo.any(…), or None."},
		}, holding),
		Returns: "struct(code, stdout, stderr, truncated); at most 256 KiB of each output are kept",
		Stub:    "Output",
		Example: `exec_as("oracle", ["/usr/bin/sqlplus", "-S", "-L", "/nolog"], stdin = text, undo = None)`,
	},
	{
		Name:   "try_exec_as",
		Effect: Changes,
		Doc:    "Runs a program as exec_as does; any exit code is an answer. Only 0 gives back what releases names. A program that cannot be started is still an error.",
		Params: slices.Concat(running, []Param{
			{Name: "undo", Type: TypeExecUndo, KeywordOnly: true, Required: true, Doc: "As for exec_as."},
		}, holding),
		Returns: "struct(code, stdout, stderr, truncated)",
		Stub:    "Output",
		Example: `status = try_exec_as("iris", ["/usr/bin/iris", "qlist"], undo = None).code`,
	},
	{
		Name:   "freeze",
		Effect: Holds,
		Doc: "Names paths whose filesystems are to be frozen for the snapshot. They are synced now, and frozen last: after prescript has returned and the recovery " +
			"point is on disk. It is an error once anything is held, so that no action can hang on a frozen filesystem. freeze() without a path states that the data needs no filesystem freeze.",
		Params: []Param{
			{Name: "paths", Type: TypePath, Rest: true, Doc: "Files or directories of the database."},
		},
		Returns: "list of the mount points",
		Stub:    "list[str]",
		Example: `freeze("/var/lib/mysql", "/srv/binlog")`,
	},
	{
		Name:   "thaw",
		Effect: Changes,
		Doc:    "Gives holds back, newest first: the named ones, or everything that this script holds. What a script forgets the host gives back.",
		Params: []Param{
			{Name: "holds", Type: TypeName, Rest: true, Doc: "Names given as hold=."},
		},
		Returns: "list of the names that were given back",
		Stub:    "list[str]",
		Example: `thaw("lock")`,
	},
	{
		Name:   "emit",
		Effect: Changes,
		Doc:    "Sends an event to the messaging channel. It never waits.",
		Params: []Param{
			{Name: "event", Type: TypeName, Required: true, Doc: "What happened."},
			{Name: "data", Type: TypeData, AnyName: true, Doc: "More about it, as keyword arguments of any name."},
		},
		Returns: "None",
		Stub:    "None",
		Example: `emit("refused", reason = "long queries", count = 3)`,
	},
	{
		Name:    "sleep",
		Effect:  Reads,
		Doc:     "Waits. It ends at once when the phase does.",
		Params:  []Param{{Name: "seconds", Type: TypeSeconds, Required: true, Doc: "How long, at most 60."}},
		Returns: "None",
		Stub:    "None",
		Example: `sleep(0.5)`,
	},
	{
		Name:   "secret",
		Effect: Pure,
		Doc: "A secret of the config (secret.NAME = FILE). The script never sees its text: it can be a parameter of sql, the stdin or an environment variable of exec_as, " +
			"and is recorded as its name.",
		Params:  []Param{{Name: "name", Type: TypeName, Required: true, Doc: "NAME of secret.NAME."}},
		Returns: "secret",
		Stub:    "Secret",
		Example: `exec_as("iris", argv, stdin = secret("iris"), undo = None)`,
	},
	{
		Name:    "quote_name",
		Effect:  Pure,
		Doc:     "Quotes a name in the way of the workload's database. For use in a statement, where a placeholder cannot stand.",
		Params:  []Param{{Name: "name", Type: TypeString, Required: true, Doc: "Name of a database, table, user …"}},
		Returns: "string",
		Stub:    "str",
		Example: `sql("ALTER DATABASE " + quote_name(db) + " …", undo = …)`,
	},
	{
		Name:   "undo.sql",
		Effect: Pure,
		Doc:    "A statement as an undo.",
		Params: []Param{
			{Name: "query", Type: TypeSQL, Required: true, Doc: "The statement."},
			{Name: "params", Type: TypeValue, Rest: true, Doc: "Values for the placeholders."},
			{Name: "session", Type: TypeName, KeywordOnly: true, Doc: "Which session; that of the action if not given."},
			{Name: "when", Type: TypeSQL, KeywordOnly: true, Doc: "A read whose first value must be true for the undo to be made. It leaves alone what somebody else has changed meanwhile."},
		},
		Returns: "undo action",
		Stub:    "UndoAction",
		Example: `undo.sql("SET GLOBAL x = ?", old, when = "SELECT @@global.x = 1")`,
	},
	{
		Name:   "undo.exec_as",
		Effect: Pure,
		Doc:    "A program as an undo.",
		Params: slices.Concat(running, []Param{
			success,
			{Name: "timeout", Type: TypeSeconds, KeywordOnly: true, Doc: "How long each attempt may take; without one 3 seconds, from the second attempt on 10."},
		}),
		Returns: "undo action",
		Stub:    "UndoAction",
		Example: `undo.exec_as("iris", ["/usr/bin/iris", "thaw", "IRIS"])`,
	},
	{
		Name:    "undo.any",
		Effect:  Pure,
		Doc:     "A ladder: the steps are tried in order until one works.",
		Params:  []Param{{Name: "steps", Type: TypeStep, Rest: true, Doc: "Statements, or undo actions."}},
		Returns: "undo action",
		Stub:    "UndoAction",
		Example: `undo.any(undo.exec_as("iris", thaw), undo.exec_as("iris", resume))`,
	},
}

// reading are the parameters of a word that runs a statement which reads.
var reading = []Param{
	{Name: "query", Type: TypeSQL, Required: true, Doc: "The statement."},
	{Name: "params", Type: TypeValue, Rest: true, Doc: "Values for the placeholders."},
	{Name: "session", Type: TypeName, KeywordOnly: true, Default: `"main"`, Doc: "Which session."},
	{Name: "timeout", Type: TypeSeconds, KeywordOnly: true, Doc: "How long the statement may take."},
}

// running are the parameters of a word that runs a program, or notes one as an undo.
var running = []Param{
	{Name: "user", Type: TypeString, Required: true, Doc: "Login name. The program gets the user's uid, gid and supplementary groups."},
	{Name: "argv", Type: TypeArgv, Required: true, Doc: "The program and its arguments."},
	{Name: "stdin", Type: TypeStdin, KeywordOnly: true, Doc: "What it reads on standard input; the parts of a list one after the other, with nothing between them."},
	{Name: "env", Type: TypeEnv, KeywordOnly: true, Doc: "More environment variables."},
	{Name: "leave", Type: TypeLeave, KeywordOnly: true, Default: "False", Doc: "Leaves running what the program started, when it ends by itself with a code of ok (of try_exec_as: 0). " +
		"What they write from then on is thrown away. On any other end everything is killed. On Linux only; elsewhere it must not write to the output of the program."},
}

// success is the parameter of a word for which not every exit code is an answer.
var success = Param{Name: "ok", Type: TypeCodes, KeywordOnly: true, Default: "[0]", Doc: "Exit codes that are a success."}

// holding are the parameters of a word that can take something.
var holding = []Param{
	{Name: "hold", Type: TypeName, KeywordOnly: true, Doc: "Name of what it takes, for thaw() and the report."},
	{Name: "releases", Type: TypeName, KeywordOnly: true, Doc: "Name of the hold that this very action gives back."},
	{Name: "scope", Type: TypeScope, KeywordOnly: true, Doc: "How long the effect lasts if nobody undoes it; can be made longer than the host's own view, not shorter."},
	{Name: "timeout", Type: TypeSeconds, KeywordOnly: true, Doc: "How long it may take."},
}

// LookupSpec returns the declaration of a word, or nil.
func LookupSpec(name string) *Spec {
	for i := range Specs {
		if Specs[i].Name == name {
			return &Specs[i]
		}
	}
	return nil
}

// Module returns the module a word belongs to and its name there: "undo", "sql".
func (s *Spec) Module() (module, name string) {
	for i := range len(s.Name) {
		if s.Name[i] == '.' {
			return s.Name[:i], s.Name[i+1:]
		}
	}
	return "", s.Name
}

// Param returns the declaration of a parameter, or nil.
func (s *Spec) Param(name string) *Param {
	for i := range s.Params {
		if s.Params[i].Name == name {
			return &s.Params[i]
		}
	}
	return nil
}
