// Package run is the life of a run: prescripts, recovery point, filesystem
// freeze, snapshot, filesystem thaw, verify, postscripts, undo of whatever is left.
//
// A run owns its journal, its deadline and the order of things. It knows a script
// only as an [action.Script] and the world only as the interfaces below, so that
// the same life is led in one process, over pipes, and in tests.
//
// # What it promises
//
// However [Do] ends, with an error, a panic, the end of its context or of a
// deadline, it unwinds first: what was done is undone, filesystems before databases,
// newest first in each database. What could not be given back in time is named in
// [Report.Held] and stays in the journal.
//
// A run is one for all its members: one deadline, one freeze of everything that was
// named, one snapshot. A prescript that fails ends those of the others and undoes all.
//
// The verdict is proven, never assumed: see [verdictOf].
//
// # Concurrency
//
// Members of one [Member.Order] do not depend on each other, so their prescripts run at
// the same time, and so do their postscripts and their undos; verify is that of all
// members at once. No prescript holds anything before all of its order are about to, or
// have ended: the members share one window, and it is short. Each has a goroutine for
// that, which alone touches what is known of its member while it lasts. Everything else
// (the outcome, the report, freeze, thaw, the order of things) belongs to the goroutine
// of Do, which waits for all of them first. With one member there is no other goroutine
// but the two below.
//
// The phase of a script and the snapshot have goroutines of their own. Both are given
// up, not waited for without limit, when their time is over; a script that was given
// up can make no action any more.
//
// Journal, Filesystems, Events and Log are used by several members at once, a Host by
// its own member only.
package run

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/undo"
)

// Mode says who takes care of the filesystems.
type Mode int

// The modes, as fs_freeze in the config. The members of a run may differ in them, but
// FreezeCaller is for all of them or for none: whoever calls us freezes what it likes.
const (
	FreezeNamed  Mode = iota // we freeze what is named by scripts or by the config
	FreezeByTool             // the snapshot is atomic and syncs by itself
	FreezeCaller             // whoever calls us freezes them
	FreezeOff                // nobody does
)

// Limits are the times of a run.
type Limits struct {
	Hold       time.Duration // that anything may stay held, undo included
	Prescript  time.Duration
	Postscript time.Duration // of verify and of postscript, each
	Freeze     time.Duration // that a filesystem may stay frozen
	Undo       time.Duration // the part of Hold that is kept for the undo; 0 is the usual one
}

// Reserve is the part of Limits.Hold that is kept for the undo.
func (l Limits) Reserve() time.Duration {
	if l.Undo > 0 {
		return l.Undo
	}
	return min(max(l.Hold/5, 250*time.Millisecond), 15*time.Second)
}

// Config is everything that a run is made of. All fields are required unless they
// say otherwise; the run does not close what it is given.
type Config struct {
	ID      string
	Members []Member
	Limits  Limits
	Retries int // of a failed prescript, after it has been undone
	// NoFallback ends the run when a prescript fails, although every member requires
	// less than [Application]: without it the run goes on with the filesystems alone.
	NoFallback bool

	Filesystems Filesystems
	// Snapshot takes the snapshot. It MUST return soon after ctx ends. An error
	// means that there is no snapshot.
	Snapshot func(ctx context.Context, s Snapshot) error

	Journal *journal.Writer
	// Begin holds what the begin record says of this machine.
	Begin journal.Record
	// RecoveryPoints is the directory for the files of recovery points; empty keeps
	// none, nor any on the filesystems: the journal alone has them.
	RecoveryPoints string
	// Pause waits between two rounds of undos; see [undo.Unwinder]. Nil waits by the clock.
	// With several members it is called from several goroutines.
	Pause  func(ctx context.Context, d time.Duration) bool
	Events Events
	Log    zerolog.Logger
}

// Member is one workload of a run.
type Member struct {
	Workload string
	Script   action.Script
	Name     string // file name of the script
	SHA256   string
	Phases   []string // the phases that it defines
	// Order is when its turn comes: lower ones are quiesced first and go back to work
	// last, equal ones at the same time.
	Order    int
	FSFreeze Mode
	// Require is the lowest verdict of this member that is a success.
	Require Verdict
	Policy  policy.Policy
	Host    Host
	// Context is a dict with what ctx holds in every phase: params, settings, timeout …
	Context action.Value
}

// Host is the world of one member.
type Host interface {
	action.Executor
	undo.Performer
	// Open opens a session unless it is open, and says which it is. Only sessions
	// that are open can be used in an action.
	Open(ctx context.Context, name string) (s journal.Session, opened bool, err error)
	// Lost names the sessions that have ended although nobody closed them.
	Lost() []string
}

// Filesystems are the filesystems of a run. Do takes [action.FS] only. Those of one level
// are frozen at the same time, and thawed.
type Filesystems interface {
	action.Executor
	undo.Performer
	// Named returns what scripts and config have named for members whose filesystems we
	// freeze, in the order of freezing, level after level.
	Named(ctx context.Context) ([]action.FS, error)
	// Declared reports whether the member has named filesystems, or has stated
	// that it needs none.
	Declared(member string) (named, none bool)
	// Carriers returns one mount point of each filesystem that was named and can be
	// written to, of those that we freeze or of the others: the places where a snapshot
	// carries the recovery point.
	Carriers(frozen bool) []string
}

// Events is the messaging channel. Its methods never wait.
type Events interface {
	Emit(name, member string, data action.Value)
	// Hold and Resume frame the time in which nothing may be written to a disk.
	Hold()
	Resume()
}

// Snapshot is what the snapshot is told.
type Snapshot struct {
	Run           string
	RecoveryPoint string        // path of a file
	Left          time.Duration // until it will be ended
	Frozen        []action.FS   // by us
}

// Do leads the whole life of a run and reports on it. When ctx ends before the
// snapshot has been taken, the run is undone. It returns only after everything has
// been given back, or its time for that is over.
func Do(ctx context.Context, c Config) *Report {
	return newLife(c).do(ctx)
}
