// Package event is the messaging channel: what a run tells whoever listens.
//
// An event is one line of JSON in the file events.jsonl, a CloudEvent 1.0 in
// structured mode (https://github.com/cloudevents/spec):
//
//	{"specversion":"1.0","id":"01J…","source":"starhost","type":"starhost.quiesced","time":"2026-01-02T03:04:05.000000006Z",
//	 "subject":"orders","datacontenttype":"application/json","data":{"run":"01J…", …}}
//
// An event never delays a run and never fails one. [Sink.Emit] puts it into a bounded
// queue that one goroutine writes out; what does not fit, or cannot be written, is
// dropped and counted, and an event of type [Dropped] takes its place. While
// filesystems are frozen nothing is written ([Sink.Hold]). Events are not made durable:
// what has to survive a crash belongs in a journal.
//
// The file is bounded too: when it would exceed [MaxFile] bytes it is renamed to
// events.jsonl.1, in place of the one before. Several processes may write to it; each
// line is one write(2) at the end of the file. Two of them do not rotate it at once,
// and one that has just lost the race writes a line more to the old file.
package event

import (
	"time"

	"github.com/starhost/starhost/action"
)

const (
	// Source is the source of all events.
	Source = "starhost"
	// Prefix begins the type of all events.
	Prefix = "starhost."
	// ScriptPrefix begins the type of what a script emits, so that none can pass
	// for an event of the host: emit("done") has type "starhost.script.done".
	ScriptPrefix = Prefix + "script."
	// Dropped is the type of an event that stands for those that were dropped; its
	// data has their "count".
	Dropped = Prefix + "dropped"
)

// Limits of the channel.
const (
	MaxFile  = 4 << 20  // bytes of events.jsonl
	MaxEvent = 64 << 10 // bytes of one line; a longer one is dropped
	MaxQueue = 1024     // events that wait to be written
)

// Event is one event. It is immutable once emitted.
type Event struct {
	ID      string    // a ULID; made up by Emit if empty
	Type    string    // with its prefix
	Time    time.Time // the time of Emit if zero
	Subject string    // the workload; empty is the host itself
	Run     string    // becomes the "run" of the data, whatever Data has there
	// Data is a dict without secrets. Another value becomes the "value" of one.
	Data action.Value
}
