package proctree

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// initialised is set once, by Init. Without it a keeper would be a second copy
// of the whole program, tests included, instead of a keeper.
var initialised atomic.Bool

// outcome is what is known of a run so far.
type outcome struct {
	errno   syscall.Errno // why the program did not start
	started bool
	ended   bool
	status  syscall.WaitStatus
	gone    bool     // no process of the tree is left
	left    []string // processes that are
	// released says that the keeper was told to leave alone what the program left.
	released bool
	// cut is the error of the context if it ended before the program did, and
	// after how long.
	cut      error
	cutAfter time.Duration
	// deadline is when Run must have returned; zero while the context lives.
	deadline time.Time
}

func (c *Command) run(ctx context.Context) (Result, error) {
	none := Result{Code: -1, Reaped: true}
	if !initialised.Load() {
		return none, fmt.Errorf("%s: %w: proctree.Init must be the first call of main", c.Path, ErrStart)
	}
	if !filepath.IsAbs(c.Path) {
		return none, fmt.Errorf("%q: %w: the path of a program must be absolute", c.Path, ErrStart)
	}
	if err := ctx.Err(); err != nil {
		return none, fmt.Errorf("%s: not started: %w", c.Path, contextError(ctx))
	}
	began := time.Now()
	f, err := c.launch()
	if err != nil {
		return none, fmt.Errorf("%s: %w: %w", c.Path, ErrStart, err)
	}
	o := f.follow(ctx, c, began)
	res := f.collect(o)
	return res, c.describe(o, &res)
}

// follow takes the reports of the keeper until it has exited or has left somebody alone,
// or until the context and the time after it are over.
func (f *flight) follow(ctx context.Context, c *Command, began time.Time) *outcome {
	o, grace := &outcome{}, c.Grace
	reports := f.listen()
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case r, open := <-reports:
			if !open {
				return o
			}
			o.add(r)
			switch {
			case r.Event == released:
				return o
			case r.Event == ended && f.asked && o.cut == nil: // the keeper waits for our word
				if o.released = c.leavesAfter(r.Status) && f.leave(); !o.released {
					_ = f.request.Close()
				}
			}
		case <-done:
			done = nil
			_ = f.request.Close() // the keeper ends the tree
			if !o.ended && o.errno == 0 {
				o.cut, o.cutAfter = contextError(ctx), time.Since(began)
			}
			o.deadline = time.Now().Add(grace + lateness)
			timer := time.NewTimer(grace + lateness)
			defer timer.Stop()
			late = timer.C
		case <-late:
			if !o.started {
				// It hangs in execve, or was never given the CPU. The program must
				// not start after we have returned: it dies with its keeper. A
				// keeper that has started one is left to its work.
				_ = f.keeper.Kill()
			}
			return o
		}
	}
}

// listen returns the reports of the keeper. The channel is closed when it has
// been reaped; its goroutine ends then, whether somebody receives or not.
func (f *flight) listen() <-chan report {
	const most = 3 // see report
	reports := make(chan report, most)
	go func() {
		defer close(reports)
		for dec := json.NewDecoder(f.reports); ; {
			var r report
			if len(reports) == most || dec.Decode(&r) != nil {
				break
			}
			reports <- r
		}
		_, _ = f.keeper.Wait()
	}()
	return reports
}

// add takes in one report.
func (o *outcome) add(r report) {
	switch r.Event {
	case failed:
		o.errno, o.gone = r.Errno, true
	case started:
		o.started = true
	case ended:
		o.ended, o.status = true, r.Status
	case gone:
		o.gone = true
	case left:
		o.left = r.Left
	}
}

// exit sets how the program ended.
func (r *Result) exit(status syscall.WaitStatus) {
	r.Code = status.ExitStatus()
	if status.Signaled() {
		r.Code = 128 + int(status.Signal())
		if r.Signal = unix.SignalName(status.Signal()); r.Signal == "" {
			r.Signal = fmt.Sprintf("signal %d", status.Signal()) // real-time signals have no name
		}
	}
}

// describe returns the error of the run.
func (c *Command) describe(o *outcome, res *Result) error {
	var errs []error
	switch {
	case o.errno != 0:
		as := ""
		if c.User != nil {
			as = fmt.Sprintf(" as uid %d", c.User.UID)
		}
		errs = append(errs, fmt.Errorf("%w in %s%s: %w", ErrStart, c.dir(), as, o.errno))
	case o.cut != nil && !o.started:
		errs = append(errs, fmt.Errorf("given up after %v, before it had started: %w", o.cutAfter, o.cut))
	case o.cut != nil:
		errs = append(errs, fmt.Errorf("ended by us after %v%s: %w", o.cutAfter, res.how(), o.cut))
	case !o.ended:
		errs = append(errs, errors.New("its keeper process died, killed by somebody else"))
	}
	switch {
	case o.gone, o.released:
	case len(o.left) > 0:
		errs = append(errs, fmt.Errorf("%w: SIGKILL has not ended %s", ErrUnreaped, strings.Join(o.left, ", ")))
	default:
		errs = append(errs, ErrUnreaped)
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s: %w", c.Path, errs[0])
	}
	return fmt.Errorf("%s: %w; %w", c.Path, errs[0], errs[1])
}

// how says how a program ended that was told to.
func (r *Result) how() string {
	switch {
	case r.Signal != "":
		return " by " + r.Signal
	case r.Code >= 0:
		return fmt.Sprintf(" (it exited with status %d)", r.Code)
	}
	return ""
}

// contextError returns the error of ctx, with its cause if that says more.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
