package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func (a *app) check() *cobra.Command {
	return &cobra.Command{
		Use:   "check [WORKLOAD...]",
		Short: "Config, ownership, script, permissions, connection, isolation; changes nothing",
		Long: `Looks at everything that a run needs.

Exit status: 0 everything is ready; 2 something is not; 7 a run that is dead has
left something held.`,
		Example: `  starhost check
  starhost check orders --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, closeLog, err := a.options(args, a.classic(args))
			if err != nil {
				return err
			}
			defer closeLog()
			list, checkErr := starhost.Check(cmd.Context(), o)
			if len(list) > 0 {
				if err := a.printFindings(list); err != nil {
					return err
				}
			}
			if checkErr != nil {
				return checkErr
			}
			for _, f := range list {
				if !f.OK {
					return &exitError{code: run.ExitUsage}
				}
			}
			return nil
		},
	}
}

func (a *app) printFindings(list []starhost.Finding) error {
	if a.json {
		return a.print(map[string]any{"findings": list})
	}
	for _, f := range list {
		mark := "ok  "
		switch {
		case !f.OK:
			mark = "FAIL"
		case f.Warn:
			mark = "warn"
		}
		fmt.Fprintf(a.stdout, "%s  %-12s %-18s %s\n", mark, f.Workload, f.What, f.Detail)
	}
	return nil
}
