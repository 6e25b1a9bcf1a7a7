package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/internal/starfiles"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/lint"
	"github.com/starhost/starhost/run"
)

// exitFindings is the status of fmt --check and lint if there is something to do.
const exitFindings = 1

func (a *app) fmt() *cobra.Command {
	check := false
	cmd := &cobra.Command{
		Use:   "fmt [PATH...]",
		Short: "Format scripts",
		Long: `Rewrites scripts in the one style of Starlark, and prints the names of those that
changed. Blanks, line breaks and quotes change, nothing else.

A PATH is a file, a directory, whose *.star files are meant, or a directory and /...
for all below it. Without one it is the current directory. A single - formats
standard input to standard output.

Exit status: 0 the files are formatted; 1 --check found some that are not; 2 a file
cannot be read or written, or is no Starlark.`,
		Example: `  starhost fmt
  starhost fmt --check ./...
  starhost fmt - < mine.star`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "-" {
				return a.formatStdin(check)
			}
			return a.formatFiles(args, check)
		},
	}
	cmd.Flags().BoolVarP(&check, "check", "l", false, "print the names of files that would change, and change nothing")
	return cmd
}

func (a *app) formatStdin(check bool) error {
	source, err := readScript(a.stdin)
	if err != nil {
		return usage("standard input: %w", err)
	}
	out, err := lint.Format("<stdin>", source)
	if err != nil {
		return usage("%w", err)
	}
	if !check {
		_, err = a.stdout.Write(out)
		return err
	}
	if bytes.Equal(source, out) {
		return nil
	}
	fmt.Fprintln(a.stdout, "<stdin>")
	return &exitError{code: exitFindings}
}

func (a *app) formatFiles(args []string, check bool) error {
	changed := []string{}
	faults, err := a.eachScript(args, func(path string, source []byte) error {
		out, err := lint.Format(path, source)
		if err != nil || bytes.Equal(source, out) {
			return err
		}
		if !check {
			if err := rewrite(path, out); err != nil {
				return err
			}
		}
		changed = append(changed, path)
		if !a.json {
			fmt.Fprintln(a.stdout, path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if a.json {
		if err := a.print(map[string]any{"changed": changed, "errors": faults}); err != nil {
			return err
		}
	}
	return verdictOf(len(faults) > 0, check && len(changed) > 0)
}

// eachScript hands the files that the arguments name to do, one by one. What is
// wrong with one is said on standard error, and returned, and does not stop it.
func (a *app) eachScript(args []string, do func(path string, source []byte) error) (faults []string, err error) {
	files, err := starfiles.Find(args)
	if err != nil {
		return nil, usage("%w", err)
	}
	faults = []string{}
	for _, path := range files {
		source, err := readFile(path)
		if err == nil {
			err = do(path, source)
		}
		if err != nil {
			faults = append(faults, err.Error())
			fmt.Fprintf(a.stderr, "starhost: %s\n", printable(err.Error()))
		}
	}
	return faults, nil
}

// verdictOf is the end of a command that has said everything.
func verdictOf(faulty, findings bool) error {
	switch {
	case faulty:
		return &exitError{code: run.ExitUsage}
	case findings:
		return &exitError{code: exitFindings}
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readScript(file)
}

// readScript reads no more than shows that a script is too large.
func readScript(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, interp.MaxSource+1))
}
