package main

import (
	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
)

func (a *app) abort() *cobra.Command {
	id := ""
	cmd := &cobra.Command{
		Use:   "abort [WORKLOAD...]",
		Short: "Thaw what pre holds, no postscript, no verdict",
		Long: `Tells the supervisor that pre has left that there is no snapshot: everything is given
back, no postscript runs. Workloads of one pre end together. While pre is still at work
it cancels it.

Exit status: 0 nothing is held any more; 7 something is; 8 nothing to do, there is no
pre or its hold has ended; 2 usage or configuration; 1 internal error.`,
		Example: `  starhost abort orders
  starhost abort --run 01M7YX5NQSTQ28YMP5YKX4CN8B`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.tell(cmd.Context(), args, id, starhost.Abort) },
	}
	runFlag(cmd, &id)
	return cmd
}
