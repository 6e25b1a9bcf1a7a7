package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

func (a *app) plan() *cobra.Command {
	return &cobra.Command{
		Use:   "plan [WORKLOAD...]",
		Short: "Which actions a run would make, in order, with their undo; changes nothing",
		Long: `Runs the prescripts with reads that are real and changes that are only noted. A
line that begins with a dot is a read that was made.

Exit status: 0; 2 usage or configuration; 3 a prescript would fail; 7 a run that
is dead has left something held.`,
		Example: `  starhost plan orders`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, closeLog, err := a.options(args)
			if err != nil {
				return err
			}
			defer closeLog()
			steps, planErr := starhost.Plan(cmd.Context(), o)
			if err := a.printPlan(steps); err != nil {
				return err
			}
			return planned(planErr)
		},
	}
}

// planned gives the error of a prescript its exit status; others have one.
func planned(err error) error {
	conf, dead := (*starhost.ConfigError)(nil), (*starhost.DeadRunError)(nil)
	if err == nil || errors.As(err, &conf) || errors.As(err, &dead) {
		return err
	}
	return &exitError{code: run.ExitPrescript, err: err}
}

func (a *app) printPlan(steps []starhost.Step) error {
	if a.json {
		return a.print(map[string]any{"steps": steps})
	}
	for _, s := range steps {
		mark := "*"
		if s.Made {
			mark = "."
		}
		fmt.Fprintf(a.stdout, "%s %-10s %-12s %s\n", mark, s.Workload, s.Name, oneLine(s.Text))
		for _, u := range s.Undo {
			fmt.Fprintf(a.stdout, "%26s undo: %s\n", "", oneLine(u))
		}
		if s.Note != "" {
			fmt.Fprintf(a.stdout, "%26s note: %s\n", "", s.Note)
		}
	}
	return nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
