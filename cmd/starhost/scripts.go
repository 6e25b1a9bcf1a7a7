package main

import (
	"fmt"

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
				_, err = a.stdout.Write(text)
			}
			return err
		},
	})
	return cmd
}
