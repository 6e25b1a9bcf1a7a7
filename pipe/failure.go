package pipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/starhost/starhost/action"
)

// failure is an *[action.ScriptError] on its way through the pipe.
type failure struct {
	action.ScriptError
	// Answered says that the cause is what the supervisor answered to the last
	// action. It has that itself, and need not believe a worker what it was.
	Answered bool `json:"answered,omitempty"`
	// GoStack is the stack of a goroutine that panicked.
	GoStack string `json:"go_stack,omitempty"`
}

// Sizes of what a failure is cut to.
const (
	maxSource  = 256      // bytes of a source line
	maxGoStack = 16 << 10 // bytes
	// outermost is how many frames are kept of the outer end of a long stack.
	outermost = 8
)

// failureOf makes a failure of what a script returned, in the worker. answered is
// the last fault that an action was answered with.
func failureOf(err error, answered error) *failure {
	e := (*action.ScriptError)(nil)
	if !errors.As(err, &e) {
		e = &action.ScriptError{Kind: action.KindInternal, Msg: err.Error()}
	}
	f := &failure{ScriptError: action.ScriptError{Kind: e.Kind, Msg: cut(e.Msg, MaxError), Stack: shorten(e.Stack)}}
	f.Answered = answered != nil && errors.Is(e.Cause, answered)
	if p := interface{ GoStack() string }(nil); errors.As(e.Cause, &p) {
		f.GoStack = cut(p.GoStack(), maxGoStack)
	}
	return f
}

// scriptError makes an error of a failure, in the supervisor.
func (f *failure) scriptError(answered error) *action.ScriptError {
	e := f.ScriptError
	switch {
	case f.Answered && answered != nil:
		e.Cause = answered
	case f.GoStack != "":
		e.Cause = &panicked{e.Msg, f.GoStack}
	}
	return &e
}

// kinds are those that a script can fail with.
var kinds = [...]action.Kind{
	action.KindConfig, action.KindScript, action.KindRefused, action.KindTimeout, action.KindKilled, action.KindMemory,
	action.KindFreeze, action.KindSnapshot, action.KindAborted, action.KindVerify, action.KindUndo, action.KindInternal,
}

// validate refuses a failure that [failureOf] would not have made.
func (f *failure) validate() error {
	switch {
	case f == nil:
		return nil
	case !slices.Contains(kinds[:], f.Kind):
		return fmt.Errorf("an error of an unknown kind %.40q", f.Kind)
	case len(f.Msg) > MaxError || len(f.GoStack) > MaxError:
		return fmt.Errorf("an error of more than %d bytes", MaxError)
	case len(f.Stack) > maxStack:
		return fmt.Errorf("an error with %d frames, at most %d are allowed", len(f.Stack), maxStack)
	}
	for _, frame := range f.Stack {
		if len(frame.Pos) > maxName || len(frame.Func) > maxName || len(frame.Source) > maxName {
			return fmt.Errorf("an error whose stack has a line of more than %d bytes", maxName)
		}
	}
	return nil
}

// panicked is a Go panic in the worker.
type panicked struct{ msg, stack string }

func (p *panicked) Error() string { return p.msg }

// GoStack returns the stack of the goroutine that panicked.
func (p *panicked) GoStack() string { return p.stack }

// shorten keeps both ends of a long stack.
func shorten(stack []action.Frame) []action.Frame {
	var out []action.Frame
	for i, f := range stack {
		switch left := len(stack) - maxStack + 1; {
		case left > 1 && i == outermost:
			out = append(out, action.Frame{Pos: "…", Func: fmt.Sprintf("%d frames left out", left)})
		case left > 1 && i > outermost && i < outermost+left:
		default:
			out = append(out, action.Frame{Pos: cut(f.Pos, maxSource), Func: cut(f.Func, maxSource), Source: cut(f.Source, maxSource)})
		}
	}
	return out
}

// cutMark is what a text that was cut ends in.
const cutMark = "… (cut)"

// cut shortens a text to n bytes, between two characters.
func cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= n {
		return text
	}
	end := n - len(cutMark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}
