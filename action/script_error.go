package action

import (
	"fmt"
	"strings"
)

// Frame is one line of a Starlark stack, outermost first in a stack.
type Frame struct {
	Pos    string `json:"pos"`              // mysql.star:31:8
	Func   string `json:"func"`             // prescript
	Source string `json:"source,omitempty"` // the source line, without its indentation
}

// String returns "mysql.star:31:8: in prescript".
func (f Frame) String() string { return f.Pos + ": in " + f.Func }

// ScriptError is what a [Script] fails with: the Starlark stack where there is one,
// then what went wrong at the end of it.
type ScriptError struct {
	Kind  Kind    `json:"kind"`
	Msg   string  `json:"msg"`
	Stack []Frame `json:"stack,omitempty"`
	// Cause is the fault of an action, or the Go stack of a panic, if that was it.
	// It is no part of the JSON.
	Cause error `json:"-"`
}

// Error returns the message behind the innermost position.
func (e *ScriptError) Error() string {
	if len(e.Stack) == 0 {
		return e.Msg
	}
	return e.Stack[len(e.Stack)-1].Pos + ": " + e.Msg
}

// Unwrap returns the cause.
func (e *ScriptError) Unwrap() error { return e.Cause }

// Lines returns the stack as the report shows it.
func (e *ScriptError) Lines() []string {
	lines := make([]string, len(e.Stack))
	for i, f := range e.Stack {
		lines[i] = f.String()
	}
	return lines
}

// Backtrace returns the stack with the source line under each frame, then the message.
func (e *ScriptError) Backtrace() string {
	var b strings.Builder
	for _, f := range e.Stack {
		fmt.Fprintf(&b, "  %s\n", f)
		if f.Source != "" {
			fmt.Fprintf(&b, "    %s\n", f.Source)
		}
	}
	b.WriteString(e.Msg)
	return b.String()
}
