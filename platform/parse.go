package platform

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// Call is one call of a caller.
type Call struct {
	Caller *Caller
	Verb   Verb
	Word   string // what it said
	// Window tells two of its windows apart; "" if it has one at a time.
	Window string
	// Params is what else it said, a dict.
	Params action.Value
	// Budget is when we end by ourselves.
	Budget Times
}

// maxData bounds what a caller says: scripts get it, and sanoid names every dataset of a
// pool. maxWindow bounds the part that a ticket of ours keeps.
const (
	maxData   = 64 << 10
	maxWindow = 256
)

// Parse reads the arguments after the name of the caller, and its environment.
func (c *Caller) Parse(args []string, getenv func(string) string) (Call, error) {
	call := Call{Caller: c, Budget: c.Budget}
	var err error
	if call.Word, args, err = c.word(args, getenv); err != nil {
		return call, err
	}
	if call.Verb, err = c.verb(call.Word); err != nil {
		return call, err
	}
	call.Verb = c.adjusted(call.Verb, getenv)
	if call.Verb == Ignore {
		call.Params = action.Dict()
		return call, nil // whatever else it says
	}
	if call.Params, call.Window, err = c.data(args, getenv); err != nil {
		return call, err
	}
	return call, c.timeouts(&call, getenv)
}

func (c *Caller) word(args []string, getenv func(string) string) (string, []string, error) {
	if len(args) > 0 {
		return args[0], args[1:], nil
	}
	if c.Env != "" && getenv(c.Env) != "" {
		return getenv(c.Env), nil, nil
	}
	return "", nil, fmt.Errorf("hook %s: what is wanted? say %s", c.Name, c.wants())
}

// Rehearsal is what a person says to any hook, to see whether it would work.
const Rehearsal = "check"

// wants lists what can be said.
func (c *Caller) wants() string {
	words := make([]string, len(c.Words))
	for i, w := range c.Words {
		words[i] = w.Text
	}
	text := strings.Join(words, ", ")
	if c.Env != "" {
		text += ", as an argument or in " + c.Env
	}
	return text
}

func (c *Caller) verb(word string) (Verb, error) {
	for _, w := range c.Words {
		if w.Text == word {
			return w.Verb, nil
		}
	}
	switch {
	case word == Rehearsal:
		return Check, nil
	case c.Other != "":
		return c.Other, nil
	}
	return "", fmt.Errorf("hook %s: got %q; say %s", c.Name, clip(word), c.wants())
}

// adjusted is a verb with what the environment makes of it: in a rehearsal nothing is
// held, so there is nothing to end; after a pre that failed there is nothing to verify.
func (c *Caller) adjusted(v Verb, getenv func(string) string) Verb {
	switch {
	case c.DryRun != "" && getenv(c.DryRun) == "true" && v == Pre:
		return Check
	case c.DryRun != "" && getenv(c.DryRun) == "true" && v != Check:
		return Ignore
	case c.Failed != "" && getenv(c.Failed) == "1" && v == Post:
		return Abort
	}
	return v
}

// data reads what was said besides the word.
func (c *Caller) data(args []string, getenv func(string) string) (params action.Value, window string, err error) {
	params, used, size := action.Dict(), 0, 0
	for _, d := range c.Data {
		var value action.Value
		switch {
		case d.Env != "":
			value = text(getenv(d.Env))
		case d.Rest:
			rest := args[min(d.Arg-1, len(args)):]
			items := make([]action.Value, len(rest))
			for i, arg := range rest {
				items[i] = text(arg)
			}
			value, used = action.List(items...), len(args)
		default:
			arg := ""
			if d.Arg <= len(args) {
				arg, used = args[d.Arg-1], max(used, d.Arg)
			}
			value = text(arg)
		}
		if size += len(value.String()); size > maxData {
			return params, "", fmt.Errorf("hook %s: %s is longer than the %d bytes that a caller may say", c.Name, d.Name, maxData)
		}
		if d.Name == c.Window {
			if window = value.Text(); len(window) > maxWindow {
				return params, "", fmt.Errorf("hook %s: %s is longer than %d bytes", c.Name, d.Name, maxWindow)
			}
		}
		params = params.With(d.Name, value)
	}
	if used < len(args) && c.Other == "" {
		return params, "", fmt.Errorf("hook %s: unexpected argument %q", c.Name, clip(args[used]))
	}
	return params, window, nil
}

// text is what a caller said as a string that scripts can have.
func text(s string) action.Value { return action.String(strings.ToValidUTF8(s, "\uFFFD")) }

// timeouts fits the budget to what the caller says that it grants this time.
func (c *Caller) timeouts(call *Call, getenv func(string) string) error {
	if c.TimeoutEnv == "" || getenv(c.TimeoutEnv) == "" {
		return nil
	}
	seconds, err := strconv.ParseFloat(getenv(c.TimeoutEnv), 64)
	if err != nil || !(seconds > 0 && seconds <= 1e6) { // NaN is neither
		return fmt.Errorf("hook %s: %s is %q, want seconds", c.Name, c.TimeoutEnv, clip(getenv(c.TimeoutEnv)))
	}
	call.Within(time.Duration(seconds * float64(time.Second)))
	return nil
}

// Within says how long the caller waits for the answer to this call. We end by
// ourselves after three quarters of that: the rest is for giving back. It is never 0,
// which would bound nothing.
func (call *Call) Within(granted time.Duration) {
	budget := max(granted-granted/4, time.Millisecond)
	call.Budget.Pre, call.Budget.Post = budget, budget
}

// clip shortens something hostile for a message.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
