package interp

import (
	"cmp"
	"context"
	"strings"
	"unicode/utf8"

	"go.starlark.net/starlark"

	"github.com/starhost/starhost/action"
)

// localKey is where a thread keeps its call.
const localKey = "starhost"

// call is what builtins need to know of the phase they are called from.
type call struct {
	ctx context.Context
	ex  action.Executor // nil while a file loads
}

// running is a thread together with the watcher that cancels it.
type running struct {
	thread *starlark.Thread
	stop   func() bool
}

// thread makes a thread that ends when ctx does.
func (s *Script) thread(ctx context.Context, name string, ex action.Executor) running {
	t := &starlark.Thread{Name: name, Print: s.print}
	t.SetLocal(localKey, &call{ctx: ctx, ex: ex})
	t.SetMaxExecutionSteps(s.opts.Cover.budget(cmp.Or(s.opts.steps, MaxSteps)))
	t.OnMaxSteps = func(t *starlark.Thread) { t.Cancel(tooManySteps) }
	t.Load = func(_ *starlark.Thread, module string) (starlark.StringDict, error) {
		return s.module(ctx, module)
	}
	return running{t, context.AfterFunc(ctx, func() { t.Cancel(context.Cause(ctx).Error()) })}
}

// tooManySteps is the reason of a cancellation by the step budget.
const tooManySteps = "more than 50000000 steps: the script loops for too long"

// Actions returns the context and the executor of the phase that the thread is
// in. The error, while a file loads, is [ErrLoading].
func Actions(t *starlark.Thread) (context.Context, action.Executor, error) {
	c, ok := t.Local(localKey).(*call)
	if !ok || c.ex == nil {
		return nil, nil, ErrLoading
	}
	return c.ctx, c.ex, nil
}

// Caller returns the position of the innermost frame of the script itself:
// "mysql.star:31:8".
func Caller(t *starlark.Thread) string {
	for depth := range t.CallStackDepth() {
		if pos := t.CallFrame(depth).Pos; pos.Filename() != "<builtin>" && pos.IsValid() {
			return pos.String()
		}
	}
	return ""
}

func (s *Script) printer() func(*starlark.Thread, string) {
	return func(t *starlark.Thread, text string) {
		if s.opts.Print != nil {
			s.opts.Print(Caller(t), clip(text, MaxPrint))
		}
	}
}

// clip shortens text to at most n bytes, between two characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	text = text[:n]
	for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
		text = text[:len(text)-1]
	}
	return text + "… (cut)"
}

// docOf returns the first line of a file's docstring.
func docOf(source []byte) string {
	text := strings.TrimLeft(string(source), " \t\r\n")
	quote := `"""`
	if !strings.HasPrefix(text, quote) {
		return ""
	}
	line, _, _ := strings.Cut(text[len(quote):], "\n")
	line, _, _ = strings.Cut(line, quote)
	return strings.TrimSpace(line)
}
