package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost/internal/reference"
)

func (a *app) doc() *cobra.Command {
	var stubs bool
	cmd := &cobra.Command{
		Use:   "doc [NAME]",
		Short: "What a script can say: words, phases, ctx",
		Long: `Lists what a script can say, or tells all about one word, the words of undo, a
phase or ctx. With --stubs it prints Python type stubs, from which an editor
completes the words of a script.`,
		Example: `  starhost doc
  starhost doc sql
  starhost doc undo.sql
  starhost doc ctx
  starhost doc --stubs > /etc/starhost/__builtins__.pyi`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case stubs && (a.json || len(args) > 0):
				return usage("--stubs: got a name or --json with it, want neither")
			case stubs:
				return a.write(reference.Stubs())
			case len(args) > 0:
				return a.docOf(args[0])
			case a.json:
				return a.print(reference.All())
			}
			return a.write(reference.List())
		},
	}
	cmd.Flags().BoolVar(&stubs, "stubs", false, "print Python type stubs, for editors")
	return cmd
}

func (a *app) docOf(name string) error {
	text, ok := reference.Topic(name)
	if !ok {
		return unknownTopic(name)
	}
	if a.json {
		data, _ := reference.One(name) // there is a text, so there is this
		return a.print(data)
	}
	return a.write(text)
}

// unknownTopic is the error for a name that nothing has, with those like it.
func unknownTopic(name string) error {
	near := reference.Near(name)
	if len(near) == 0 {
		return usage("doc: got %q, want a word of a script; starhost doc lists them", name)
	}
	return usage("doc: got %q, want a word of a script: did you mean %s? starhost doc lists them all", name, strings.Join(near, ", "))
}

// write writes a text to standard output.
func (a *app) write(text string) error {
	_, err := fmt.Fprint(a.stdout, text)
	return err
}
