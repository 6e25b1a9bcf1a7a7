package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func (a *app) run() *cobra.Command {
	record := ""
	cmd := &cobra.Command{
		Use:   "run [WORKLOAD...] [-- COMMAND ARG...]",
		Short: "One whole run; COMMAND is the snapshot, run while everything is frozen",
		Long: `Quiesces the workloads, freezes their filesystems, runs COMMAND, and gives
everything back. Without COMMAND everything is held until a line comes on
standard input, or SIGUSR1: the snapshot was taken. The end of standard input
means that it was not.

COMMAND sees STARHOST_RUN, STARHOST_RECOVERY_POINT (a file) and
STARHOST_DEADLINE (seconds left).

Exit status: 0 the verdict meets what is required; 2 usage or configuration;
3 prescript or freeze failed, no snapshot; 4 the snapshot failed; 5 the snapshot
is worth less than required; 6 postscript failed; 7 something is still held;
8 another run has the workload; 1 internal error.`,
		Example: `  starhost run orders -- array-snapshot orders
  starhost run --json orders -- /usr/local/bin/snapshot.sh
  starhost run orders                        take it yourself, then press Enter
  starhost run --record orders.rec orders -- true     write down what the server answered, for tests`,
		RunE: func(cmd *cobra.Command, args []string) error {
			workloads, command := splitArgs(cmd, args)
			return a.lead(cmd.Context(), workloads, command, record)
		},
	}
	cmd.Flags().StringVar(&record, "record", "", "write every action and its answer to a new `FILE`, for t.replay and prove")
	return cmd
}

// splitArgs splits at the "--".
func splitArgs(cmd *cobra.Command, args []string) (before, after []string) {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

// lead makes a run and prints its report.
func (a *app) lead(ctx context.Context, workloads, command []string, record string) (err error) {
	o, closeLog, err := a.options(workloads, a.classic(workloads))
	if err != nil {
		return err
	}
	defer closeLog()
	if record != "" {
		save, rerr := startRecording(&o, record)
		if rerr != nil {
			return rerr
		}
		defer func() { err = errors.Join(err, save()) }()
	}
	stdout, stderr := asideIfFile(a.stdout), asideIfFile(a.stderr)
	if a.json {
		stdout = stderr // standard output is for the report
	}
	if o.Snapshot, err = a.snapshot(command, stdout, stderr); err != nil {
		return err
	}
	report, err := starhost.Run(ctx, o)
	flush(stdout, asidePatience)
	flush(stderr, asidePatience)
	if err != nil {
		return err
	}
	return a.report(report)
}

// snapshot is a command, or whatever somebody does before he says so. Neither waits
// for its output: it may go to a file on what is frozen.
func (a *app) snapshot(command []string, stdout, stderr io.Writer) (func(context.Context, run.Snapshot) error, error) {
	if len(command) > 0 {
		return starhost.Command(command, stdout, stderr)
	}
	taken := make(chan os.Signal, 1)
	if takenSignal != nil {
		signal.Notify(taken, takenSignal)
	}
	prompt, ok := stderr.(*aside)
	if !ok {
		prompt = newAside(stderr)
	}
	return starhost.Manual(a.stdin, taken, func(s run.Snapshot) {
		fmt.Fprintf(prompt, "starhost: quiesced. Take the snapshot within %v, then press Enter.\n", s.Left.Round(time.Second))
		flush(prompt, promptPatience) // who has seen it sees what is said later after it
	}), nil
}

// report prints a report and turns its exit status into an error.
func (a *app) report(r *run.Report) error { return a.reports([]*run.Report{r}) }

// reports prints what became of several runs: one after the other for people, merged as
// JSON. The exit status is that of the worst.
func (a *app) reports(list []*run.Report) error {
	all := run.Merged(list)
	if a.json {
		if err := a.print(all); err != nil {
			return &exitError{code: max(all.Exit, run.ExitInternal), err: err}
		}
	} else {
		for _, r := range list {
			fmt.Fprint(a.stdout, printable(summary(r)))
		}
	}
	if all.Exit != run.ExitDone {
		return &exitError{code: all.Exit}
	}
	return nil
}

// summary is a report for people.
func summary(r *run.Report) string {
	var b strings.Builder
	for _, m := range r.Members {
		fmt.Fprintf(&b, "%s: %s", m.Workload, verdictText(m.Verdict))
		if m.Error != nil {
			fmt.Fprintf(&b, "\n%s", indent(errorText(m.Error)))
		}
		b.WriteByte('\n')
	}
	if r.Error != nil && (len(r.Members) == 0 || !sameError(r)) {
		fmt.Fprintf(&b, "%s: %s\n", r.Error.Kind, errorText(r.Error))
	}
	for _, held := range r.Held {
		fmt.Fprintf(&b, "STILL HELD: %s\n", held)
	}
	fmt.Fprintf(&b, "run %s: %s, quiesced for %.1f ms, frozen for %.1f ms, exit status %d\n",
		r.Run, verdictText(r.Verdict), r.QuiescedMS, r.FrozenMS, r.Exit)
	return b.String()
}

func sameError(r *run.Report) bool {
	for _, m := range r.Members {
		if m.Error != nil && m.Error.Message == r.Error.Message {
			return true
		}
	}
	return false
}

func errorText(e *run.Error) string {
	if e.Trace != "" {
		return e.Trace
	}
	return e.Message
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

func verdictText(v run.Verdict) string {
	if v == run.NoVerdict {
		return "no snapshot"
	}
	return v.String()
}
