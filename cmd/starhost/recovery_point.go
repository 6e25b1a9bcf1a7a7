package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/terminal"
)

func (a *app) recoveryPoint() *cobra.Command {
	var (
		value string
		text  bool
	)
	c := &cobra.Command{
		Use:   "recovery-point [RUN|DIR] [WORKLOAD]",
		Short: "The recovery point of a run, or of a mounted copy of the disk",
		Long: `Prints where the databases stood when the snapshot was taken: of the last run (of
WORKLOAD, if one is named alone), of the run RUN, or of the run whose snapshot is
mounted at DIR.

On a terminal it is a text for people; --text gives it anywhere. Otherwise it is the
file of the recovery point, which is JSON.

--value PATH prints one value of one workload, as before.position.file or
after.label: keys, and numbers in lists, between points. A string is printed byte for
byte, with nothing added, so that > FILE has exactly what was recorded; on a terminal a
newline comes after it. Anything else is printed as JSON. A value that is null, or not
there, is an error, with what there is.

What the postscript returned (after) is never on the disk. It is added if this machine
made the run.`,
		Example: `  starhost recovery-point
  starhost recovery-point /mnt/restored
  starhost recovery-point /mnt/restored --value before.position.file`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			which, workload := pointArgs(args)
			f, err := starhost.RecoveryPoint(a.stateDir, a.runtimeDir, which)
			if err != nil {
				return &starhost.ConfigError{Err: err}
			}
			if workload == "" && f.Of != "" {
				workload = f.Of
			}
			switch {
			case c.Flags().Changed("value"):
				return a.printValue(f, workload, value)
			case !a.json && (text || terminal.Is(a.stdout)):
				return a.printPoint(f, workload)
			}
			return a.printPointJSON(f, workload)
		},
	}
	c.Flags().StringVar(&value, "value", "", "print the one value at `PATH`, as before.position.file")
	c.Flags().BoolVar(&text, "text", false, "print the text for people, also where there is no terminal")
	return c
}

func pointArgs(args []string) (which, workload string) {
	switch len(args) {
	case 2:
		return args[0], args[1]
	case 1:
		return args[0], ""
	}
	return "", ""
}

// printPointJSON prints the whole file: a workload that was named must be in it.
func (a *app) printPointJSON(f *starhost.FoundPoint, workload string) error {
	if workload != "" {
		if _, err := f.Member(workload); err != nil {
			return &starhost.ConfigError{Err: err}
		}
	}
	text, err := f.JSON()
	if err != nil {
		return err
	}
	a.warnOfPoint(f)
	return a.say(string(text))
}

// printValue prints a string as it is, and anything else as JSON.
func (a *app) printValue(f *starhost.FoundPoint, workload, path string) error {
	v, err := f.Value(workload, path)
	if err != nil {
		return &starhost.ConfigError{Err: err}
	}
	a.warnOfPoint(f)
	if a.json || v.Kind() != action.StringKind && v.Kind() != action.BytesKind {
		return a.print(v)
	}
	if terminal.Is(a.stdout) {
		return a.say(endLine(printable(v.Text())))
	}
	return a.say(v.Text())
}

// warnOfPoint says on standard error what must not be overlooked by a program either.
func (a *app) warnOfPoint(f *starhost.FoundPoint) {
	if why := f.Doubt(); why != "" {
		fmt.Fprintf(a.stderr, "starhost: %s\n", printable(why))
	}
}
