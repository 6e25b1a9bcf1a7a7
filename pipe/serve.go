package pipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/starhost/starhost/action"
)

// Source is a script to compile, in the worker.
type Source struct {
	Name     string
	Database string
	Text     []byte
	// Load asks the supervisor for the source of a module. It may be called until
	// the [Compile] that got it returns, from the same goroutine.
	Load func(module string) ([]byte, error)
	// Print hands what the script prints to the supervisor. It may be called from
	// the goroutine that the script runs in.
	Print func(pos, text string)
}

// Compile makes a script of its source. An error should be an *[action.ScriptError].
type Compile func(ctx context.Context, src Source) (action.Script, Info, error)

// Serve is the end of the pipe in the worker. It says that the worker is ready,
// and for each feature of its isolation what keeps it from being in force (an empty
// text where nothing does). Then it does what it is told until the connection ends:
// compile is for scripts, work for jobs, of which there are none if it is nil.
//
// The error is nil if the supervisor closed the connection between two frames.
// The script may still be running then: it is cancelled, but whoever wants it
// gone for certain exits the process.
func Serve(conn io.ReadWriter, features map[string]string, compile Compile, work Work) error {
	s := &server{
		codec:   codec{r: bufio.NewReader(conn), w: conn},
		compile: compile,
		doWork:  work,
		orders:  make(chan order, 1),
		answers: make(chan *frame, 1),
	}
	if err := s.write(&frame{Ready: &ready{features}}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	defer close(s.orders)
	s.gone = ctx.Done()
	go s.work()
	for {
		f, err := s.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.take(ctx, f)
		}
		if err != nil {
			return err
		}
	}
}

// server is the state of Serve. The goroutine that reads owns cancel, the one that
// runs the script owns what stands below script.
type server struct {
	codec
	compile Compile
	doWork  Work
	orders  chan order      // loads, calls and jobs
	answers chan *frame     // sources and results
	gone    <-chan struct{} // closed when nothing is read any more

	cancel context.CancelCauseFunc // of the last order

	script   action.Script
	answered error // the last fault an action was answered with
	actions  int
	printed  int
}

// order is a load, a call or a job, with the context that a cancel frame ends.
type order struct {
	ctx context.Context
	f   *frame
}

// take hands a frame to whom it is for. It does not wait.
func (s *server) take(ctx context.Context, f *frame) error {
	switch {
	case f.Load != nil || f.Call != nil || f.Job != nil:
		o := order{f: f}
		o.ctx, s.cancel = context.WithCancelCause(ctx) // ends with ctx at the latest
		select {
		case s.orders <- o:
			return nil
		default:
		}
	case f.Source != nil || f.Result != nil:
		select {
		case s.answers <- f:
			return nil
		default:
		}
	case f.Cancel != nil && s.cancel != nil:
		s.cancel(f.Cancel)
		return nil
	}
	return fmt.Errorf("%s came out of turn", f.name())
}

// work follows orders, one after the other. After a write that failed there is nobody
// to write to, and the reading end is about to learn that too.
func (s *server) work() {
	for o := range s.orders {
		out := s.follow(o)
		err := s.write(out)
		if err != nil && out.Return != nil {
			e := &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf("%s returned a value that cannot be recorded: %v", o.f.Call.Phase, err)}
			err = s.write(&frame{Return: &returned{Err: failureOf(e, nil)}})
		}
		if err != nil {
			return
		}
	}
}

// follow does what an order says and returns the frame that answers it.
func (s *server) follow(o order) *frame {
	switch {
	case o.f.Load != nil:
		return &frame{Loaded: s.load(o.ctx, o.f.Load)}
	case o.f.Call != nil:
		return &frame{Return: s.call(o.ctx, o.f.Call)}
	}
	return &frame{Done: s.job(o.ctx, o.f.Job)}
}

func (s *server) load(ctx context.Context, l *load) *loaded {
	script, info, err := s.compile(ctx, Source{Name: l.Name, Database: l.Database, Text: l.Text, Load: s.module, Print: s.print})
	if err != nil {
		return &loaded{Err: failureOf(err, nil)}
	}
	s.script = script
	return &loaded{Info: info}
}

func (s *server) call(ctx context.Context, c *call) *returned {
	if s.script == nil {
		return &returned{Err: failureOf(errors.New("no script is loaded"), nil)}
	}
	s.answered = nil
	value, err := s.script.Call(ctx, c.Phase, c.In, action.ExecutorFunc(s.do))
	if err != nil {
		return &returned{Err: failureOf(err, s.answered)}
	}
	return &returned{Value: value}
}

// do sends an action to the supervisor. It does not look at its context: the
// supervisor ends the action, and the answer says what became of it.
func (s *server) do(_ context.Context, a action.Action) (action.Result, error) {
	if s.actions++; s.actions > MaxActions {
		return action.Result{State: action.NotApplied}, &action.Fault{
			Kind: action.KindScript, Message: fmt.Sprintf("more than %d actions: the script loops for too long", MaxActions),
		}
	}
	if err := s.write(&frame{Do: &a}); err != nil {
		return action.Result{State: action.NotApplied}, err
	}
	f, err := s.answer()
	if err != nil {
		return action.Result{State: action.Unknown}, err
	}
	if f.Result == nil {
		return action.Result{State: action.Unknown}, fmt.Errorf("%s came in place of a result", f.name())
	}
	if f.Result.Broken != nil {
		s.answered = f.Result.Broken
		return f.Result.Result, s.answered
	}
	if f.Result.Err != nil {
		s.answered = f.Result.Err
	}
	return f.Result.Result, nil
}

func (s *server) module(name string) ([]byte, error) {
	if err := s.write(&frame{Module: &module{cut(name, maxName)}}); err != nil {
		return nil, err
	}
	f, err := s.answer()
	switch {
	case err != nil:
		return nil, err
	case f.Source == nil:
		return nil, fmt.Errorf("%s came in place of a source", f.name())
	case f.Source.Err != "":
		return nil, errors.New(f.Source.Err)
	}
	return f.Source.Text, nil
}

// answer waits for the supervisor.
func (s *server) answer() (*frame, error) {
	select {
	case f := <-s.answers:
		return f, nil
	case <-s.gone:
		return nil, errors.New("the supervisor is gone")
	}
}

// print sends what fits the limit; what a script prints beyond it is lost.
func (s *server) print(pos, text string) {
	p := printed{cut(pos, maxName), cut(text, MaxPrint/4)}
	if s.printed+p.cost() > MaxPrint {
		return
	}
	s.printed += p.cost()
	_ = s.write(&frame{Print: &p}) // a pipe that is broken ends the script at its next action
}
