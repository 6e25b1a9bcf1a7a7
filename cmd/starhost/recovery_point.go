package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
)

func (a *app) recoveryPoint() *cobra.Command {
	return &cobra.Command{
		Use:   "recovery-point [RUN|DIR]",
		Short: "The recovery point of a run, or of a mounted copy of the disk",
		Long: `Prints where the databases stood when the snapshot was taken: of the last run, of
the run RUN, or of the run whose snapshot is mounted at DIR.`,
		Example: `  starhost recovery-point
  starhost recovery-point /mnt/restored`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			which := ""
			if len(args) == 1 {
				which = args[0]
			}
			text, err := starhost.RecoveryPoint(a.stateDir, which)
			if err != nil {
				return &starhost.ConfigError{Err: err}
			}
			fmt.Fprint(a.stdout, string(text))
			return nil
		},
	}
}
