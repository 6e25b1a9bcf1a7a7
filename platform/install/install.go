// Package install puts the hook of a caller in place, and takes it away again.
//
// [Plan] and [Removal] look at what is there and return a [Change]: steps, each one path
// with what it is now and what it becomes. Nothing is written before [Change.Apply].
// A step that would overwrite what is not ours is refused, with what to do.
//
// A record of each caller, with what was there before, is kept below the state
// directory. A removal gives that back, except where somebody has changed since what was
// put. Several callers may need one file, a unit of systemd say: it goes with the last.
//
// Everything is done below [Options.Root] by way of [os.Root], through directories that
// nobody but root can write. Whoever calls this keeps two installs from running at a time.
// What somebody else changes between look and write is an error, and the rest is rolled
// back.
package install

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/starhost/starhost/platform"
)

// Options say where things are.
type Options struct {
	Root     string // what the paths of the machine are below; "/" is the machine itself
	Program  string // the path of the program, as the machine will see it
	StateDir string // likewise
	// Run runs a program, as systemctl; nil does so. It is not called for another root.
	Run func(argv []string) error

	sync func(dir string) error // nil: the system does it
}

func (o Options) machine() bool { return o.Root == "/" }

// Finding is what a look at a path has found.
type Finding string

// The findings.
const (
	New     Finding = "new"     // nothing is there
	Same    Finding = "same"    // it is there as it should be
	Older   Finding = "older"   // it is ours, but another one
	Foreign Finding = "foreign" // it is not ours
	Changed Finding = "changed" // it was ours, and somebody has changed it
	Ours    Finding = "ours"    // a removal gives back what was there before
	Edit    Finding = "edit"    // a setting has to be added to somebody's file, or a file of the user moves
	Shared  Finding = "shared"  // another caller needs it too
	Missing Finding = "missing" // a file of the user is not there, and has to be
	Busy    Finding = "busy"    // a directory of ours in which there is something else
)

// Step is one path with what it is and what it becomes.
type Step struct {
	Path          string
	From          string // where the text of a file that is moved comes from
	Why           string
	Finding       Finding
	Before, After State
	// Problem is why the step is refused, and what to do; "" if it is not.
	Problem string
}

// Todo reports whether the step changes something.
func (s Step) Todo() bool { return s.Problem == "" && !s.Before.same(s.After) }

// Change is what an install or a removal does.
type Change struct {
	Caller  *platform.Caller
	Removal bool
	Steps   []Step
	// Warnings are what somebody should know, and Manual is what is left to do by hand.
	Warnings []string
	Manual   string

	o      Options
	record *record // after the change; nil if none is left
	others []*record
}

// Todo reports whether anything is to be changed.
func (c *Change) Todo() bool { return slices.ContainsFunc(c.Steps, Step.Todo) }

// RefusedError says what stands in the way. Of an install nothing was done then, of a
// removal the rest.
type RefusedError struct{ Problems []string }

// Error has a problem a line.
func (e *RefusedError) Error() string { return strings.Join(e.Problems, "\n") }

func refused(format string, args ...any) error {
	return &RefusedError{[]string{fmt.Sprintf(format, args...)}}
}

// Refused returns a [*RefusedError] with the problems of all steps, or nil.
func (c *Change) Refused() error {
	var problems []string
	for _, s := range c.Steps {
		if s.Problem != "" {
			problems = append(problems, s.Path+" "+s.Problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &RefusedError{problems}
}

// Plan returns what has to be done for the hook of a caller.
func Plan(c *platform.Caller, o Options) (*Change, error) {
	if err := checkProgram(o); err != nil {
		return nil, err
	}
	p, err := newPlanner(c, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	for _, put := range c.Install {
		if err := p.put(put); err != nil {
			return nil, err
		}
	}
	if c.PluginConfig {
		if err := p.azurePlugins(); err != nil {
			return nil, err
		}
		if err := p.configured(); err != nil {
			return nil, err
		}
	}
	if err := p.units(); err != nil {
		return nil, err
	}
	change := &Change{Caller: c, Steps: p.steps, Warnings: p.warnings, Manual: p.fill(c.Manual), o: o, others: p.others}
	if c.PluginConfig {
		change.Manual += p.moved()
	}
	change.record = p.own.with(c.Name, p.others, p.steps)
	return change, nil
}

// Removal returns what has to be done to give back what was there before an install.
func Removal(c *platform.Caller, o Options) (*Change, error) {
	p, err := newPlanner(c, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	change := &Change{Caller: c, Removal: true, o: o}
	if p.own == nil {
		return change, nil
	}
	for _, i := range slices.Backward(p.own.Items) {
		if err := p.giveBack(i); err != nil {
			return nil, err
		}
	}
	change.Steps = p.steps
	change.record = p.own.without(p.steps)
	return change, nil
}

// plainPath has nothing that a shell, YAML or systemd could take for anything else.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._+-]+)+$`)

// checkProgram makes sure that root will run what only root can write.
func checkProgram(o Options) error {
	if !plainPath.MatchString(o.Program) || path.Clean(o.Program) != o.Program {
		return refused("the path of the program, %q, cannot be written into a hook: give an absolute path of letters, digits and . _ + - with --program", o.Program)
	}
	if !o.machine() {
		return nil // it may not be there yet
	}
	t, err := openTree(o)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.trusted(o.Program); err != nil {
		return err
	}
	info, err := t.root.Stat(rel(o.Program))
	if err != nil {
		return refused("%s, which the hook would start, cannot be looked at: %v; copy the program there, or give another path with --program", o.Program, errors.Unwrap(err))
	}
	uid, _ := ownerOf(info)
	switch {
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return refused("%s, which the hook would start, is no program; give another path with --program", o.Program)
	case !trustedUser(uid) || info.Mode()&0o022 != 0:
		return refused("%s, which root would run, can be written by others (mode %04o); chown root it and chmod go-w it", o.Program, info.Mode().Perm())
	}
	return nil
}
