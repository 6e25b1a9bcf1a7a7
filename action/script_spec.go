package action

// Field is one field of a struct that a script gets.
type Field struct {
	Name string
	Type Type
	Doc  string
}

// Record is a struct that a word returns: its fields, in order.
type Record struct {
	// Name is the type as an editor's stub file says it. A script cannot say it.
	Name   string
	Doc    string
	Fields []Field
}

// The types of fields that no parameter has.
var (
	typeBool     = Type{"bool", "bool"}
	typeInt      = Type{"int", "int"}
	typeDict     = Type{"dict", "dict[str, Any]"}
	typeRows     = Type{"list of dicts, one a row", "list[dict[str, Any]]"}
	typeCode     = Type{"int, string or None", "int | str | None"}
	typeMessage  = Type{"string or None", "str | None"}
	typeAny      = Type{"what prescript returned, or None", "Any"}
	typeVerified = Type{"what verify returned, or None", "dict[str, Any] | None"}
	typeStatus   = Type{`"unknown" or "taken"`, `Literal["unknown", "taken"]`}
)

// Records is the table of the structs that words return. It is data: nobody may
// write to it.
var Records = []Record{
	{Name: "Answer", Doc: "What a server answered to try_sql.", Fields: []Field{
		{Name: "ok", Type: typeBool, Doc: "The statement was made."},
		{Name: "rows", Type: typeRows, Doc: "What it returned; empty after an error."},
		{Name: "code", Type: typeCode, Doc: "The server's own code of the error: a number, or an SQLSTATE string for PostgreSQL; None without an error."},
		{Name: "message", Type: typeMessage, Doc: "What the server says of the error; None without one."},
	}},
	{Name: "Output", Doc: "How a program of exec_as or try_exec_as ended.", Fields: []Field{
		{Name: "code", Type: typeInt, Doc: "The exit code."},
		{Name: "stdout", Type: TypeString, Doc: "What it wrote to standard output."},
		{Name: "stderr", Type: TypeString, Doc: "What it wrote to standard error."},
		{Name: "truncated", Type: typeBool, Doc: "It wrote more than was kept."},
	}},
}

// ContextFields is the table of what ctx has, in every phase. It is data: nobody may
// write to it.
var ContextFields = []Field{
	{Name: "run", Type: TypeString, Doc: "The identifier of the run."},
	{Name: "workload", Type: TypeString, Doc: "The name of the workload."},
	{Name: "timeout", Type: typeInt, Doc: "Seconds that anything may be held, the undo included."},
	{Name: "params", Type: typeDict, Doc: "What the caller gave to the run; empty if nothing."},
	{Name: "settings", Type: typeDict, Doc: "SETTINGS of the script, with what the config changes."},
	{Name: "recovery_point", Type: typeAny, Doc: "That of this run; None in prescript itself, which returns it."},
	{Name: "snapshot", Type: typeStatus, Doc: `"taken" in postscript: there is a snapshot.`},
	{Name: "verified", Type: typeVerified, Doc: "The dict that verify returned; None if it returned none, and before postscript."},
	{Name: "local", Type: typeBool, Doc: "The server is on this machine; true without a connection."},
	{Name: "linux_user", Type: TypeString, Doc: "linux_user of the config, or an empty string."},
	{Name: "command_path", Type: TypeString, Doc: "command_path of the config, or an empty string."},
	{Name: "ipc_folder", Type: TypeString, Doc: "ipc_folder of the config, or an empty string."},
}

// PhaseSpec declares one function of a script that a run calls with ctx.
type PhaseSpec struct {
	Name string
	Doc  string
	// May says what it is for, and what it may do.
	May string
	// Returns says what becomes of what it returns.
	Returns  string
	Required bool
}

// PhaseSpecs is the table of the phases, in the order of a run. It is data: nobody
// may write to it.
var PhaseSpecs = []PhaseSpec{
	{
		Name: "prescript", Required: true, Doc: "Quiesces. After it the host writes the recovery point, freezes the filesystems, takes the snapshot and thaws them.",
		May: "name filesystems, open sessions, take holds", Returns: "the recovery point: None, bools, numbers, strings, lists, dicts with string keys",
	},
	{
		Name: "verify", Doc: "Fails unless the quiesce lasted. It is called after the snapshot, while everything but the filesystems is still held.",
		May: "read, and try what must be refused, with undo = None; it holds nothing", Returns: "None or True; or a dict without which the copy is worth nothing: it is on the disk, as a part of the recovery point, before the verdict; anything else is a failure",
	},
	{
		Name: "postscript", Doc: "Gives back. After it the host undoes what is left.",
		May: "give back, read, take note", Returns: "what is to be recorded with the recovery point, or None; a dict of other keys if verify returned one",
	},
}
