// Package driver is what the host asks of a database: a few pinned sessions,
// each statement ended at the server when its time is over, and a session ended
// by its id when it can no longer be spoken to.
//
// Each database has a package below this one with a Connect function; the
// conformance suite in drivertest runs against all of them. A Server owns its
// connections; a Session belongs to the Server that opened it.
//
// Two things that database libraries do for convenience lose locks, so that a
// driver keeps them away: a statement is never made again on another connection
// (which would not hold the lock), and a library is never given a context that
// can end while a lock is waited for: go-sql-driver/mysql and pgx answer the end
// of a context by closing their socket, and MySQL 5.6 was measured to leave such
// an orphaned FLUSH TABLES WITH READ LOCK in its queue, where it blocks every
// writer.
package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/asuser"
)

// Limits of the result of one statement. A result that is larger is a fault.
const (
	MaxRows  = 10_000
	MaxBytes = action.MaxBytes // of the rows as they cross the waist
)

// StartTolerance is how much the start times of one server life may differ: they
// are computed from an uptime in whole seconds on some servers.
const StartTolerance = 3 * time.Second

// ErrGone says that the server does not know the session: it has ended already,
// or the server itself has been restarted, which ended all its sessions.
var ErrGone = errors.New("the session is gone")

// Config says how to reach a server. It is all that a driver looks at: no
// environment variable and no file in a home directory adds to it.
type Config struct {
	Driver         string            // "mysql", "postgres", "oracle", "sqlite"
	User           string            // required where there are users
	Password       Password          // empty is none
	Host           string            // a name or an address; empty means Socket
	Port           int               // 0 is the usual one of the database
	Socket         string            // a unix socket; has precedence over Host
	Database       string            // initial database; the path of the file for sqlite
	Params         map[string]string // what else a driver knows; an unknown name is an error
	OSUser         string            // the user of this machine that a unix socket is connected to as; empty is our own
	FilesOfUser    bool              // the files that Params name are read as OSUser; see Reading
	RunID          string            // names the run to the server where it shows its sessions
	ConnectTimeout time.Duration     // of one connection; 0 is [DefaultConnectTimeout]
}

// DefaultConnectTimeout is used where Config has none.
const DefaultConnectTimeout = 10 * time.Second

// Timeout returns the time that one connection may take.
func (c Config) Timeout() time.Duration {
	if c.ConnectTimeout > 0 {
		return c.ConnectTimeout
	}
	return DefaultConnectTimeout
}

// As returns the user of this machine that a unix socket is connected to as.
func (c Config) As() (asuser.User, error) {
	if c.OSUser == "" {
		return asuser.User{}, nil
	}
	u, err := asuser.Lookup(c.OSUser)
	if err != nil {
		return u, fmt.Errorf("connection: linux_user: %w", err)
	}
	return u, nil
}

// Reading calls read, which reads the files that Params name. Those of OSUser are read
// as that user: whoever chooses a file must not choose one that only we can read, nor a
// FIFO, which would keep us waiting.
func (c Config) Reading(read func() error) error {
	if !c.FilesOfUser {
		return read()
	}
	u, err := c.As()
	if err != nil {
		return err
	}
	return u.Do(func() error {
		for _, param := range []string{"sslrootcert", "sslcert", "sslkey"} {
			name := c.Params[param]
			if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
				return fmt.Errorf("connection: %s: %s is not a regular file", param, name)
			}
		}
		return read() // which may do without one that is not there
	})
}

// Known returns an error that names a parameter other than those in names.
func (c Config) Known(names ...string) error {
	for param := range c.Params {
		known := false
		for _, name := range names {
			known = known || name == param
		}
		if !known {
			return fmt.Errorf("connection: unknown parameter %q, want one of %q", param, names)
		}
	}
	return nil
}

// Password is a text that does not print: every verb of fmt and every encoder
// shows the same stars for it. Convert it to a string to use it.
type Password string

const stars = "***"

// Format writes stars, whatever the verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, stars) }

// String returns stars.
func (Password) String() string { return stars }

// MarshalText returns stars; it is what encoding/json and log/slog use.
func (Password) MarshalText() ([]byte, error) { return []byte(stars), nil }

// Identity says which server it is, in which of its lives. It is journaled, so
// that what a dead run left is undone on that server and on no other.
type Identity struct {
	Product string    `json:"product"` // "MySQL", "MariaDB", "PostgreSQL" …
	Version string    `json:"version"` // as the server writes it
	Server  string    `json:"server"`  // uuid, system identifier, or what the driver's documentation says
	Started time.Time `json:"started"` // when this life began; zero where there is no server
	Address string    `json:"address"` // "unix:/path", "tcp:host:port" or "file:/path"
	Local   bool      `json:"local"`   // over a unix socket, the loopback interface, or a file
}

// SameLife reports whether two identities are of one server that was not
// restarted in between. Only then does the id of a session mean the same session.
func (i Identity) SameLife(other Identity) bool {
	return i.Server != "" && i.Server == other.Server &&
		i.Started.Sub(other.Started).Abs() <= StartTolerance
}

// A Server is one database server, or one database file.
//
// Its methods may be called from several goroutines.
type Server interface {
	// Identity returns what the server was when it was connected to.
	Identity() Identity

	// Open opens a session: one connection, used for nothing else and MUST NOT be
	// opened again when it ends. The name is for messages. Connecting ends with ctx.
	Open(ctx context.Context, name string) (Session, error)

	// End ends a session at the server by its id, over the emergency connection
	// that Connect opened before anything else, and returns nil once the server
	// does not have it any more, so that nothing is held by it.
	//
	// It returns [ErrGone] if the server did not know the session or has been
	// restarted. It MUST refuse an id that is neither of a session opened here nor
	// adopted, because the id may be that of a stranger; and it MUST NOT use the id
	// in another life of the server. It may be repeated. Any other error means that
	// the session may still be there.
	End(ctx context.Context, id string) error

	// Adopt makes End accept the ids of sessions that another process opened (a
	// supervisor that died). It is refused unless that process recorded the very
	// life of the server that this one is connected to.
	Adopt(recorded Identity, ids ...string) error

	// Close ends all sessions and the emergency connection. It MUST NOT block for
	// longer than about 250 ms, whatever the server does. It may be repeated.
	Close() error
}

// A Session is one pinned connection.
//
// Its methods may be called from several goroutines; statements are made one
// after the other.
type Session interface {
	// ID returns the server's name for the session: connection id, backend pid.
	ID() string

	// Do makes one statement. It MUST make it on the pinned connection only and
	// once only. It MUST refuse a query of several statements, and parameters that
	// are not none, bool, int, float, string or bytes.
	//
	// When ctx ends the statement MUST be ended at the server, by cancelling it
	// there, and if it is not back soon by ending the session. Do MUST return within
	// about 750 ms after that, also when the server is stopped or does not answer.
	//
	// What became of the statement is in State:
	//   - Applied: the server said so. There can be a fault all the same: the rows
	//     cannot be used, or it was said after ctx had ended.
	//   - NotApplied: it was never sent, or the server certified that it refused it.
	//   - Unknown: interrupted, connection lost, or an error that certifies nothing.
	//
	// A statement that ctx ended has a fault of kind timeout; a server's refusal one
	// of kind refused, with the server's code; a statement or a result that can
	// not be one of kind script; a session that ended one of kind killed. Lost
	// is set whenever the session cannot be used any more.
	//
	// Values: integers, unsigned ones too, are ints; binary floating point is a
	// float if finite; booleans where the database has them are bools; character
	// text is a string, binary data is bytes, NULL is none. Everything else (decimal,
	// date, time, uuid, json …) is a string in the server's own text form. Text that
	// is not UTF-8 is bytes, so that nothing is lost. The names of columns MUST be
	// unique and the result within [MaxRows] and [MaxBytes]: otherwise it is a fault,
	// and the session stays usable. Rows is nil if the statement has no result set.
	Do(ctx context.Context, query string, params []action.Value) action.Result

	// Lost returns a channel that is closed once the connection has ended: at once
	// on Linux, elsewhere when a statement finds out. The drivers of databases
	// without connections close it in Close only.
	Lost() <-chan struct{}

	// Close ends the session and what it holds. A statement in flight is ended at
	// the server. It MUST NOT block for longer than about 250 ms. It may be repeated.
	Close() error
}
