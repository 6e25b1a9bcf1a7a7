package install

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Apply makes the change, all of it or nothing. What a removal refuses is left out of
// that, and returned as a [*RefusedError] when the rest is done.
func (c *Change) Apply() error {
	refusal := c.Refused()
	if refusal != nil && !c.Removal {
		return refusal
	}
	if c.o.machine() && os.Geteuid() != 0 {
		return refused("only root can do this; run it as root, or look first with --dry-run")
	}
	t, err := openTree(c.o)
	if err != nil {
		return err
	}
	defer t.close()
	if err := c.apply(t); err != nil {
		return err
	}
	c.tell()
	return refusal
}

// apply writes the record of an install before its first step, so that one that is
// killed can be taken back, and that of a removal after the last.
func (c *Change) apply(t tree) error {
	old, _, err := readRecords(t, c.o.StateDir, c.Caller.Name)
	if err != nil {
		return err
	}
	if !c.Removal {
		if err := c.store(t); err != nil {
			return c.rollBack(t, nil, old, fmt.Errorf("the record of the install: %w", err))
		}
	}
	for i, s := range c.Steps {
		if !s.Todo() {
			continue
		}
		if err := t.change(s.Path, s.Before, s.After); err != nil {
			done := c.Steps[:i]
			if _, ok := errors.AsType[*madeError](err); ok {
				done = c.Steps[:i+1]
			}
			return c.rollBack(t, done, old, fmt.Errorf("%s: %w", s.Path, err))
		}
	}
	if c.Removal {
		return c.store(t)
	}
	return nil
}

// rollBack undoes what was done before something went wrong. Whether that would survive a
// power cut, too, is not asked here: the first error says that the disk is in trouble.
func (c *Change) rollBack(t tree, done []Step, old *record, cause error) error {
	var failed error
	for _, s := range slices.Backward(done) {
		if !s.Todo() {
			continue
		}
		err := t.change(s.Path, s.After, s.Before)
		if _, ok := errors.AsType[*madeError](err); !ok {
			failed = errors.Join(failed, err)
		}
	}
	if failed != nil {
		return fmt.Errorf("%w; and not all of what had been done before could be undone: %w; try starhost install %s --uninstall", cause, failed, c.Caller.Name)
	}
	if !c.Removal {
		if err := store(t, c.o.StateDir, c.Caller.Name, old); err != nil {
			return fmt.Errorf("%w; everything else was undone, but not the record of it: %w", cause, err)
		}
	}
	return fmt.Errorf("%w; everything that had been done before was undone", cause)
}

// store writes the record, and into those of other callers what became of a file that
// they share.
func (c *Change) store(t tree) error {
	if err := store(t, c.o.StateDir, c.Caller.Name, c.record.orNil()); err != nil {
		return err
	}
	for _, r := range c.others {
		changed := false
		for _, s := range c.Steps {
			if i := r.find(s.Path); i != nil && s.Todo() && !i.After.same(s.After) {
				i.After, changed = s.After, true
				i.After.Text = nil
			}
		}
		if !changed {
			continue
		}
		if err := store(t, c.o.StateDir, r.Caller, r); err != nil {
			return err
		}
	}
	return nil
}

// orNil returns nil for a record of nothing.
func (r *record) orNil() *record {
	if r == nil || len(r.Items) == 0 {
		return nil
	}
	return r
}
