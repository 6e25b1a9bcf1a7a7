package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/internal/demo"
	"github.com/starhost/starhost/run"
)

func (a *app) demo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "A whole run on an embedded database, nothing to install",
		Long: `Starts a writer on an SQLite database in a temporary directory, quiesces the
database, copies it, thaws it while the writer goes on, and opens the copy.`,
		Example: `  starhost demo
  starhost demo --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			res, err := demo.Run(cmd.Context(), func(o *starhost.Options) { o.Wrap = a.wrap })
			if err != nil {
				return &exitError{code: run.ExitInternal, err: err}
			}
			if a.json {
				return a.report(res.Report)
			}
			fmt.Fprint(a.stdout, timeline(res))
			if res.Report.Exit != run.ExitDone {
				return a.report(res.Report)
			}
			if !res.Exact() {
				return &exitError{code: run.ExitInternal, err: fmt.Errorf("the copy has %d rows, want %d", res.Restored, res.Counted)}
			}
			return nil
		},
	}
}

// timeline tells the story of a demo.
func timeline(res demo.Result) string {
	text := fmt.Sprintf("A program commits rows to an SQLite database; %d so far.\n\n", res.Acknowledged)
	at := 0.0
	for _, p := range res.Report.Phases {
		text += fmt.Sprintf("%8.1f ms  %-11s took %6.1f ms   %s\n", at, p.Name, p.MS, told[p.Name])
		at += p.MS
	}
	if len(res.Report.Members) == 0 || res.Report.Verdict == run.NoVerdict {
		return text
	}
	return text + fmt.Sprintf(`
verdict         %s
recovery point  %d rows
copy            %d rows, integrity check passed: %t
the writer      waited for at most %.1f ms, and has committed %d more rows since

The copy has every row that was committed before the snapshot, and none that came after.
`, res.Report.Verdict, res.Counted, res.Restored, res.Intact, res.Report.QuiescedMS, res.After)
}

// told is what happens in each phase of the demo.
var told = map[string]string{
	"prescript":  "write lock taken, log moved into the file, rows counted",
	"snapshot":   "the file is copied; the writer waits",
	"verify":     "the lock is proven to have lasted",
	"postscript": "lock given back; the writer goes on",
}
