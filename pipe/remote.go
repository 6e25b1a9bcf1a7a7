package pipe

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
)

// Grace is how long a script that was cancelled has to say where it was, before
// its process is killed.
const Grace = 250 * time.Millisecond

// Conn is the supervisor's end of the connection to a worker. A deadline must end
// a write that is blocked, and Close a read.
type Conn interface {
	io.ReadWriteCloser
	SetWriteDeadline(t time.Time) error
}

// Options say what a [Remote] needs of its owner.
type Options struct {
	// Subject is what the worker runs, for messages after "the"; empty is "script".
	Subject string
	// Print receives what the script prints, in the goroutine that called Load or
	// Call. Nil throws it away.
	Print func(pos, text string)
	// End kills the worker and waits until it is gone. It returns what the worker
	// died of, nil if it was End that killed it. hungUp says that the connection
	// ended at the other end, so that the worker is likely to be dying and may be
	// let to. End is called once at most, when the connection is of no use any more.
	End func(hungUp bool) *action.Fault
}

// Remote is a script in a worker, as the supervisor knows it; it implements
// [action.Script]. Methods are called from one goroutine at a time, but for Gone.
type Remote struct {
	opts  Options
	conn  Conn
	codec codec // the reading side belongs to the goroutine of read

	frames chan *frame
	life   context.Context // ends, with its cause, when the connection has
	cut    context.CancelCauseFunc
	reader sync.WaitGroup

	mu   sync.Mutex
	turn turn

	ended    *action.ScriptError // what every further call answers
	actions  int
	printed  int
	answered error // what the last action was answered with, if it was an error
}

// errClosed is the cause of a Remote that was closed by its owner.
var errClosed = errors.New("the script was closed")

// New returns the script at the other end of conn. [Remote.Ready] and
// [Remote.Load] come first, then calls; or Ready, then [Remote.Job]. The Remote owns conn; Close ends it.
func New(conn Conn, opts Options) *Remote {
	opts.Subject = cmp.Or(opts.Subject, "script")
	r := &Remote{
		opts: opts, conn: conn, frames: make(chan *frame),
		codec: codec{r: bufio.NewReader(conn), w: conn, items: maxItems},
	}
	r.life, r.cut = context.WithCancelCause(context.Background())
	r.reader.Go(r.read)
	return r
}

// Gone is closed when the worker can no longer be spoken to: it died, it was killed
// for a frame it sent, or the Remote was closed.
func (r *Remote) Gone() <-chan struct{} { return r.life.Done() }

// Close ends the connection, and so the worker's end of it. It does not end the
// process.
func (r *Remote) Close() error {
	r.cut(errClosed)
	err := r.conn.Close()
	r.reader.Wait()
	return err
}

// read takes in frames until one is wrong or the connection ends.
func (r *Remote) read() {
	for {
		f, err := r.codec.read()
		if err == nil {
			err = r.admit(f)
		}
		if err != nil {
			r.cut(err)
			return
		}
		select {
		case r.frames <- f:
		case <-r.life.Done():
			return
		}
	}
}

// admit refuses a frame that came out of turn. The turn changes here, not where
// the frame is handled, so that the next frame is judged by it.
func (r *Remote) admit(f *frame) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn, err = r.turn.after(f)
	return err
}

func (r *Remote) setTurn(t turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn = t
}

// Ready waits until the worker has restricted itself. It returns, by the name of
// each feature of its isolation, what keeps it from being in force; an empty text
// is nothing. The error is an *[action.ScriptError].
func (r *Remote) Ready(ctx context.Context) (map[string]string, error) {
	select {
	case f := <-r.frames:
		return f.Ready.Features, nil
	case <-r.life.Done():
		return nil, r.end(ctx, context.Cause(r.life))
	case <-ctx.Done():
		return nil, r.end(ctx, context.Cause(ctx))
	}
}

// Load has the worker compile a script. loader answers its load() statements; nil
// forbids them. The error is an *[action.ScriptError].
func (r *Remote) Load(ctx context.Context, name, database string, text []byte, loader func(module string) ([]byte, error)) (Info, error) {
	asked := 0
	begin := &frame{Load: &load{Name: name, Database: database, Text: text}}
	f, err := r.converse(ctx, loading, begin, func(f *frame) (*frame, error) {
		asked++
		if asked > maxModules || len(f.Module.Name) > maxName {
			return nil, fmt.Errorf("it asked for %d modules, the last one %.40q", asked, f.Module.Name)
		}
		return &frame{Source: sourceOf(loader, f.Module.Name)}, nil
	})
	if err != nil {
		return Info{}, err
	}
	if f.Loaded.Err != nil {
		return Info{}, f.Loaded.Err.scriptError(nil)
	}
	return f.Loaded.Info, nil
}

func sourceOf(loader func(module string) ([]byte, error), name string) *source {
	if loader == nil {
		return &source{Err: "load is not possible here"}
	}
	text, err := loader(name)
	if err != nil {
		return &source{Err: cut(err.Error(), MaxError)}
	}
	return &source{Text: text}
}

// Call runs a phase in the worker; see [action.Script]. When ctx ends the action
// under way is left to end by itself, as its executor must; then the script is
// cancelled; if it has not answered after [Grace] the worker is killed, as it is
// for anything that it may not send. The error is an *[action.ScriptError].
func (r *Remote) Call(ctx context.Context, phase string, in action.Value, ex action.Executor) (action.Value, error) {
	r.answered = nil
	f, err := r.converse(ctx, calling, &frame{Call: &call{phase, in}}, func(f *frame) (*frame, error) {
		return r.act(ctx, f.Do, ex)
	})
	if err != nil {
		return action.Value{}, err
	}
	if f.Return.Err != nil {
		return action.Value{}, f.Return.Err.scriptError(r.answered)
	}
	if ctx.Err() != nil { // it came back, but too late
		return action.Value{}, cancelled(ctx, context.Cause(ctx).Error())
	}
	return f.Return.Value, nil
}

// act has one action made and returns the frame that answers it. The error is for
// an action that no honest worker sends.
func (r *Remote) act(ctx context.Context, a *action.Action, ex action.Executor) (*frame, error) {
	if r.actions++; r.actions > MaxActions {
		return nil, fmt.Errorf("it made more than %d actions", MaxActions)
	}
	if err := checkAction(a); err != nil {
		return nil, fmt.Errorf("it sent %w", err)
	}
	// A worker that is gone wants no answer: whatever the action waits for ends.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() {
		cancel(&action.Fault{Kind: action.KindKilled, Message: "the process of the " + r.opts.Subject + " is gone: " + context.Cause(r.life).Error()})
	})()
	res, err := ex.Do(ctx, *a)
	out := &result{Result: res}
	switch {
	case err != nil:
		r.answered = err
		out.Broken = &action.Fault{Message: cut(err.Error(), MaxError)}
		if f := (*action.Fault)(nil); errors.As(err, &f) {
			out.Broken.Kind, out.Broken.Code = f.Kind, f.Code
		}
	case res.Err != nil:
		r.answered = res.Err
	}
	return r.fitting(out), nil
}

// fitting replaces an answer that does not fit a frame. What became of the action
// stays as it is.
func (r *Remote) fitting(out *result) *frame {
	f := &frame{Result: out}
	if _, err := encode(f); err != nil {
		fault := &action.Fault{Kind: action.KindScript, Message: "the answer cannot be given to the script: " + err.Error()}
		r.answered = fault
		f.Result = &result{Result: action.Result{State: out.State, Err: fault}}
	}
	return f
}
