package pipe

import "fmt"

// turn is where the conversation is: who may send what.
type turn int

// The turns. In waking, loading, calling and working it is the worker's.
const (
	waking    turn = iota // ready is awaited
	idle                  // nothing is under way
	loading               // loaded is awaited
	resolving             // the worker waits for a source
	calling               // return is awaited
	acting                // the worker waits for a result
	working               // done is awaited
	fetching              // the worker waits for a file of a job
)

var turnNames = [...]string{"before it was ready", "while idle", "while loading", "while it waited for a source", "in a call", "while it waited for a result", "in a job", "while it waited for a file"}

// after returns whose turn it is after a frame of the worker, or an error if the
// frame came out of turn.
func (t turn) after(f *frame) (turn, error) {
	switch {
	case t == waking && f.Ready != nil:
		return idle, nil
	case t == loading && f.Module != nil:
		return resolving, nil
	case t == loading && f.Loaded != nil:
		return idle, nil
	case t == calling && f.Do != nil:
		return acting, nil
	case t == calling && f.Return != nil:
		return idle, nil
	case t == working && f.Module != nil:
		return fetching, nil
	case t == working && f.Output != nil:
		return t, nil
	case t == working && f.Done != nil:
		return idle, nil
	case (t == loading || t == calling) && f.Print != nil:
		return t, nil
	}
	return t, fmt.Errorf("it sent %s %s", f.name(), turnNames[t])
}
