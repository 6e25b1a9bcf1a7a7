package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/interp"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  starhost version
  starhost version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.print(map[string]any{"version": starhost.Version, "api": interp.API, "go": runtime.Version()})
			}
			fmt.Fprintf(a.stdout, "starhost %s (script API %d, %s, %s/%s)\n", starhost.Version, interp.API, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
