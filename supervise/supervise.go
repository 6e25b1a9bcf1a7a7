// Package supervise keeps a run alive between two commands: starhost pre starts the
// process that leads it, and starhost post or abort finds that process again.
//
// # The parts
//
//	pre ──socketpair──▶ supervisor ◀──unix socket── post, abort
//	                        │
//	                        └─▶ RUNTIME-DIR/pre/ID.json, ID.sock, ID.crash
//
// A supervisor is this program started again (see [Init]), in a session of its own,
// with nothing open that belongs to its caller. It leads one run and ends with it.
// [Start] begins it; it tells the caller when everything is held, and the caller
// answers that it has heard ([Pending.Keep]). Without that answer, because the caller
// was killed for example, everything is given back at once.
//
// Its [Ticket] says that it is there. A supervisor that ends by itself, at the
// deadline for example, leaves its [Ending] in the ticket, until somebody asks. A
// ticket without an ending whose socket nobody answers belongs to a supervisor that
// was killed.
//
// # Messages
//
// Both sockets carry lines of JSON of at most 16 MiB. Unknown fields are ignored: post
// may be a newer program than the supervisor. Every write has a deadline. A supervisor
// whose client waits shows every second that it lives, so a client knows one that was
// stopped from one that works. Peers must be root or have our uid (SO_PEERCRED,
// unix(7)).
//
// # What a supervisor never does
//
// Between [Supervisor.Hold] and its return nothing here is written to a disk: tickets
// are on the filesystem of the runtime directory, which is tmpfs and never frozen, and
// log lines are kept in memory for the ending. Nor may pre wait for a disk while
// everything is held: its answer goes out by [Write].
package supervise

import (
	"errors"
	"time"

	"github.com/starhost/starhost/run"
)

// What a client can ask of a supervisor.
const (
	Post  = "post"  // the snapshot was taken: go on to the end
	Abort = "abort" // there is no snapshot: undo everything

	keep = "keep" // pre has answered its caller: hold everything without it
)

const (
	// heartbeat is how often a supervisor shows a waiting client that it lives.
	heartbeat = time.Second
	// silence is after what a client takes a supervisor for stopped. A script that
	// runs in its process can stop it for seconds.
	silence = 10 * time.Second
	// forgotten is after what nobody will ask for an ending any more.
	forgotten = 24 * time.Hour
	// patience is how long the other side may take to read or write one message, and
	// a process that was killed to be gone.
	patience = 5 * time.Second
)

// ErrDied says that a supervisor is gone without an ending: it was killed, or was
// silent and has been killed by us. What it held may still be held; the run has to be
// recovered.
var ErrDied = errors.New("the supervisor died")

// ErrBusy says that somebody else has asked first.
var ErrBusy = errors.New("another post or abort is ending this run")

// ErrGone says that somebody else has taken the ending of a run.
var ErrGone = errors.New("another post or abort has ended this run")

// Quiesced is what a supervisor says when everything is held.
type Quiesced struct {
	Report *run.Report   `json:"report"` // of the state so far
	Left   time.Duration `json:"left"`   // until it gives everything back by itself
}

// Ending is how a supervised run ended. Exactly one of Report and Refusal is set.
type Ending struct {
	Report  *run.Report `json:"report,omitempty"`
	Trace   string      `json:"trace,omitempty"` // of Report.Error, which JSON leaves out
	Refusal *Refusal    `json:"refusal,omitempty"`
	// Kept says that pre had answered that everything is held.
	Kept bool `json:"kept"`
	// By is what ended the hold: [Post], [Abort], or "" for the supervisor itself.
	By string `json:"by,omitempty"`
	// Foreign says that somebody else than the owner of the run has ended it.
	Foreign bool     `json:"foreign,omitempty"`
	Log     []string `json:"log,omitempty"` // the last lines of the supervisor
}

// Refusal is why a run never began.
type Refusal struct {
	Kind    RefusalKind `json:"kind"`
	Message string      `json:"message"`
	Run     string      `json:"run,omitempty"`  // of RefusedDeadRun
	Held    []string    `json:"held,omitempty"` // of RefusedDeadRun
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

// RefusalKind says what refused a run.
type RefusalKind string

// The kinds of refusals.
const (
	RefusedConfig   RefusalKind = "config"
	RefusedBusy     RefusalKind = "busy"
	RefusedDeadRun  RefusalKind = "dead_run"
	RefusedInternal RefusalKind = "internal"
)

// frame is one message. Exactly one field is set.
type frame struct {
	Order    *order    `json:"order,omitempty"` // first on the socketpair
	Verb     string    `json:"verb,omitempty"`
	Alive    bool      `json:"alive,omitempty"`
	Quiesced *Quiesced `json:"quiesced,omitempty"`
	Kept     bool      `json:"kept,omitempty"`
	Busy     bool      `json:"busy,omitempty"`
	Ending   *Ending   `json:"ending,omitempty"`
}
