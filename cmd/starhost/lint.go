package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/lint"
)

func (a *app) lint() *cobra.Command {
	var opts lint.Options
	cmd := &cobra.Command{
		Use:   "lint [PATH...]",
		Short: "Find mistakes in scripts without running them",
		Long: `Looks for mistakes in scripts, and says of each what is wrong, why it matters, and
what to do. It needs no configuration and no database. What it looks for:

` + codes() + `
A comment on the line, or alone on the line before, silences a code there:
# lint: ignore CODE reason

A PATH is a file, a directory, whose *.star files are meant, or a directory and /...
for all below it. Without one it is the current directory. In files *_test.star only
what is wrong in any Starlark is looked for.

Exit status: 0 nothing was found; 1 something was; 2 a file cannot be read, or is no
Starlark.`,
		Example: `  starhost lint
  starhost lint ./... --json
  starhost lint mine.star --database postgres`,
		RunE: func(_ *cobra.Command, args []string) error { return a.lintFiles(args, opts) },
	}
	cmd.Flags().StringVar(&opts.Database, "database", "", "kind of `SERVER` the scripts are for: mysql, postgres or sqlite; any if not given")
	return cmd
}

// codes are the checks, one a line.
func codes() string {
	var b strings.Builder
	for _, rule := range lint.Checks {
		fmt.Fprintf(&b, "  %-23s %s\n", rule.Code, rule.What)
	}
	return b.String()
}

func (a *app) lintFiles(args []string, opts lint.Options) error {
	if err := opts.Validate(); err != nil {
		return usage("--database: %w", err)
	}
	all := []lint.Finding{}
	faults, err := a.eachScript(args, func(path string, source []byte) error {
		found, err := lint.Check(path, source, opts)
		all = append(all, found...)
		if !a.json {
			for _, f := range found {
				fmt.Fprint(a.stdout, printable(fmt.Sprintf("%s: %s: %s\n    %s\n    %s\n", f.Pos, f.Code, f.Message, f.Reason, f.Fix)))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.json {
		if err := a.print(map[string]any{"findings": all, "errors": faults}); err != nil {
			return err
		}
	}
	return verdictOf(len(faults) > 0, len(all) > 0)
}
