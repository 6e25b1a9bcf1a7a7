// Package watchdog is the process that owns the filesystem freeze of a run, so that
// nothing stays frozen whatever becomes of the process that leads it.
//
//	leader ──socketpair──▶ watchdog     records, FIFREEZE and FITHAW, signs of life
//	  (run.Do)  ◀───────
//
// A watchdog is this program started again (see [Init]), in a session of its own. The
// leader sends it every record of its journal before the next action is made, and has
// it freeze and thaw: a process that owns the sessions of databases never sleeps in
// the kernel for a freeze. When the leader is gone, the watchdog does what is left, in
// this order:
//
//  1. SIGKILL the leader, by a descriptor that means that process for ever: whatever
//     state it is in, it can do nothing more from here on (the fence);
//  2. thaw every filesystem;
//  3. have its [Successor] undo the rest, from the records that it has in memory.
//
// The leader is taken for gone when its end of the connection is closed; when it shows
// no sign of life and the kernel says that it is stopped or being killed (a thread that
// writes to a frozen filesystem keeps a killed process, and its descriptors, there);
// when it shows none for much longer; or when the run should have been over by itself.
// Before the run has begun a leader may be silent.
//
// The other way round, the leader that finds its watchdog gone kills it, thaws by
// itself ([Filesystems]) and unwinds: what the dead process had begun in the kernel may
// come about later, so it thaws again once the kernel has let go of the process.
//
// # Locks
//
// The watchdog shares the locks of the run ([Watchdog.Share]): they are free when both
// processes are gone, not before, so nobody begins a run while an old one is undone.
//
// # Concurrency
//
// In both processes one goroutine reads the connection and one watches the clock. The
// methods of a Watchdog may be called from any goroutine. No method waits for a
// process that is stopped for longer than silence.
package watchdog

import (
	"encoding/json"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// Times of the two processes. A pulse is counted in the ticks of whoever waits for it,
// so that a machine which was suspended, or stopped for its own snapshot, does not take
// its processes for silent.
const (
	pulse   = 100 * time.Millisecond // between two signs of life
	suspect = 3                      // pulses without one, after which the kernel is asked
	silence = 30                     // pulses without one, after which nobody is asked
	// writeTime is how long a message may take. The buffer of a socket holds hundreds of
	// records, and a reader that is stopped is found out, and killed, before.
	writeTime = 5 * time.Second
	// readyTime is how long the start may take, connections to servers included.
	readyTime = 10 * time.Second
	// reapTime is how long a process that was killed may take to be gone.
	reapTime = 500 * time.Millisecond
)

// Order is what a watchdog is for.
type Order struct {
	// Freeze is how long after a FIFREEZE the watchdog thaws without being asked, and
	// Hold how long after the first hold it takes the leader for lost.
	Freeze, Hold time.Duration
	// Payload is for the [Successor].
	Payload json.RawMessage
}

// Death says what a [Successor] has to do.
type Death struct {
	Reason  string // what became of the leader
	Records []journal.Record
	// Thaw undoes freezes. Every filesystem has been thawed before, or is being thawed.
	Thaw undo.Performer
}

// Successor goes on with a run whose leader is gone.
type Successor interface {
	// Succeed undoes whatever is left. Nothing of it must wait for a disk before
	// everything has been given back.
	Succeed(d Death)
	// Close gives back what was prepared, when the leader has ended well.
	Close()
}

// frame is one message. Exactly one field is set.
type frame struct {
	Order  *Order          `json:"order,omitempty"`
	Ready  *ready          `json:"ready,omitempty"`
	Record *journal.Record `json:"record,omitempty"`
	Lock   bool            `json:"lock,omitempty"` // comes with a descriptor
	Ask    *ask            `json:"ask,omitempty"`
	Answer *answer         `json:"answer,omitempty"`
	Alive  bool            `json:"alive,omitempty"`
	End    bool            `json:"end,omitempty"`
}

// ready is the first word of a watchdog.
type ready struct {
	Err string `json:"err,omitempty"`
}

// ask has a filesystem opened, frozen or thawed.
type ask struct {
	ID     int           `json:"id"`
	Verb   verb          `json:"verb"`
	FS     action.FS     `json:"fs"`
	Within time.Duration `json:"within,omitempty"` // for a thaw
}

type verb string

const (
	verbOpen   verb = "open"
	verbFreeze verb = "freeze"
	verbThaw   verb = "thaw"
)

// answer is what came of an ask: a state of [journal.Done] and its like for a thaw.
type answer struct {
	ID    int          `json:"id"`
	State action.State `json:"state"`
	Kind  action.Kind  `json:"kind,omitempty"`
	Text  string       `json:"text,omitempty"`
}
