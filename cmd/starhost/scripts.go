package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/scripts"
)

func (a *app) scripts() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scripts",
		Short: "The scripts in the binary, with what each needs",
		Example: `  starhost scripts
  starhost scripts show mysql > my.star`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.print(map[string]any{"scripts": scripts.All})
			}
			for _, s := range scripts.All {
				fmt.Fprintf(a.stdout, "%-10s %-14s %-10s %s\n", s.Name, s.File, s.Database, s.About)
				for _, p := range s.Programs {
					fmt.Fprintf(a.stdout, "%-10s   may run %s: %s\n", "", p.User, p.Path)
				}
			}
			return nil
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "show NAME",
		Short: "Print a script, to read or to copy",
		Example: `  starhost scripts show mysql > my.star
  starhost scripts show sqlite`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := scripts.Lookup(args[0])
			if err != nil {
				return &starhost.ConfigError{Err: err}
			}
			text, err := scripts.Source(s.File)
			if err == nil {
				_, err = fmt.Fprintf(a.stdout, "%s%s", execHead(s), text)
			}
			return err
		},
	})
	return cmd
}

// execHead is the comment above a script that runs programs: a copy of it needs lines in
// the config which the one in the binary brings with it.
func execHead(s scripts.Script) string {
	if len(s.Programs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("# A copy of this script needs in the config, with what is meant for the words in braces:\n# exec_as =\n")
	for _, p := range s.Programs {
		fmt.Fprintf(&b, "#   %s: %s\n", p.User, p.Path)
	}
	return b.String()
}
