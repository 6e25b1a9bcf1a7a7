package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/event"
	"github.com/starhost/starhost/run"
)

// lastEvents is how many events are shown.
const lastEvents = 100

func (a *app) events() *cobra.Command {
	follow := false
	cmd := &cobra.Command{
		Use:   "events",
		Short: "The messaging channel: what runs and scripts have told",
		Long: `Prints the last events, oldest first; with --json as CloudEvents, one a line.
They are in events.jsonl in the state directory.`,
		Example: `  starhost events --follow
  starhost events --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if follow {
				err := event.Follow(cmd.Context(), a.stateDir, lastEvents, a.printEvent)
				if errors.Is(err, context.Canceled) {
					return nil
				}
				return err
			}
			list, err := event.Read(a.stateDir, lastEvents)
			if err != nil {
				return &exitError{code: run.ExitInternal, err: err}
			}
			for _, e := range list {
				a.printEvent(e)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with new events until interrupted")
	return cmd
}

func (a *app) printEvent(e event.Event) {
	if a.json {
		_ = a.print(e.CloudEvent()) // the next write, or SIGPIPE, ends us
		return
	}
	fmt.Fprintf(a.stdout, "%s  %-24s %-12s %s\n", e.Time.Local().Format(time.DateTime), e.Type, e.Subject, e.Data)
}
