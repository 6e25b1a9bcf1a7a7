package pipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/starhost/starhost/action"
)

// converse sends what begins a load or a call, answers what the worker asks
// meanwhile, and returns the frame that ends it. The error is an
// *[action.ScriptError]; but for one of a frame that cannot be sent, the worker is
// gone then.
func (r *Remote) converse(ctx context.Context, during turn, begin *frame, answer func(*frame) (*frame, error)) (*frame, error) {
	switch {
	case r.ended != nil:
		return nil, r.ended
	case ctx.Err() != nil:
		return nil, cancelled(ctx, context.Cause(ctx).Error())
	case r.life.Err() != nil:
		return nil, r.end(ctx, context.Cause(r.life))
	}
	if _, err := encode(begin); err != nil {
		return nil, &action.ScriptError{Kind: action.KindScript, Msg: err.Error()}
	}
	r.setTurn(during)
	if err := r.send(ctx, begin); err != nil {
		return nil, r.end(ctx, err)
	}
	f, err := r.follow(ctx, during, answer)
	if err != nil {
		return nil, r.end(ctx, err)
	}
	return f, nil
}

// follow is the middle and the end of a conversation.
func (r *Remote) follow(ctx context.Context, during turn, answer func(*frame) (*frame, error)) (*frame, error) {
	done, late := ctx.Done(), (<-chan time.Time)(nil)
	cancel := func() error {
		done, late = nil, time.After(Grace)
		return r.send(ctx, &frame{Cancel: faultOf(ctx)})
	}
	for {
		var out *frame
		var err error
		select {
		case <-done:
		case <-late:
			return nil, context.Cause(ctx)
		case <-r.life.Done():
			return nil, context.Cause(r.life)
		case f := <-r.frames:
			if f.Loaded != nil || f.Return != nil || f.Done != nil {
				return f, f.validate()
			}
			if out, err = r.answer(f, answer); err != nil {
				return nil, err
			}
		}
		// The cancel comes before the answer, which the script is not to act upon.
		if done != nil && ctx.Err() != nil {
			err = cancel()
		}
		if err == nil && out != nil {
			r.setTurn(during)
			err = r.send(ctx, out)
		}
		if err != nil {
			return nil, err
		}
	}
}

// answer makes the answer to one frame of the worker; nil if it wants none.
func (r *Remote) answer(f *frame, answer func(*frame) (*frame, error)) (*frame, error) {
	if f.Print != nil {
		return nil, r.print(f.Print)
	}
	return answer(f)
}

func (r *Remote) print(p *printed) error {
	if r.printed += p.cost(); r.printed > MaxPrint {
		return fmt.Errorf("it printed more than %d bytes", MaxPrint)
	}
	if r.opts.Print != nil {
		r.opts.Print(p.Pos, p.Text)
	}
	return nil
}

// validate refuses the end of a conversation that no honest worker sends.
func (f *frame) validate() error {
	fail, value := (*failure)(nil), action.Value{}
	switch {
	case f.Return != nil:
		fail, value = f.Return.Err, f.Return.Value
	case f.Loaded != nil:
		fail, value = f.Loaded.Err, f.Loaded.Info.Settings
	default:
		fail = f.Done.Err
	}
	if err := fail.validate(); err != nil {
		return fmt.Errorf("it sent %w", err)
	}
	if err := value.NoSecrets(); err != nil {
		return fmt.Errorf("it sent a value that cannot be: %w", err)
	}
	return nil
}

// send writes one frame. A worker that does not read cannot hold it up for longer
// than [Grace] after the end of ctx.
func (r *Remote) send(ctx context.Context, f *frame) error {
	_ = r.conn.SetWriteDeadline(time.Time{}) // one that is closed says so when it is written to
	set := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = r.conn.SetWriteDeadline(time.Now().Add(Grace))
		close(set)
	})
	err := r.codec.write(f)
	if !stop() {
		<-set // it must not meet the next write
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("it does not take %s: %w", f.name(), err)
	}
	if err != nil {
		return &hangUp{err}
	}
	return nil
}

// end ends the worker, once, and says why: what it died of if it died by itself,
// else the end of the context, else what it did.
func (r *Remote) end(ctx context.Context, why error) *action.ScriptError {
	if r.ended != nil {
		return r.ended
	}
	h := (*hangUp)(nil)
	fault := r.opts.End(errors.As(why, &h))
	r.cut(why)
	e := &action.ScriptError{Kind: action.KindKilled, Msg: "the process of the " + r.opts.Subject + " was killed: " + why.Error()}
	switch {
	case errors.Is(why, errClosed):
		e.Msg = why.Error()
	case fault != nil:
		e = &action.ScriptError{Kind: fault.Kind, Msg: fault.Message, Cause: fault}
	case ctx.Err() != nil:
		e = cancelled(ctx, context.Cause(ctx).Error()+"; the "+r.opts.Subject+" did not stop, and its process was killed")
	}
	r.ended = e
	return e
}

// cancelled is the error of a phase whose context has ended.
func cancelled(ctx context.Context, msg string) *action.ScriptError {
	return &action.ScriptError{Kind: faultOf(ctx).Kind, Msg: msg}
}

// faultOf is the cause of the end of a context; one without a kind of its own ran
// out of time.
func faultOf(ctx context.Context) *action.Fault {
	if f := (*action.Fault)(nil); errors.As(context.Cause(ctx), &f) {
		return f
	}
	return &action.Fault{Kind: action.KindTimeout, Message: cut(context.Cause(ctx).Error(), MaxError)}
}
