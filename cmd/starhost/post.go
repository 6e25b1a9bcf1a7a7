package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func (a *app) post() *cobra.Command {
	return &cobra.Command{
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
  starhost post --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.tell(cmd.Context(), args, starhost.Post) },
	}
}

// tell ends what pre has left and prints the report.
func (a *app) tell(ctx context.Context, args []string, word func(context.Context, starhost.Options) ([]*run.Report, error)) error {
	o, closeLog, err := a.options(args)
	if err != nil {
		return err
	}
	defer closeLog()
	reports, err := word(ctx, o)
	if errors.Is(err, starhost.ErrNothing) {
		return &exitError{code: run.ExitNothing, err: err}
	}
	if err != nil {
		return internal(err)
	}
	return a.report(merged(reports))
}

// worst are the exit statuses in the order in which they count where several apply.
var worst = []int{run.ExitHeld, run.ExitInternal, run.ExitVerdict, run.ExitSnapshot, run.ExitPostscript, run.ExitPrescript, run.ExitDone}

// merged makes one report of those of several runs: that of the worst, with the
// members, the phases and the holds of all, and the least verdict.
func merged(list []*run.Report) *run.Report {
	rank := func(r *run.Report) int { return slices.Index(worst, r.Exit) }
	all := *slices.MinFunc(list, func(a, b *run.Report) int { return rank(a) - rank(b) })
	all.Held, all.Phases, all.Members = []string{}, []run.Phase{}, []run.MemberReport{}
	for _, r := range list {
		all.Held = append(all.Held, r.Held...)
		all.Phases = append(all.Phases, r.Phases...)
		all.Members = append(all.Members, r.Members...)
		all.Verdict = min(all.Verdict, r.Verdict)
		all.QuiescedMS, all.FrozenMS = max(all.QuiescedMS, r.QuiescedMS), max(all.FrozenMS, r.FrozenMS)
	}
	return &all
}
