package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/packaging/systemd"
	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/platform/install"
	"github.com/starhost/starhost/run"
)

// installFlags are the flags of install.
type installFlags struct {
	root, program   string
	dryRun, removal bool
}

func (a *app) install() *cobra.Command {
	var f installFlags
	cmd := &cobra.Command{
		Use:   "install CALLER",
		Short: "Put the hook of a backup product in place, or take it away",
		Long: `Shows what it changes, and changes it: the hook of a caller, its settings, and a unit
of systemd that undoes at boot what a run has left. What is not ours is never
overwritten. All is done or nothing. --uninstall gives back what was there before,
except what somebody has changed since.

What has to be done elsewhere is printed at the end. Nothing is started.

The callers are ` + strings.Join(platform.Names(), ", ") + `.

Exit status: 0 done, or nothing to do; 2 refused: something is not ours, there is no
such caller, or you are not root. Nothing was changed then, but by --uninstall, which
does the rest; 1 an error of the system: everything was undone.`,
		Example: `  starhost install qemu-ga --dry-run         see what it would do
  starhost install qemu-ga
  starhost install qemu-ga --uninstall
  starhost install gcp --root ./package      for a package of your own`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("install: name one caller of %s", strings.Join(platform.Names(), ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.root == "" || cmd.Flags().Changed("program") && f.program == "" { // a variable of a shell that is not set
				return usage("install: --root or --program is empty: give a path, or leave it out")
			}
			c, err := platform.Lookup(args[0])
			if err != nil {
				return usage("install: %w", err)
			}
			return installError(a.installCaller(c, f), f.removal)
		},
	}
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show it, and change nothing")
	cmd.Flags().BoolVar(&f.removal, "uninstall", false, "give back what was there before")
	cmd.Flags().StringVar(&f.root, "root", "/", "`DIR` that all paths are below")
	cmd.Flags().StringVar(&f.program, "program", "", "`PATH` of starhost for the hook (default: this program; with --root "+systemd.Program+")")
	return cmd
}

// installError gives an error of install its exit status.
func installError(err error, removal bool) error {
	if _, ok := errors.AsType[*exitError](err); ok || err == nil {
		return err
	}
	_, refusal := errors.AsType[*install.RefusedError](err)
	switch {
	case refusal && !removal:
		return &exitError{code: run.ExitUsage, err: fmt.Errorf("install: %w\nnothing was changed", err)}
	case refusal:
		return &exitError{code: run.ExitUsage, err: fmt.Errorf("install: %w", err)}
	}
	return &exitError{code: run.ExitInternal, err: fmt.Errorf("install: %w", err)}
}

func (a *app) installOptions(f installFlags) (o install.Options, err error) {
	o = install.Options{Program: f.program}
	if o.Root, err = filepath.Abs(f.root); err != nil {
		return o, err
	}
	if o.StateDir, err = filepath.Abs(a.stateDir); err != nil || o.Program != "" {
		return o, err
	}
	if o.Program = systemd.Program; o.Root == "/" {
		o.Program, err = os.Executable()
	}
	return o, err
}

func (a *app) installCaller(c *platform.Caller, f installFlags) error {
	o, err := a.installOptions(f)
	if err != nil {
		return err
	}
	if !f.dryRun {
		release, err := lockInstall(a.runtimeDir, o.Root, "starhost install "+c.Name)
		if err != nil {
			return err
		}
		defer release()
	}
	plan := install.Plan
	if f.removal {
		plan = install.Removal
	}
	change, err := plan(c, o)
	if err != nil {
		return err
	}
	if f.removal && o.Root == "/" {
		change.Warnings = append(change.Warnings, a.heldFor(c)...)
	}
	if !a.json {
		if err := a.say(printable(change.Text())); err != nil {
			return err
		}
	}
	failed := change.Refused()
	if !f.dryRun {
		failed = change.Apply()
	}
	if a.json {
		return errors.Join(a.print(change.Report(!f.dryRun && failed == nil)), failed)
	}
	for _, w := range change.Warnings {
		fmt.Fprintf(a.stderr, "starhost: install: warning: %s\n", printable(w))
	}
	if failed != nil {
		return failed
	}
	return a.say(printable(installEnd(change, f)))
}

// lockInstall keeps two installs from changing the machine at a time, from the look at it
// until all is written. Of another root, which is somebody's own, nothing is made outside.
func lockInstall(runtimeDir, root, owner string) (release func(), err error) {
	if root != "/" || os.Geteuid() > 0 { // who is not root is refused, but may look
		return func() {}, nil
	}
	l, err := lock.Acquire(filepath.Join(runtimeDir, "locks"), "install", owner)
	if held := (*lock.HeldError)(nil); errors.As(err, &held) {
		return nil, &install.RefusedError{Problems: []string{fmt.Sprintf("%s is changing this machine; wait for it, then try again", held.Owner)}}
	}
	if err != nil {
		return nil, fmt.Errorf("runtime directory: %w", err)
	}
	return l.Release, nil
}

// heldFor warns of what a caller has left held: its hook, which would end it, goes away.
func (a *app) heldFor(c *platform.Caller) (warnings []string) {
	holds, err := starhost.Holds(starhost.Options{RuntimeDir: a.runtimeDir, Owner: c.Name})
	if err != nil {
		return []string{fmt.Sprintf("whether something is held for %s cannot be seen: %v", c.Name, err)}
	}
	for _, h := range holds {
		if h.Over {
			continue
		}
		abort := "starhost abort"
		if h.Run != "" {
			abort += " --run " + h.Run
		}
		warnings = append(warnings, fmt.Sprintf("%s is still held, and no hook will end it any more: %s gives everything back, or else its deadline does", h, abort))
	}
	return warnings
}

// installEnd says what was done, and what is left to do.
func installEnd(c *install.Change, f installFlags) string {
	var end string
	switch name := c.Caller.Name; {
	case !c.Todo() && f.removal:
		end = "nothing to do: nothing of " + name + " is installed\n"
	case !c.Todo():
		end = "nothing to do: " + name + " is installed\n"
	case f.dryRun:
		end = "nothing was changed: this was a dry run\n"
	case f.removal:
		end = "done: what was there before " + name + " is there again; take back by hand what you did by hand\n"
	default:
		end = "done: starhost install " + name + " --uninstall gives back what was there\n"
	}
	if c.Manual == "" {
		return end
	}
	return end + "\n" + c.Manual + "\n"
}
