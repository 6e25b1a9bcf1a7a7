// Package pipe carries the waist of starhost between two processes: actions go
// from a script in a worker to an [action.Executor] in the supervisor, calls of
// phases the other way.
//
//	supervisor                                   worker
//	Remote  (an action.Script)                   Serve  (has an action.Script)
//	                       ◀── ready             restricted, compiled nothing yet
//	Load    load       ──▶                       compiles
//	        source     ──▶ ◀── module            as often as there are load() statements
//	                       ◀── loaded
//	Call    call       ──▶                       runs a phase
//	        result     ──▶ ◀── do                as often as the script acts
//	        cancel     ──▶                       at most once, at any time
//	                       ◀── return
//	Job     job        ──▶                       does something else; see Job
//	        source     ──▶ ◀── module, output    as often as the job wants
//	                       ◀── done
//
// A frame is its length in four bytes, the most significant first, then that many
// bytes of JSON: an object with one member, whose name is the type of the frame.
// The worker may send print whenever it is its turn.
//
// # Trust
//
// The worker is hostile: its script may have taken it over. Every frame is
// checked for size, nesting, number of items, encoding and turn before anything
// acts on it; what is wrong ends the worker. The same limits are kept by [Serve]
// too, where exceeding them is an error of the script with a stack. The worker
// trusts the supervisor.
//
// # Concurrency
//
// There is one call under way at a time, on each end. A [Remote] has one goroutine
// that reads, until the connection ends; writes are made by whoever calls. [Serve]
// reads in the goroutine of its caller and runs the script in another one.
package pipe

import (
	"errors"

	"github.com/starhost/starhost/action"
)

// Limits of what goes through a pipe.
const (
	// MaxFrame is the size of a frame, without its length.
	MaxFrame = 1 << 20
	// MaxActions is how many actions a script may make in all its phases.
	MaxActions = 10_000
	// MaxPrint is how much a script may print in all its phases: bytes of texts
	// and positions, and printCost for each.
	MaxPrint = 64 << 10
	// MaxError is the size of the message of an error.
	MaxError = 64 << 10

	printCost  = 16
	maxNesting = 48      // of JSON in a frame; a value alone may have action.MaxDepth
	maxItems   = 1 << 16 // of JSON in a frame of a worker: each takes about 100 bytes once decoded
	maxModules = 64      // requests for modules; the interpreter makes at most one a file
	maxName    = 512     // bytes of a position, a function, the name of a module
	maxStack   = 64      // frames of a stack
)

// Info is what a script says of itself. It is the same as that of the interpreter.
type Info struct {
	Name     string
	SHA256   string
	Doc      string
	Settings action.Value
	Phases   []string
}

// frame is one message: exactly one field is set. It is a closed sum, as
// [action.Op] is.
type frame struct {
	// Of the worker.
	Ready  *ready         `json:"ready,omitempty"`
	Module *module        `json:"module,omitempty"`
	Loaded *loaded        `json:"loaded,omitempty"`
	Do     *action.Action `json:"do,omitempty"`
	Print  *printed       `json:"print,omitempty"`
	Return *returned      `json:"return,omitempty"`
	Output *output        `json:"output,omitempty"`
	Done   *done          `json:"done,omitempty"`

	// Of the supervisor.
	Load   *load         `json:"load,omitempty"`
	Source *source       `json:"source,omitempty"`
	Call   *call         `json:"call,omitempty"`
	Job    *job          `json:"job,omitempty"`
	Result *result       `json:"result,omitempty"`
	Cancel *action.Fault `json:"cancel,omitempty"`
}

// ready says that the worker has restricted itself: per feature of its isolation
// nothing, or what keeps it from being in force.
type ready struct {
	Features map[string]string `json:"features"`
}

// load is the script to compile. Sources are bytes, base64 in JSON: a text that is
// not UTF-8 must be refused by the compiler, not changed on the way to it.
type load struct {
	Name     string `json:"name"`
	Database string `json:"database"`
	Text     []byte `json:"text"`
}

// module asks for the source of a load() statement, or for a file of a job.
type module struct {
	Name string `json:"name"`
}

// source answers a module.
type source struct {
	Text []byte `json:"text"`
	Err  string `json:"err,omitempty"`
}

// loaded ends a load.
type loaded struct {
	Info Info     `json:"info"`
	Err  *failure `json:"err,omitempty"`
}

// call runs a phase.
type call struct {
	Phase string       `json:"phase"`
	In    action.Value `json:"in"`
}

// result answers a do. Broken is set if the executor itself failed.
type result struct {
	action.Result
	Broken *action.Fault `json:"broken,omitempty"`
}

// returned ends a call.
type returned struct {
	Value action.Value `json:"value"`
	Err   *failure     `json:"err,omitempty"`
}

// printed is one print of the script.
type printed struct {
	Pos  string `json:"pos"`
	Text string `json:"text"`
}

// cost is what a print counts against [MaxPrint].
func (p printed) cost() int { return len(p.Pos) + len(p.Text) + printCost }

// name is the type of the frame, for people.
func (f *frame) name() string {
	names := f.names()
	if len(names) != 1 {
		return "nothing"
	}
	return names[0]
}

func (f *frame) names() (names []string) {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"ready", f.Ready != nil},
		{"module", f.Module != nil},
		{"loaded", f.Loaded != nil},
		{"do", f.Do != nil},
		{"print", f.Print != nil},
		{"return", f.Return != nil},
		{"output", f.Output != nil},
		{"done", f.Done != nil},
		{"load", f.Load != nil},
		{"source", f.Source != nil},
		{"call", f.Call != nil},
		{"job", f.Job != nil},
		{"result", f.Result != nil},
		{"cancel", f.Cancel != nil},
	} {
		if field.set {
			names = append(names, field.name)
		}
	}
	return names
}

// errKinds says that a frame is none of the types, or more than one.
var errKinds = errors.New("a frame must be of exactly one type")
