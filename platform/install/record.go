package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/starhost/starhost/platform"
)

// record is what was put for a caller, in the order in which it was made.
type record struct {
	Version int    `json:"version"`
	Caller  string `json:"caller"`
	Items   []item `json:"items"`
}

// item is one path: what it was before the first install, and what we made of it.
type item struct {
	Path   string `json:"path"`
	From   string `json:"from,omitempty"`
	Before State  `json:"before"`
	After  State  `json:"after"` // without the text
}

const recordVersion = 1

func recordPath(stateDir, caller string) string {
	return path.Join(stateDir, "install", caller+".json")
}

// find returns the item of a path, or nil.
func (r *record) find(p string) *item {
	if r == nil {
		return nil
	}
	if i := slices.IndexFunc(r.Items, func(i item) bool { return i.Path == p }); i >= 0 {
		return &r.Items[i]
	}
	return nil
}

// with returns the record of a caller after an install. A path that another caller has
// put was before what it was before that one.
func (r *record) with(caller string, others []*record, steps []Step) *record {
	next := &record{Version: recordVersion, Caller: caller}
	if r != nil {
		next.Items = slices.Clone(r.Items)
	}
	for _, s := range steps {
		i := item{Path: s.Path, From: s.From, Before: s.Before, After: s.After}
		i.After.Text = nil
		if old := next.find(s.Path); old != nil {
			if s.Todo() { // a file that others have edited besides stays as it was recorded
				old.After = i.After
			}
			if s.Todo() && s.Finding == Edit {
				old.Before = i.Before // what others have edited since is to be given back too
			}
			continue
		}
		for _, o := range others {
			if shared := o.find(s.Path); shared != nil {
				i.Before = shared.Before
				break
			}
		}
		next.Items = append(next.Items, i)
	}
	return next
}

// without returns the record after a removal: what was refused. Directories in which
// something is left are forgotten.
func (r *record) without(steps []Step) *record {
	next := &record{Version: recordVersion, Caller: r.Caller}
	for _, i := range r.Items {
		at := slices.IndexFunc(steps, func(s Step) bool { return s.Path == i.Path })
		if at >= 0 && steps[at].Problem != "" {
			next.Items = append(next.Items, i)
		}
	}
	if len(next.Items) == 0 {
		return nil
	}
	return next
}

// readRecords returns the record of a caller, nil if there is none, and those of others.
func readRecords(t tree, stateDir, caller string) (own *record, others []*record, err error) {
	for _, name := range platform.Names() {
		p := recordPath(stateDir, name)
		if err := t.trusted(p); err != nil {
			return nil, nil, err
		}
		s, err := t.look(p)
		if err != nil {
			return nil, nil, err
		}
		if s.Kind == Absent {
			continue
		}
		r := &record{}
		if err := json.Unmarshal(s.Text, r); err != nil || r.Version != recordVersion || r.Caller != name {
			return nil, nil, refused("%s is no record of an install that this version can read (%v); take away by hand what it names, then remove it", p, err)
		}
		if name == caller {
			own = r
		} else {
			others = append(others, r)
		}
	}
	return own, others, nil
}

// store writes the record of a caller, or removes it if r is nil.
func store(t tree, stateDir, caller string, r *record) error {
	p := recordPath(stateDir, caller)
	before, err := t.look(p)
	if err != nil {
		return err
	}
	if r == nil {
		if before.Kind == Absent {
			return nil
		}
		if err := t.change(p, before, State{Kind: Absent}); err != nil {
			return err
		}
		_ = t.root.Remove(rel(path.Dir(p))) // unless there are others
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	after := file(string(text)+"\n", 0o600) // it holds copies of what may be secret
	if before.same(after) {
		return nil
	}
	if err := t.makeDirs(path.Dir(p)); err != nil {
		return err
	}
	return t.change(p, before, after)
}

// makeDirs makes the directory of records: the last two are for root alone.
func (t tree) makeDirs(dir string) error {
	if err := t.root.MkdirAll(rel(path.Dir(path.Dir(dir))), 0o755); err != nil {
		return err
	}
	for _, d := range []string{path.Dir(dir), dir} {
		if err := t.root.Mkdir(rel(d), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
