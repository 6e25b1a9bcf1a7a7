package pipe

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/starhost/starhost/action"
)

// Limits of a job.
const (
	// MaxData is how many bytes the input of a job may have, a file, a piece of output
	// and the result: what fits a frame for certain.
	MaxData = (MaxFrame - 1024) / 4 * 3
	// MaxLoads is how many files a job may ask for.
	MaxLoads = 10_000
	// MaxOutput is how many bytes a job may put out in all its pieces, where each
	// counts pieceCost more than it has.
	MaxOutput = 64 << 20

	pieceCost = 1 << 10
)

// Job is something else to do in a worker than to be the script of a run.
type Job struct {
	Name  string
	Input []byte
	// Load asks the supervisor for a file, and Out hands it a piece of output. Both
	// may be called by any goroutine of the job until the job returns.
	Load func(name string) ([]byte, error)
	Out  func(data []byte) error
}

// Work does a job, in the worker. The kind of an error is that of the
// *[action.ScriptError] or *[action.Fault] in it, else that of the end of ctx, else
// internal.
type Work func(ctx context.Context, j Job) ([]byte, error)

// job is a job to do. What jobs say is bytes, base64 in JSON: it is nobody's here.
type job struct {
	Name  string `json:"name"`
	Input []byte `json:"input"`
}

// output is one piece of what a job puts out.
type output struct {
	Data []byte `json:"data"`
}

// done ends a job.
type done struct {
	Data []byte   `json:"data"`
	Err  *failure `json:"err,omitempty"`
}

// Job has the worker do a job, and returns its result. load answers its requests for
// files, nil forbids them; a name is whatever the worker sent. out takes in its
// output, nil throws it away; an error of out ends the worker, and is returned. Both
// are called in this goroutine. All other errors are *[action.ScriptError]; the end of
// ctx is treated as in [Remote.Call].
func (r *Remote) Job(ctx context.Context, name string, input []byte, load func(name string) ([]byte, error), out func(data []byte) error) ([]byte, error) {
	if err := fits("the input", input); err != nil {
		return nil, &action.ScriptError{Kind: action.KindScript, Msg: err.Error()}
	}
	loads, size := 0, 0
	var refused error
	f, err := r.converse(ctx, working, &frame{Job: &job{name, input}}, func(f *frame) (*frame, error) {
		if f.Module != nil {
			if loads++; loads > MaxLoads || len(f.Module.Name) > maxName {
				return nil, fmt.Errorf("it asked for %d files, the last one %.40q", loads, f.Module.Name)
			}
			return fileOf(load, f.Module.Name), nil
		}
		if size += len(f.Output.Data) + pieceCost; size > MaxOutput {
			return nil, fmt.Errorf("it put out more than %d bytes", MaxOutput)
		}
		if out != nil {
			refused = out(f.Output.Data)
		}
		return nil, refused
	})
	switch {
	case refused != nil:
		return nil, refused
	case err != nil:
		return nil, err
	case f.Done.Err != nil:
		return nil, f.Done.Err.scriptError(nil)
	case ctx.Err() != nil: // it came back, but too late
		return nil, cancelled(ctx, context.Cause(ctx).Error())
	}
	return f.Done.Data, nil
}

// fileOf answers a request for a file; one that does not fit a frame is an error.
func fileOf(load func(name string) ([]byte, error), name string) *frame {
	s := sourceOf(load, name)
	if err := fits(name, s.Text); err != nil {
		s = &source{Err: err.Error()}
	}
	return &frame{Source: s}
}

// fits refuses what would not fit a frame.
func fits(what string, data []byte) error {
	if len(data) > MaxData {
		return fmt.Errorf("%s has %d bytes, at most %d can be sent", what, len(data), MaxData)
	}
	return nil
}

// speaker lets the goroutines of a job speak to the supervisor, one at a time.
type speaker struct {
	*server
	mu   sync.Mutex
	over bool // the job has returned
}

// errOver is what speaking answers after the end of a job.
var errOver = errors.New("the job has returned")

func (s *speaker) load(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, errOver
	}
	return s.module(name)
}

func (s *speaker) out(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errOver
	}
	if err := fits("a piece of output", data); err != nil {
		return err
	}
	return s.write(&frame{Output: &output{data}})
}

func (s *speaker) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// job does a job.
func (s *server) job(ctx context.Context, j *job) (out *done) {
	if s.doWork == nil {
		return &done{Err: failureOf(errors.New("this worker does no jobs"), nil)}
	}
	speaker := &speaker{server: s}
	defer speaker.end()
	defer func() {
		if v := recover(); v != nil {
			e := &action.ScriptError{Kind: action.KindInternal, Msg: fmt.Sprintf("panic in the job %q: %v", j.Name, v)}
			e.Cause = &panicked{e.Msg, string(debug.Stack())}
			out = &done{Err: failureOf(e, nil)}
		}
	}()
	data, err := s.doWork(ctx, Job{Name: j.Name, Input: j.Input, Load: speaker.load, Out: speaker.out})
	if err == nil {
		err = fits("the result", data)
	}
	if err != nil {
		return &done{Err: jobFailure(ctx, err)}
	}
	return &done{Data: data}
}

// jobFailure makes a failure of what a job returned.
func jobFailure(ctx context.Context, err error) *failure {
	kind := action.KindInternal
	fault := (*action.Fault)(nil)
	switch {
	case errors.As(err, new(*action.ScriptError)):
		return failureOf(err, nil)
	case errors.As(err, &fault) && fault.Kind != "":
		kind = fault.Kind
	case ctx.Err() != nil:
		kind = faultOf(ctx).Kind
	}
	return failureOf(&action.ScriptError{Kind: kind, Msg: err.Error()}, nil)
}
