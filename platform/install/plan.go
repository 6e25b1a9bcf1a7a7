package install

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/starhost/starhost/platform"
)

// planner looks at what is there, and collects the steps.
type planner struct {
	tree
	o        Options
	caller   *platform.Caller
	own      *record // nil: nothing was installed
	others   []*record
	steps    []Step
	warnings []string
}

func newPlanner(c *platform.Caller, o Options) (*planner, error) {
	t, err := openTree(o)
	if err != nil {
		return nil, err
	}
	p := &planner{tree: t, o: o, caller: c}
	if p.own, p.others, err = readRecords(t, o.StateDir, c.Name); err != nil {
		t.close()
		return nil, err
	}
	return p, nil
}

// fill writes the path of the program into a text.
func (p *planner) fill(text string) string {
	return strings.ReplaceAll(text, "@STARHOST@", p.o.Program)
}

func (p *planner) put(put platform.Put) error {
	switch put.Kind {
	case platform.PutLink:
		return p.add(Step{Path: put.Path, Why: put.Why, After: State{Kind: Link, Target: p.fill(put.Target)}})
	case platform.PutSetting:
		return p.setting(put)
	case platform.PutMove:
		return p.move(put)
	}
	return p.add(Step{Path: put.Path, Why: put.Why, After: file(p.fill(put.Text), put.Mode)})
}

// add looks at the path of a step, and adds it after those that make its directories.
func (p *planner) add(s Step) error {
	if err := p.parents(s.Path); err != nil {
		return err
	}
	var err error
	if s.Before, err = p.look(s.Path); err != nil {
		return err
	}
	p.classify(&s)
	p.steps = append(p.steps, s)
	return nil
}

// parents adds the directories that are missing on the way to a path.
func (p *planner) parents(of string) error {
	if err := p.trusted(of); err != nil {
		return err
	}
	var missing []Step
	for dir := path.Dir(of); dir != "/"; dir = path.Dir(dir) {
		info, err := p.root.Stat(rel(dir))
		if err == nil && !info.IsDir() {
			return refused("%s is not a directory; move it away", dir)
		}
		recorded := p.own.find(dir) != nil || slices.ContainsFunc(p.others, func(r *record) bool { return r.find(dir) != nil })
		if err == nil && !recorded {
			break
		}
		if p.step(dir) != nil {
			break
		}
		s := Step{Path: dir, Finding: New, Before: State{Kind: Absent}, After: State{Kind: Dir, Mode: 0o755}}
		if err == nil {
			s.Finding, s.Before = Same, s.After
		}
		missing = append(missing, s)
	}
	slices.Reverse(missing)
	p.steps = append(p.steps, missing...)
	return nil
}

// step returns the step of a path that was added already, or nil.
func (p *planner) step(of string) *Step {
	if i := slices.IndexFunc(p.steps, func(s Step) bool { return s.Path == of }); i >= 0 {
		return &p.steps[i]
	}
	return nil
}

// classify compares what is there with what is wanted.
func (p *planner) classify(s *Step) {
	mine := p.own.find(s.Path)
	put := slices.ContainsFunc(append(slices.Clone(p.others), p.own), func(r *record) bool {
		i := r.find(s.Path)
		return i != nil && i.After.same(s.Before)
	})
	switch {
	case s.Before.same(s.After):
		s.Finding = Same
	case s.Before.Kind == Absent:
		s.Finding = New
	case put || mine == nil && marked(s.Before):
		s.Finding = Older
	case mine != nil:
		s.refuse(Changed, "was changed since it was installed; move it away, then try again")
	default:
		s.refuse(Foreign, "is there already and not ours (%s); move it away, or call starhost from it, then try again", s.Before.describe())
	}
}

func (s *Step) refuse(f Finding, format string, args ...any) {
	s.Finding, s.Problem, s.After = f, fmt.Sprintf(format, args...), s.Before
}

// marked reports whether an install that has left no record has made something.
func marked(s State) bool {
	if s.Kind == Link {
		return path.Base(s.Target) == "starhost"
	}
	if bytes.Contains(s.Text, []byte(`"`+platform.AzurePre+`"`)) {
		return true // JSON has no place for a mark
	}
	lines := strings.SplitN(string(s.Text), "\n", 3)
	return len(lines) > 1 && lines[1] == platform.Mark
}

// setting adds a setting to a file of somebody else, in the step of that file.
func (p *planner) setting(put platform.Put) error {
	s := p.step(put.Path)
	if s == nil {
		if err := p.parents(put.Path); err != nil {
			return err
		}
		before, err := p.look(put.Path)
		if err != nil {
			return err
		}
		after := before
		switch before.Kind {
		case Absent:
			after = file("", 0o644)
		case File:
		default:
			return refused("%s is %s, not a regular file; move it away", put.Path, before.Kind)
		}
		p.steps = append(p.steps, Step{Path: put.Path, Why: put.Why, Finding: Same, Before: before, After: after})
		s = &p.steps[len(p.steps)-1]
	}
	if s.Problem != "" {
		return nil
	}
	text, problem := setKey(string(s.After.Text), put, p.fill(put.Value))
	s.After = s.After.with([]byte(text))
	switch {
	case problem != "":
		s.refuse(Foreign, "%s", problem)
	case s.Before.Kind == Absent:
		s.Finding = New
	case !s.Before.same(s.After):
		s.Finding = Edit
	}
	return nil
}
