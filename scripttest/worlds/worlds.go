// Package worlds is servers that are not there: state machines that answer the
// statements of scripts as a product does, and know by themselves what is held.
//
// A world is no database. It knows the statements by which a server is quiesced and
// looked at, answers them with the columns, values and error codes of the product,
// and keeps what they change: locks, settings, the position of the log. What it does
// not know it says, so that a test stubs it.
//
// The gate makes every statement of the bundled scripts on a world and on the real
// server that it stands for, where that can be had: [Info.Checked] says which.
//
// A [Server] belongs to one goroutine. Nothing in it depends on the time, on chance
// or on the machine: the same statements get the same answers, always.
package worlds

import (
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// Info is a world that can be had.
type Info struct {
	Name     string // "mariadb-10.11"
	Database string // as in stmt: "mysql", "postgres" …; empty if programs alone speak to it
	Doc      string // one line
	// Checked names the real server that the gate compares it with: "MariaDB 10.11".
	// Empty: it rests on the manual alone.
	Checked string
	// Options are the names that New takes, each with what it is, in order.
	Options []Option
}

// Option is one thing about a world that a test may choose.
type Option struct {
	Name    string
	Doc     string
	Default action.Value
}

// Answer is what a server says to one statement.
type Answer struct {
	// Rows is the result set; nil if the statement has none.
	Rows *action.Rows
	// Code and Message are a refusal; Code is that of [action.Fault], none for no error.
	Code    action.Value
	Message string
	// Waits says that the statement waits for somebody else, and would until its
	// timeout. It has no effect then, but for what Held says: MySQL keeps a part of a lock
	// that it gave up.
	Waits bool
	// Unknown says that the world does not know the statement.
	Unknown bool
}

// Server is one server, in one state.
type Server interface {
	// Identity says which server it is, in which life; Started changes with Restart.
	// It is a local one.
	Identity() driver.Identity
	// Connect opens a session and returns the server's id of it: "41", "42" …
	Connect() (id string)
	// Do makes one statement of a session that is open. The query is one statement
	// that action.SQL allows, with any spacing, case and quoting that the scripts use.
	Do(id, query string, params []action.Value) Answer
	// Disconnect ends a session and with it what it held; an id that is not there is
	// ignored.
	Disconnect(id string)
	// Alive reports whether a session is there.
	Alive(id string) bool
	// Restart ends all sessions, and what does not outlive them, and begins a new life.
	Restart()
	// Held names what is not as it was at first and has to be given back, sorted:
	// "backup stage BLOCK_COMMIT", "global innodb_flush_log_at_trx_commit = 1, was 2".
	// These words are what people assert on in their tests.
	Held() []string
	// Commit is what another client does: it writes a row. It reports false if it has to
	// wait, or is refused, because the server is quiesced; then nothing has changed.
	Commit() bool
	// Drop takes away what the server holds by that name (one of Held) although nobody gave it
	// back, as somebody else's FLUSH or a failover may. It reports whether it was there.
	Drop(held string) bool
	// Set sets one of the options, or a variable of the server, by name, as an administrator
	// does behind the script's back. The error names what there is.
	Set(name string, value action.Value) error
	// Clone returns a server in the same state that shares nothing with it.
	Clone() Server
}

// Programs is a server that is spoken to by programs as well, or by programs alone:
// sqlplus, iris, redis-cli.
type Programs interface {
	Server
	// Run is what becomes of one program.
	Run(p Program) Ended
}

// Program is a program that somebody has started.
type Program struct {
	User  string // of this machine
	Argv  []string
	Stdin string            // all of it
	Env   map[string]string // what the script adds
}

// Ended is how a program ended.
type Ended struct {
	action.Exit
	// Waits says that it does not end by itself: it waits for a login, a lock, an answer.
	// What it changed until then it has changed.
	Waits bool
	// Unknown says that the world does not know the program, or what it was asked to do.
	Unknown bool
}
