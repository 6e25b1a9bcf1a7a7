package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/run"
)

func (a *app) recover() *cobra.Command {
	var consent host.Consent
	cmd := &cobra.Command{
		Use:   "recover [WORKLOAD...]",
		Short: "Undo what a dead run left behind",
		Long: `Reads the journals of runs that have died, ends their sessions at the servers, thaws
their filesystems and undoes the rest. It may be repeated. A server is spoken to
only if it is the recorded one.

After a reboot it cannot know whether the disks are those of the run or a restored
copy, on which an undo can do harm. It then waits for you to say which.

Exit status: 0 nothing is held any more; 7 something is, or may be; 8 there was
nothing to do; 2 usage or configuration.`,
		Example: `  starhost recover
  starhost recover orders --same-disks       after a reboot of the same machine
  starhost recover --restored-copy           on a machine restored from a snapshot`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, closeLog, err := a.options(args, a.classicIfThere())
			if err != nil {
				return err
			}
			defer closeLog()
			reports, err := starhost.Recover(cmd.Context(), o, consent)
			if errors.Is(err, starhost.ErrNothing) {
				return &exitError{code: run.ExitNothing, err: err}
			}
			if err != nil {
				return internal(err)
			}
			return a.reports(reports)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&consent.SameDisks, "same-disks", false, "the machine has booted, its disks are those of the run: undo everything")
	f.BoolVar(&consent.RestoredCopy, "restored-copy", false, "the disks are a copy: undo nothing, close the journals")
	f.BoolVar(&consent.Remote, "remote", false, "speak to servers on other machines too")
	cmd.MarkFlagsMutuallyExclusive("same-disks", "restored-copy")
	return cmd
}
