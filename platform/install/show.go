package install

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// describe says what a path is.
func (s State) describe() string {
	switch s.Kind {
	case Link:
		return "a link to " + s.Target
	case File, Dir:
		return fmt.Sprintf("a %s, mode %s, %s", s.Kind, s.Mode, s.owner())
	case Absent:
		return "nothing"
	}
	return "something special"
}

func (s State) owner() string {
	if s.UID == 0 && s.GID == 0 {
		return "root:root"
	}
	return fmt.Sprintf("uid %d, gid %d", s.UID, s.GID)
}

// Op is what a step does, in a word.
func (s Step) Op() string {
	switch {
	case s.Problem != "":
		return "refuse"
	case !s.Todo() && s.Finding != Same:
		return "leave"
	case !s.Todo():
		return "have"
	case s.After.Kind == Absent:
		return "remove"
	case s.Finding == Ours:
		return "restore"
	case s.From != "":
		return "move"
	case s.Before.Kind == Absent:
		return "make"
	}
	return "change"
}

// Line says in a line what a step does.
func (s Step) Line() string {
	thing := s.After
	if thing.Kind == Absent {
		thing = s.Before
	}
	text := s.Op() + " " + string(thing.Kind) + " " + s.Path
	switch {
	case s.Problem != "":
		return s.Op() + " " + s.Path + ": it " + s.Problem
	case s.Finding == Shared:
		return text + ": another caller needs it"
	case s.Finding == Busy:
		return text + ": there is something else in it"
	case s.After.Kind == Absent:
		return text
	case s.From != "":
		text = s.Op() + " file " + s.From + " to " + s.Path
	}
	switch s.After.Kind {
	case Link:
		text += " -> " + s.After.Target
	case File, Dir:
		text += ", mode " + s.After.Mode.String() + ", " + s.After.owner()
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}

// Diff is the change of a file, as diff -u shows it; "" if there is none. What a file
// had that is moved, or is given back, is not shown: it may hold a password.
func (s Step) Diff() string {
	if !s.Todo() || s.After.Kind != File || s.From != "" || s.Finding == Ours {
		return ""
	}
	name, before := s.Path, s.Before.Text
	if s.Before.Kind != File || s.replaces() {
		name, before = "/dev/null", nil
	}
	text := string(diff.Diff(name, before, s.Path, s.After.Text))
	_, text, _ = strings.Cut(text, "\n") // the command line of diff
	return text
}

// replaces reports whether a step leaves nothing of what a file of somebody else had.
func (s Step) replaces() bool { return s.Finding == Edit && marked(s.After) }

// Text shows the change, a step after the other, with what is there already left out.
func (c *Change) Text() string {
	var b strings.Builder
	for _, s := range c.Steps {
		if s.Op() != "have" {
			b.WriteString(s.Line() + "\n" + s.Diff())
		}
	}
	return b.String()
}

// Report is a change for programs.
type Report struct {
	Caller   string       `json:"caller"`
	Removal  bool         `json:"removal"`
	Todo     bool         `json:"todo"`
	Done     bool         `json:"done"`
	Steps    []StepReport `json:"steps"`
	Warnings []string     `json:"warnings"`
	Manual   string       `json:"manual,omitempty"`
}

// StepReport is a step for programs.
type StepReport struct {
	Op      string  `json:"op"`
	Path    string  `json:"path"`
	From    string  `json:"from,omitempty"`
	Found   Finding `json:"found"`
	Kind    Kind    `json:"kind"` // after the step
	Mode    string  `json:"mode,omitempty"`
	UID     int     `json:"uid"`
	GID     int     `json:"gid"`
	Target  string  `json:"target,omitempty"`
	Why     string  `json:"why,omitempty"`
	Diff    string  `json:"diff,omitempty"`
	Problem string  `json:"problem,omitempty"`
}

// Report describes the change; done says whether it was made.
func (c *Change) Report(done bool) Report {
	r := Report{Caller: c.Caller.Name, Removal: c.Removal, Todo: c.Todo(), Done: done, Steps: []StepReport{}, Warnings: append([]string{}, c.Warnings...), Manual: c.Manual}
	for _, s := range c.Steps {
		one := StepReport{
			Op: s.Op(), Path: s.Path, From: s.From, Found: s.Finding, Kind: s.After.Kind, UID: s.After.UID, GID: s.After.GID,
			Target: s.After.Target, Why: s.Why, Diff: s.Diff(), Problem: s.Problem,
		}
		if s.After.Kind == File || s.After.Kind == Dir {
			one.Mode = s.After.Mode.String()
		}
		r.Steps = append(r.Steps, one)
	}
	return r
}
