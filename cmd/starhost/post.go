package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func (a *app) post() *cobra.Command {
	id := ""
	cmd := &cobra.Command{
		Use:   "post [WORKLOAD...]",
		Short: "Thaw what pre holds, run the postscripts, print the verdict",
		Long: `Tells the supervisor that pre has left that the snapshot was taken: filesystems are
thawed, the quiesce is verified, postscripts run. Workloads of one pre end together.
While pre is still at work it cancels it: nobody can have taken a snapshot.

Exit status: 0 the verdict meets what is required; 5 it does not, or the hold ended
before post came and the snapshot is not to be trusted; 3 or 4 pre was still at work
and everything is undone; 6 postscript failed; 7 something is still held; 8 nothing to
do, there is no pre; 2 usage or configuration; 1 internal error.`,
		Example: `  starhost post orders
  starhost post --run 01M7YX5NQSTQ28YMP5YKX4CN8B
  starhost post --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.tell(cmd.Context(), args, id, starhost.Post) },
	}
	runFlag(cmd, &id)
	return cmd
}

// runFlag lets a hold be named by its run: two agents may hold one workload in turn.
func runFlag(cmd *cobra.Command, id *string) {
	cmd.Flags().StringVar(id, "run", "", "end this run and no other: `ID` is what pre has printed")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("run") && *id == "" {
			return usage("--run is empty: give the run that pre has printed, or leave it out")
		}
		return nil
	}
}

// tell ends what pre has left and prints the report.
func (a *app) tell(ctx context.Context, args []string, id string, word func(context.Context, starhost.Options) ([]*run.Report, error)) error {
	o, closeLog, err := a.endOptions(args, a.classicIfThere())
	if err != nil {
		return err
	}
	defer closeLog()
	o.Run = id
	reports, err := word(ctx, o)
	if errors.Is(err, starhost.ErrNothing) {
		return &exitError{code: run.ExitNothing, err: err}
	}
	if err != nil {
		return internal(err)
	}
	return a.reports(reports)
}
