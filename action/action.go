// Package action is the waist of starhost: everything a script can ask of the
// world, as data.
//
// A builtin turns a call into an [Action]; an [Executor] makes it happen (for
// real, as a plan, as a mock, or over a pipe) and answers with a [Result]. The
// other way round a run knows a script only as a [Script]. Whatever stands
// between the two (policy, journal, faults, recording) is an Executor that
// wraps an Executor.
//
// The package imports nothing of the project and holds no state. All its types
// are plain values: they may be copied, and shared between goroutines as long as
// nobody writes to them.
package action

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// An Executor makes actions happen.
//
// Do MUST return soon after ctx ends (an executor that talks to a server ends
// the statement at the server first), MUST NOT keep a after it returned, and
// MUST report what became of the action in Result.State even if it failed:
// the undo of an action is decided by that state.
//
// The error is for a broken waist alone (journal not writable, pipe gone, script
// no longer entitled to act) and is always fatal to the run; whatever the world
// answered, an error of the server included, is Result.Err.
//
// Do is called from one goroutine at a time for one member of a run.
type Executor interface {
	Do(ctx context.Context, a Action) (Result, error)
}

// ExecutorFunc makes a function an Executor.
type ExecutorFunc func(ctx context.Context, a Action) (Result, error)

// Do calls f.
func (f ExecutorFunc) Do(ctx context.Context, a Action) (Result, error) { return f(ctx, a) }

// A Script is one loaded script, ready to be called.
//
// Call runs the function that is named as the phase ("prescript", "verify",
// "postscript") with in as its ctx, sends every action to ex, and returns what
// the function returned. It MUST return soon after ctx ends. A script that does
// not define the phase answers with None; [Script.Call] of prescript is an error
// then. Calls are made from one goroutine at a time.
type Script interface {
	Call(ctx context.Context, phase string, in Value, ex Executor) (Value, error)
	Close() error
}

// Op is one operation: exactly one field is set. It is a closed sum: readers
// switch over the fields, there is no registry.
type Op struct {
	SQL    *SQL    `json:"sql,omitempty"`
	Exec   *Exec   `json:"exec,omitempty"`
	Freeze *Freeze `json:"freeze,omitempty"`
	Thaw   *Thaw   `json:"thaw,omitempty"`
	Emit   *Emit   `json:"emit,omitempty"`
	Sleep  *Sleep  `json:"sleep,omitempty"`

	// FS and End are of host origin: a script cannot say them and they are
	// refused from a worker.
	FS  *FS  `json:"fs,omitempty"`
	End *End `json:"end,omitempty"`

	// AnyOf is legal in an undo only: the steps are tried in order until one works.
	AnyOf []Op `json:"any_of,omitempty"`
}

// SQL is one statement on one pinned session of the workload's server.
type SQL struct {
	Session string  `json:"session"`
	Query   string  `json:"query"`
	Params  []Value `json:"params,omitempty"`
	// When guards an undo: a query on the same session whose first column of
	// its first row must be true (1, true, "1", "on") for Query to be made.
	// It is how an undo leaves alone what somebody else has changed meanwhile.
	When string `json:"when,omitempty"`
}

// Exec is one program run as a user of the machine, never through a shell.
type Exec struct {
	User  string   `json:"user"`
	Argv  []string `json:"argv"`
	Stdin Value    `json:"stdin"`        // none, string, bytes, secret or a list of those
	Env   Value    `json:"env"`          // none, or a dict of strings and secrets
	OK    []int    `json:"ok,omitempty"` // exit codes that are a success
	// Leave leaves alone what the program has left running when it ended by itself
	// with a code of OK, or 0 without OK. Otherwise it is killed.
	Leave bool `json:"leave,omitempty"`
	// Timeout is how long each attempt may take, of a program that is an undo; 0 is
	// what every undo gets. Another program has the timeout of its action.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Freeze names paths whose filesystems are to be frozen after the prescript.
// No path at all states that the data needs no filesystem freeze.
type Freeze struct {
	Paths []string `json:"paths"`
}

// Thaw gives holds back, newest first; no name means all of them.
type Thaw struct {
	Holds []string `json:"holds,omitempty"`
}

// Emit sends an event to the messaging channel.
type Emit struct {
	Event string `json:"event"`
	Data  Value  `json:"data"`
}

// Sleep waits.
type Sleep struct {
	Seconds float64 `json:"seconds"`
}

// FS freezes or thaws one superblock.
type FS struct {
	Device     string `json:"device"`         // "major:minor" of the superblock
	Mountpoint string `json:"mountpoint"`     // one place where it is mounted
	Type       string `json:"type,omitempty"` // as in mountinfo: "xfs"
	// Level says when: those of one level do not depend on each other. The lowest is frozen
	// first and thawed last.
	Level int  `json:"level,omitempty"`
	Thaw  bool `json:"thaw,omitempty"`
}

// End ends a session at the server by its identity. It is how a lock is given
// back when its own session can no longer be spoken to.
type End struct {
	Session string `json:"session"`
	Server  string `json:"server"` // identity of the server the session belongs to
	ID      string `json:"id"`     // the server's name for the session: connection id, backend pid
}

// Name returns the word a reader knows the operation by.
func (o Op) Name() string {
	switch {
	case o.SQL != nil:
		return "sql"
	case o.Exec != nil:
		return "exec_as"
	case o.Freeze != nil:
		return "freeze"
	case o.Thaw != nil:
		return "thaw"
	case o.Emit != nil:
		return "emit"
	case o.Sleep != nil:
		return "sleep"
	case o.FS != nil && o.FS.Thaw:
		return "fsthaw"
	case o.FS != nil:
		return "fsfreeze"
	case o.End != nil:
		return "end_session"
	case o.AnyOf != nil:
		return "any"
	}
	return "nothing"
}

// Text returns the operation as a line for people: a statement, a command line,
// a path. Parameters are not part of it and secrets appear as their names.
func (o Op) Text() string {
	switch {
	case o.SQL != nil:
		return o.SQL.Query
	case o.Exec != nil:
		text := fmt.Sprintf("%s: %q", o.Exec.User, o.Exec.Argv)
		if o.Exec.Leave {
			text += ", leave = True"
		}
		return text
	case o.Freeze != nil:
		return fmt.Sprintf("%q", o.Freeze.Paths)
	case o.Thaw != nil:
		return fmt.Sprintf("%q", o.Thaw.Holds)
	case o.Emit != nil:
		return o.Emit.Event
	case o.Sleep != nil:
		return fmt.Sprintf("%gs", o.Sleep.Seconds)
	case o.FS != nil:
		return o.FS.Mountpoint
	case o.End != nil:
		return o.End.Session + " (id " + o.End.ID + ")"
	case o.AnyOf != nil:
		return "any of " + fmt.Sprint(Texts(o.AnyOf))
	}
	return ""
}

// Texts returns the lines of several operations.
func Texts(ops []Op) []string {
	texts := make([]string, 0, len(ops))
	for _, o := range ops {
		text := o.Text()
		if o.SQL == nil && o.AnyOf == nil {
			text = o.Name() + " " + text
		}
		texts = append(texts, text)
	}
	return texts
}

// Validate returns an error unless exactly one operation is set. Lists in AnyOf
// are validated too.
func (o Op) Validate() error {
	n := 0
	for _, set := range []bool{
		o.SQL != nil, o.Exec != nil, o.Freeze != nil, o.Thaw != nil, o.Emit != nil,
		o.Sleep != nil, o.FS != nil, o.End != nil, o.AnyOf != nil,
	} {
		if set {
			n++
		}
	}
	if n != 1 {
		return fmt.Errorf("an operation has %d kinds, want exactly one", n)
	}
	for _, step := range o.AnyOf {
		if err := step.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Scope is how long the effect of an action lasts if nobody undoes it.
// The order of the constants is from short to long.
type Scope int

// The scopes.
const (
	ScopeDefault Scope = iota // the driver's classification decides
	ScopeSession              // ends with the session that made it
	ScopeServer               // ends when the database server restarts
	ScopeBoot                 // ends when this machine boots
	ScopeDurable              // does not end by itself
)

var scopeNames = [...]string{"", "session", "server", "boot", "durable"}

// String returns the word used in scripts and in the journal.
func (s Scope) String() string {
	if s < 0 || int(s) >= len(scopeNames) {
		return fmt.Sprintf("scope(%d)", int(s))
	}
	return scopeNames[s]
}

// ParseScope is the inverse of String.
func ParseScope(name string) (Scope, error) {
	for i, n := range scopeNames {
		if n == name && i > 0 {
			return Scope(i), nil
		}
	}
	return 0, fmt.Errorf(`got %q, want "session", "server", "boot" or "durable"`, name)
}

// MarshalText writes the word.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Scope) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = ScopeDefault
		return nil
	}
	v, err := ParseScope(string(text))
	*s = v
	return err
}

// Action is one call that touches the world, as data, with the undo that
// compensates it.
type Action struct {
	Op
	// Word is what the script called: "sql", "sql_one", "try_sql" … It is for
	// people; the operation decides.
	Word string `json:"word,omitempty"`
	// Hold names what the action takes; empty with an Undo means a name is made up.
	Hold string `json:"hold,omitempty"`
	// Releases names the hold that the action itself gives back.
	Releases string `json:"releases,omitempty"`
	Scope    Scope  `json:"scope,omitempty"`
	// Undo is done in order, all of it. UndoGiven tells an explicit undo = None
	// from one that was never written.
	Undo      []Op          `json:"undo,omitempty"`
	UndoGiven bool          `json:"undo_given,omitempty"`
	Timeout   time.Duration `json:"timeout,omitempty"` // nanoseconds; 0 is no limit of its own
	Pos       string        `json:"pos,omitempty"`     // file:line:col of the call
}

// State is what became of an action.
type State string

// The states. An absent state is read as [Unknown].
const (
	// Applied: it was made.
	Applied State = "applied"
	// NotApplied: it is certified that it was not made (a refused statement,
	// EBUSY because somebody else froze the filesystem). It is never undone.
	NotApplied State = "not_applied"
	// Unknown: nobody can say. It is undone as if it had been made.
	Unknown State = "unknown"
)

// Result is the answer to an action.
type Result struct {
	State  State    `json:"state"`
	Rows   *Rows    `json:"rows,omitempty"`
	Exit   *Exit    `json:"exit,omitempty"`
	Mounts []string `json:"mounts,omitempty"` // of Freeze
	Undone []string `json:"undone,omitempty"` // of Thaw: names of the holds given back
	Err    *Fault   `json:"err,omitempty"`
}

// Rows are the rows of a query. Column names are unique.
type Rows struct {
	Columns []string  `json:"columns"`
	Rows    [][]Value `json:"rows"`
}

// Exit is how a program ended.
type Exit struct {
	Code   int    `json:"code"`             // 128+n after signal n, as a shell shows it
	Signal string `json:"signal,omitempty"` // name of the signal that ended it
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	// Truncated says that more output came than was kept.
	Truncated bool `json:"truncated,omitempty"`
}

// Kind classifies a fault; it is error.kind of the report.
type Kind string

// The kinds of the report.
const (
	KindConfig   Kind = "config"
	KindScript   Kind = "script"
	KindRefused  Kind = "refused"
	KindTimeout  Kind = "timeout"
	KindKilled   Kind = "killed"
	KindMemory   Kind = "memory"
	KindFreeze   Kind = "freeze"
	KindSnapshot Kind = "snapshot"
	KindAborted  Kind = "aborted"
	KindVerify   Kind = "verify"
	KindUndo     Kind = "undo"
	KindInternal Kind = "internal"
)

// Fault is an answer that is an error.
type Fault struct {
	Kind Kind `json:"kind"`
	// Code is the server's own: a number (MySQL, SQLite) or an SQLSTATE string
	// (PostgreSQL). None if the fault did not come from a server.
	Code    Value  `json:"code"`
	Message string `json:"message"`
	// Lost says that the session the action was made on has ended. A try_ word
	// does not catch it.
	Lost bool `json:"lost,omitempty"`
}

// Error returns the message.
func (f *Fault) Error() string { return f.Message }

// Refuse returns the result of an action that was not made.
func Refuse(kind Kind, format string, args ...any) Result {
	return Result{State: NotApplied, Err: &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}}
}

// MarshalIndent is for people who look at actions in a debugger or a test.
func (a Action) String() string {
	text, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
