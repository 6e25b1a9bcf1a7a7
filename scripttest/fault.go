package scripttest

import (
	"fmt"
	"slices"

	"github.com/starhost/starhost/action"
)

// Kind is a way in which a point of a run can fail.
type Kind string

// The kinds of faults. Each strikes one point of a run, once.
const (
	FaultError       Kind = "error"             // it is refused, and was not made
	FaultPanic       Kind = "panic"             // the host panics after it was made
	FaultTimeout     Kind = "timeout"           // it was made, and took longer than its time
	FaultLostReply   Kind = "lost reply"        // it was made, and its session ended before the answer came
	FaultKilled      Kind = "worker killed"     // it was made, and the process of the script was killed
	FaultCrashBefore Kind = "host crash before" // the host was killed after the intent was on the disk
	FaultCrashAfter  Kind = "host crash after"  // the host was killed before the result was on the disk
	FaultSessionLost Kind = "session lost"      // its session had ended before
	FaultRestart     Kind = "server restarted"  // the server had been restarted
	FaultDropped     Kind = "locks dropped"     // during the snapshot a ready-made server lost all that it held, its sessions live
)

// Kinds are all kinds of faults, in the order in which they are tried.
var Kinds = []Kind{
	FaultError, FaultPanic, FaultTimeout, FaultLostReply, FaultKilled, FaultCrashBefore, FaultCrashAfter, FaultSessionLost, FaultRestart, FaultDropped,
}

// pointKind says which faults a point can have.
type pointKind int

const (
	pointStatement pointKind = iota
	pointProgram
	pointLocal    // sleep, emit and the naming of filesystems: nothing outside is changed
	pointFreeze   // of one filesystem, by the host
	pointSnapshot // the snapshot itself
	pointThaw     // the undo of a freeze
	pointOpen     // a session is opened
)

var applies = map[pointKind][]Kind{
	pointStatement: {FaultError, FaultPanic, FaultTimeout, FaultLostReply, FaultKilled, FaultCrashBefore, FaultCrashAfter, FaultSessionLost, FaultRestart},
	pointProgram:   {FaultError, FaultPanic, FaultTimeout, FaultKilled, FaultCrashBefore, FaultCrashAfter}, // it has no session
	pointLocal:     {FaultError, FaultPanic, FaultKilled, FaultCrashBefore, FaultCrashAfter},
	pointFreeze:    {FaultError, FaultPanic, FaultTimeout, FaultLostReply, FaultCrashBefore, FaultCrashAfter, FaultSessionLost, FaultRestart},
	pointSnapshot:  {FaultError, FaultPanic, FaultKilled, FaultCrashBefore, FaultCrashAfter, FaultSessionLost, FaultRestart, FaultDropped},
	pointOpen:      {FaultError, FaultCrashBefore},
	pointThaw:      {FaultError, FaultPanic, FaultTimeout, FaultCrashBefore, FaultCrashAfter},
}

// point is a moment of a run at which something can fail.
type point struct {
	kind     pointKind
	sessions bool   // there are sessions that can be lost
	locked   bool   // at the snapshot: a ready-made server holds something
	phase    string // prescript, freeze, snapshot, thaw, verify, postscript, unwind
	text     string // "sql FLUSH TABLES WITH READ LOCK", "undo sql UNLOCK TABLES"
}

// can reports whether a point can have a fault of that kind.
func (p point) can(kind Kind) bool {
	switch kind {
	case FaultSessionLost, FaultRestart:
		return p.sessions && slices.Contains(applies[p.kind], kind)
	case FaultDropped:
		return p.locked && slices.Contains(applies[p.kind], kind)
	}
	return slices.Contains(applies[p.kind], kind)
}

// Fault is one fault at one point of a run: the zero value is none.
type Fault struct {
	Kind Kind
	// Point counts the points of a run, from 1.
	Point int
	// NoSnapshot says that the snapshot fails besides, so that the host undoes all
	// that the script would have given back itself.
	NoSnapshot bool
	// Phase and Text say what the point is, for people.
	Phase, Text string
}

// String returns "timeout at 7, prescript: sql FLUSH TABLES WITH READ LOCK".
func (f Fault) String() string {
	if f.Kind == "" {
		return "no fault"
	}
	also := ""
	if f.NoSnapshot {
		also = ", after a snapshot that failed"
	}
	return fmt.Sprintf("%s at %d, %s: %s%s", f.Kind, f.Point, f.Phase, f.Text, also)
}

// faultsOf lists every fault that a run can have which went through these points.
func faultsOf(points []point, from int, noSnapshot bool, kinds []Kind) []Fault {
	var list []Fault
	for i, p := range points {
		if i < from {
			continue
		}
		for _, kind := range kinds {
			if p.can(kind) {
				list = append(list, Fault{Kind: kind, Point: i + 1, NoSnapshot: noSnapshot, Phase: p.phase, Text: p.text})
			}
		}
	}
	return list
}

// refusal is what a server of that kind says when it cannot say better.
func refusal(database string) *action.Fault {
	f := &action.Fault{Kind: action.KindRefused, Message: "the server refused it (an injected error)"}
	switch database {
	case "mysql":
		f.Code = action.Int(1105) // ER_UNKNOWN_ERROR
	case "oracle":
		f.Code = action.Int(600) // internal error
	case "postgres":
		f.Code = action.String("XX000") // internal_error
	case "sqlite":
		f.Code = action.Int(1) // SQLITE_ERROR
	}
	return f
}
