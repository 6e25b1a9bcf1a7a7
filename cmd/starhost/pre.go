package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/supervise"
)

func (a *app) pre() *cobra.Command {
	return &cobra.Command{
		Use:   "pre [WORKLOAD...]",
		Short: "Quiesce and return, still held by a detached supervisor",
		Long: `Quiesces the workloads, freezes their filesystems and returns. A supervisor, a
process of its own, holds everything until starhost post or starhost abort. It
gives everything back by itself after freeze_timeout, if filesystems were frozen,
and after timeout in any case; post then says that the snapshot is not to be
trusted. If pre is killed before it has answered, everything is given back at once.

Exit status: 0 quiesced and held; 3 prescript or freeze failed, everything undone;
4 post, abort, a signal or freeze_timeout came before pre could answer, everything
undone; 2 usage or configuration; 7 something is still held; 8 another run has the
workload; 1 internal error.`,
		Example: `  starhost pre orders && if array-snapshot orders; then starhost post orders; else starhost abort orders; fi
  starhost pre --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, closeLog, err := a.options(args, a.classic(args))
			if err != nil {
				return err
			}
			defer closeLog()
			return a.leave(cmd.Context(), o)
		},
	}
}

// leave begins a run and leaves it held. The supervisor hears that we have answered
// only after the answer is written: a caller that never got it takes no snapshot.
func (a *app) leave(ctx context.Context, o starhost.Options) (err error) {
	p, err := starhost.Pre(ctx, o)
	if p != nil {
		defer func() { _ = p.Close() }() // what goes wrong there is for the next recovery
	}
	if err != nil {
		return internal(err)
	}
	if !p.Held {
		return a.report(p.Report)
	}
	if err := a.answer(p); err != nil {
		return &exitError{code: run.ExitInternal, err: err}
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), p.Close())
	} else if err = p.Keep(); err == nil {
		return nil
	}
	if p.Report == nil || p.Held {
		return internal(err)
	}
	return &exitError{code: max(p.Report.Exit, run.ExitInternal), err: err}
}

// answer prints what is held. Standard output may be a file on a filesystem that is
// frozen now.
func (a *app) answer(p *starhost.Pending) error {
	var text bytes.Buffer
	out := *a
	out.stdout = &text
	if err := out.printHeld(p); err != nil {
		return err
	}
	return a.writeAnswer(text.Bytes())
}

// writeAnswer writes to standard output, frozen or not.
func (a *app) writeAnswer(text []byte) error {
	if f, ok := a.stdout.(*os.File); ok {
		return supervise.Write(f, text)
	}
	_, err := a.stdout.Write(text)
	return err
}

func (a *app) printHeld(p *starhost.Pending) error {
	if a.json {
		return a.print(p.Report)
	}
	for _, m := range p.Report.Members {
		fmt.Fprintf(a.stdout, "%s: quiesced\n", m.Workload)
	}
	for _, held := range p.Report.Held {
		fmt.Fprintf(a.stdout, "held: %s\n", held)
	}
	_, err := fmt.Fprintf(a.stdout, "run %s: held for at most %v; take the snapshot, then: starhost post, or: starhost abort\n",
		p.Report.Run, p.Left.Round(100*time.Millisecond))
	return err
}

// internal gives an error that has no exit status of its own that of an internal one.
func internal(err error) error {
	if exitCode(err) != run.ExitUsage {
		return err
	}
	if _, ok := errors.AsType[*starhost.ConfigError](err); ok {
		return err
	}
	return &exitError{code: run.ExitInternal, err: err}
}
