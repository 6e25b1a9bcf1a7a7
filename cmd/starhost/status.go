package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/run"
)

// lastRuns is how many runs that have ended status shows.
const lastRuns = 10

func (a *app) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "What is held now, since when, until when, by which run; the last runs",
		Long: `Reads the journals and the locks; changes nothing.

Exit status: 0, or 7 if a run that is dead has left something held.`,
		Example: `  starhost status
  starhost status --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := starhost.Status(a.stateDir, a.runtimeDir, lastRuns)
			if err != nil {
				return &exitError{code: run.ExitInternal, err: err}
			}
			if err := a.printStatus(list); err != nil {
				return err
			}
			for _, s := range list {
				if s.State == starhost.RunDead && len(s.Held) > 0 {
					return &exitError{code: run.ExitHeld}
				}
			}
			return nil
		},
	}
}

func (a *app) printStatus(list []starhost.RunStatus) error {
	if a.json {
		return a.print(map[string]any{"runs": list})
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stdout, "no runs")
	}
	for _, s := range list {
		fmt.Fprintln(a.stdout, statusLine(s))
		for _, held := range s.Held {
			fmt.Fprintf(a.stdout, "    held: %s\n", held)
		}
	}
	return nil
}

func statusLine(s starhost.RunStatus) string {
	line := fmt.Sprintf("%s  %s  %s", s.Run, s.Began.Local().Format(time.DateTime), strings.Join(s.Members, ", "))
	if s.Owner != "" {
		line += "  by " + printable(s.Owner)
	}
	switch {
	case s.State == starhost.RunEnded && s.Verdict == "":
		return line + fmt.Sprintf("  ended without a snapshot, exit status %d", s.Exit)
	case s.State == starhost.RunEnded:
		return line + fmt.Sprintf("  %s, exit status %d", s.Verdict, s.Exit)
	case s.State == starhost.RunAlive && s.ThawBy != nil:
		return line + fmt.Sprintf("  ALIVE, frozen, thawed by %s, over by %s", s.ThawBy.Local().Format(time.TimeOnly), s.Until.Local().Format(time.TimeOnly))
	case s.State == starhost.RunAlive:
		return line + fmt.Sprintf("  ALIVE in %s, over by %s", s.Phase, s.Until.Local().Format(time.TimeOnly))
	case len(s.Held) > 0:
		return line + "  DEAD, something may be held"
	}
	return line + "  dead, nothing held"
}
