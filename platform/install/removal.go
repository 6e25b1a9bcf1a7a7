package install

import (
	"path"
	"slices"

	"github.com/starhost/starhost/platform"
)

// giveBack adds the step that makes a path what it was before the install.
func (p *planner) giveBack(i item) error {
	if err := p.trusted(i.Path); err != nil {
		return err
	}
	now, err := p.look(i.Path)
	if err != nil {
		return err
	}
	s := Step{Path: i.Path, Finding: Ours, Before: now, After: i.Before}
	var copied *Step // what was there was moved to i.Path
	if i.From != "" {
		copied = p.step(i.From)
	}
	switch {
	case slices.ContainsFunc(p.others, func(r *record) bool { return r.find(i.Path) != nil }):
		s.Finding, s.After = Shared, now
	case now.same(i.Before):
		s.Finding = Same
	case copied != nil && copied.Problem != "":
		s.refuse(Changed, "is kept: it is what was in %s before", i.From)
	case i.After.Kind == Dir && now.Kind == Dir:
		busy, err := p.busy(i.Path)
		if err != nil {
			return err
		}
		if busy {
			s.Finding, s.After = Busy, now
		}
	case now.same(i.After) || yields(i, now):
	default:
		s.refuse(Changed, "was changed since it was installed: it is left as it is")
	}
	p.steps = append(p.steps, s)
	return nil
}

// yields reports whether something else that is there may be overwritten: the extension
// of Azure brings back its template, which names no workload either, when it is updated.
func yields(i item, now State) bool {
	return i.Path == platform.AzureWorkload && now.Kind == File && !namesWorkload(string(now.Text))
}

// busy reports whether something is left in a directory when the steps so far are done.
func (p *planner) busy(dir string) (bool, error) {
	f, err := p.root.Open(rel(dir))
	if err != nil {
		return false, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return slices.ContainsFunc(names, func(name string) bool {
		s := p.step(path.Join(dir, name))
		return s == nil || s.Problem != "" || s.After.Kind != Absent
	}), err
}
