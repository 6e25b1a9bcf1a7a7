// Package journal is the write-ahead log of a run: the record format, its
// writer and its reader.
//
// A run has one file, named after it, to which records are appended and in which
// nothing is ever changed. A record is one line of JSON, so that an administrator
// can read a journal with cat and take it apart with jq:
//
//	{"n":5,"type":"intent","time":"2026-01-02T03:04:05.000000006Z","member":"orders","action":{…},"sum":"1b2c3d4e"}⏎
//	 │     │               │                                        │                           │
//	 │     │               │                                        │                           └ CRC-32C of every byte of the line before `,"sum"`:
//	 │     │               │                                        │                             eight lower-case hex digits, always the last member
//	 │     │               │                                        └ the members of the type, see [Record]
//	 │     │               └ UTC, RFC 3339 with nanoseconds, for people: order is n, not time
//	 │     └ what the record says
//	 └ 1, 2, 3 …; a record refers to another one by its n ("of")
//
// An effect follows its record, never the other way round: the caller appends an
// intent, waits until it is on the disk, and only then acts. So after a crash the
// journal names everything that may have been done, with the undo that was
// evaluated at the time.
//
//	begin ─▶ session* ─▶ ( intent ─▶ effect ─▶ result )* ─▶ ( undo ─▶ effect ─▶ undone )* ─▶ end
//
// An intent without a result has an unknown outcome. An undo record is a
// compensation record as in ARIES: it is never itself undone, and repeating the
// step that it announces must be harmless.
//
// # What the checksum is for
//
// It finds torn and rotten lines. It does not find a forger: whoever may write the
// journal may have its undos made by the host. Therefore files are 0600, new
// directories 0700, and [OS] refuses a file that belongs to somebody else.
//
// # Caveats
//
// One [Writer] at a time may have a journal open; the lock of the run sees to that.
// A fdatasync that failed is not tried again: Linux may have dropped the dirty
// pages and would report success (fsync(2), NOTES). The Writer is broken from then on.
package journal

import (
	"time"

	"github.com/starhost/starhost/action"
)

// Type says what a record is about, and thereby which members it has.
type Type string

// The types of record, with the members that each of them has.
const (
	TypeBegin         Type = "begin"          // Run, Boot, Machine, Host, Version, Deadline, Members, Owner, Hold
	TypeSession       Type = "session"        // Member, Session
	TypeIntent        Type = "intent"         // Member, Action, Deadline
	TypeResult        Type = "result"         // Of, State, Err
	TypeUndo          Type = "undo"           // Of, Step, Try
	TypeUndone        Type = "undone"         // Of, Step, State, Err
	TypePhase         Type = "phase"          // Member, Phase, Note
	TypeRecoveryPoint Type = "recovery_point" // Member, Value
	TypeNote          Type = "note"           // Member, Note
	TypeEnd           Type = "end"            // Verdict, Exit, Held
)

// The states of a step of an undo, in an undone record.
const (
	Done    action.State = "done"    // the step was made
	Already action.State = "already" // there was nothing left to undo
	Failed  action.State = "failed"  // it will be tried again
)

// Record is one record. N, Type and Time are those of every record; of the others
// it has those of its type and no more. Records are immutable once appended or
// read, what they point to included, and may be shared between goroutines.
//
// Which hold an action gave back is not recorded twice: an intent whose action has
// Releases, with a result that is applied, says it.
type Record struct {
	N    int       `json:"n"`    // assigned by the [Writer]
	Type Type      `json:"type"` // decides which members there are
	Time time.Time `json:"time"` // assigned by the [Writer]

	Run      string    `json:"run,omitempty"`
	Boot     string    `json:"boot,omitempty"`    // boot id of the kernel: another one means that scope "boot" has ended
	Machine  string    `json:"machine,omitempty"` // machine id: another one means a copy of the disk
	Host     string    `json:"host,omitempty"`    // host name, for people
	Version  string    `json:"version,omitempty"` // of the starhost that wrote the journal
	Deadline time.Time `json:"deadline,omitzero"` // when the run must be over; of a freeze, when the filesystem must be thawed
	Members  []Member  `json:"members,omitempty"`
	Owner    string    `json:"owner,omitempty"` // who asked for the run, if somebody said
	// Hold is how long anything may stay held, from the first hold, in nanoseconds.
	Hold time.Duration `json:"hold,omitempty"`

	Member  string         `json:"member,omitempty"` // a workload; empty is the host itself
	Session *Session       `json:"session,omitempty"`
	Action  *action.Action `json:"action,omitempty"`

	Of   int `json:"of,omitempty"`   // N of the intent
	Step int `json:"step,omitempty"` // index into the Undo of the intent's action
	Try  int `json:"try,omitempty"`  // 1 is the first
	// State is what became of the action (of a result), or [Done], [Already] or
	// [Failed] (of an undone record).
	State action.State `json:"state,omitempty"`
	Err   string       `json:"err,omitempty"` // for people; clipped to [MaxText]

	Value action.Value `json:"value,omitzero"`
	Phase string       `json:"phase,omitempty"` // prescript, freeze, snapshot, thaw, verify, postscript or unwind
	Note  string       `json:"note,omitempty"`  // for people; clipped to [MaxText]

	Verdict string   `json:"verdict,omitempty"` // application, filesystem, crash, or empty for none
	Exit    int      `json:"exit,omitempty"`    // exit status of the command
	Held    []string `json:"held,omitempty"`    // names of the holds that could not be given back
}

// Member is one workload of a run and the script that it was quiesced with.
type Member struct {
	Workload string `json:"workload"`
	Script   string `json:"script"`
	SHA256   string `json:"sha256"` // of the script's text, in hex
}

// Session identifies one session at a database server, well enough that recovery
// ends this one and no other: a number alone may have been given to somebody else
// after the server restarted.
type Session struct {
	Name    string    `json:"name"`              // what the script calls it
	ID      string    `json:"id"`                // the server's name for it: connection id, backend pid
	Driver  string    `json:"driver"`            // mysql, postgres …
	Server  string    `json:"server"`            // identity of the server: server_uuid, system identifier, DBID
	Started time.Time `json:"started,omitzero"`  // of the server or of the backend, as the driver needs it to be sure
	Address string    `json:"address,omitempty"` // where the server was reached, without secrets
	Local   bool      `json:"local,omitempty"`   // the server runs on this machine
}
