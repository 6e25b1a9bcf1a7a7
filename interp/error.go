package interp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/starhost/starhost/action"
)

// panicError is a Go panic inside a builtin, caught where the Starlark stack
// still stands: once it has unwound starlark.Call the frames are gone.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic in the host: %v", p.value) }

// GoStack returns the stack of the goroutine that panicked.
func (p *panicError) GoStack() string { return string(p.stack) }

// fault makes an *action.ScriptError of whatever the interpreter returned.
func (s *Script) fault(ctx context.Context, err error) *action.ScriptError {
	if e := (*action.ScriptError)(nil); errors.As(err, &e) && len(e.Stack) > 0 {
		return s.below(err, e)
	}
	if e := (*starlark.EvalError)(nil); errors.As(err, &e) {
		return s.evalFault(ctx, e)
	}
	if e := resolve.ErrorList(nil); errors.As(err, &e) && len(e) > 0 {
		return s.atPosition(e[0].Pos, e[0].Msg)
	}
	if e := (syntax.Error{}); errors.As(err, &e) {
		return s.atPosition(e.Pos, e.Msg)
	}
	return &action.ScriptError{Kind: kindOf(ctx, err, action.KindScript), Msg: clip(err.Error(), MaxError), Cause: err}
}

// below puts the stack that led to the load statement under the stack of an error
// in the file that was loaded.
func (s *Script) below(err error, loaded *action.ScriptError) *action.ScriptError {
	loading := (*starlark.EvalError)(nil)
	if !errors.As(err, &loading) {
		return loaded
	}
	out := *loaded
	out.Stack = append(s.frames(loading), loaded.Stack...)
	return &out
}

func (s *Script) frames(e *starlark.EvalError) (frames []action.Frame) {
	for _, frame := range e.CallStack {
		if frame.Pos.Filename() != "<builtin>" {
			frames = append(frames, s.frame(frame.Name, frame.Pos))
		}
	}
	return frames
}

func (s *Script) atPosition(pos syntax.Position, msg string) *action.ScriptError {
	return &action.ScriptError{Kind: action.KindScript, Msg: msg, Stack: []action.Frame{s.frame("<toplevel>", pos)}}
}

func (s *Script) evalFault(ctx context.Context, e *starlark.EvalError) *action.ScriptError {
	msg := strings.TrimPrefix(e.Msg, "Starlark computation cancelled: ")
	return &action.ScriptError{
		Kind: kindOf(ctx, e, action.KindScript), Msg: clip(msg, MaxError), Stack: s.frames(e), Cause: e.Unwrap(),
	}
}

// kindOf finds the kind of the innermost cause that has one. Cancelling comes
// first: what an action answered after its phase had ended is a consequence.
func kindOf(ctx context.Context, err error, kind action.Kind) action.Kind {
	if p := (*panicError)(nil); errors.As(err, &p) {
		return action.KindInternal
	}
	if ctx.Err() != nil {
		if f := (*action.Fault)(nil); errors.As(context.Cause(ctx), &f) {
			return f.Kind
		}
		return action.KindTimeout
	}
	if f := (*action.Fault)(nil); errors.As(err, &f) && f.Kind != "" {
		return f.Kind
	}
	if e := (*action.ScriptError)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return kind
}

func (s *Script) frame(fn string, pos syntax.Position) action.Frame {
	return action.Frame{Pos: pos.String(), Func: fn, Source: s.line(pos.Filename(), int(pos.Line))}
}

// line returns a source line of a file of the script.
func (s *Script) line(name string, n int) string {
	f := s.files[name]
	if f == nil || n < 1 {
		return ""
	}
	lines := strings.SplitN(string(f.source), "\n", n+1)
	if len(lines) < n {
		return ""
	}
	return clip(strings.TrimSpace(lines[n-1]), 200)
}

// Panicked makes an error of a recovered panic; the interpreter reports it as
// kind internal with the stack of the script.
func Panicked(value any, stack []byte) error { return &panicError{value, stack} }
