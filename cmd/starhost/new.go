package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/internal/skeleton"
)

func (a *app) newScript() *cobra.Command {
	var dir, database string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a script and its test, to start from",
		Long: `Writes NAME.star and NAME_test.star: a script that works, with comments that say
what belongs where, and its tests. A file that is there is never overwritten.

If the bundled script of your database does most of what you want, load it and
change one step instead: see starhost scripts.

Exit status: 0; 2 a file is there already, or a name is wrong; nothing was written.`,
		Example: `  starhost new orders --database mysql
  starhost new cache --dir /etc/starhost`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := skeleton.Files(args[0], database)
			if err != nil {
				return usage("new: %w", err)
			}
			paths, err := skeleton.Write(dir, list)
			if err != nil {
				return usage("new: %w", err)
			}
			if a.json {
				return a.print(map[string]any{"files": paths})
			}
			for _, path := range paths {
				fmt.Fprintln(a.stdout, path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "`DIR` for the two files; it must be there")
	cmd.Flags().StringVar(&database, "database", skeleton.None, "kind of its connection: "+strings.Join(skeleton.Databases, ", "))
	return cmd
}
