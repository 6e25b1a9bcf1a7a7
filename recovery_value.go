package starhost

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
)

// Member returns the part of one workload; "" is the only one there is.
func (f *FoundPoint) Member(workload string) (*run.RecoveryPointMember, error) {
	names := make([]string, len(f.Members))
	for i := range f.Members {
		names[i] = f.Members[i].Workload
	}
	switch i := slices.Index(names, workload); {
	case i >= 0:
		return &f.Members[i], nil
	case workload != "":
		return nil, fmt.Errorf("the recovery point of run %s has no workload %s; it has %s", f.Run, workload, strings.Join(names, ", "))
	case len(names) != 1:
		return nil, fmt.Errorf("the recovery point of run %s is of %d workloads: name one of %s", f.Run, len(names), strings.Join(names, ", "))
	}
	return &f.Members[0], nil
}

// Value returns one value of a workload's part, by a path as before.position.file: keys
// of dicts and numbers of lists, between points. The error of a path that leads nowhere
// says what there is.
func (f *FoundPoint) Value(workload, path string) (action.Value, error) {
	m, err := f.Member(workload)
	if err != nil {
		return action.Value{}, err
	}
	v := action.Dict(
		action.Entry{Key: "run", Value: action.String(f.Run)},
		action.Entry{Key: "workload", Value: action.String(m.Workload)},
		action.Entry{Key: "script", Value: action.Dict(
			action.Entry{Key: "name", Value: action.String(m.Script.Name)},
			action.Entry{Key: "sha256", Value: action.String(m.Script.SHA256)})},
		action.Entry{Key: "before", Value: m.Before},
		action.Entry{Key: "after", Value: m.After})
	var gone []string
	for rest := strings.Split(path, "."); len(rest) > 0; {
		next, n := child(v, rest)
		if n == 0 {
			return next, f.wrongPath(gone, rest, v)
		}
		gone, rest, v = append(gone, rest[:n]...), rest[n:], next
	}
	switch v.Kind() {
	case action.None:
		return v, f.nothingAt(gone)
	case action.SecretKind:
		return v, fmt.Errorf("%s is the secret %s, which is recorded nowhere", path, v.Text())
	}
	return v, nil
}

// child returns what is in v under the first parts of a path, and how many they are: a key
// may have points in it. 0 says that there is nothing.
func child(v action.Value, parts []string) (action.Value, int) {
	switch v.Kind() {
	case action.ListKind:
		if i, err := strconv.Atoi(parts[0]); err == nil && i >= 0 && i < len(v.Items()) {
			return v.Items()[i], 1
		}
	case action.DictKind:
		for n := len(parts); n > 0; n-- {
			if i := slices.Index(v.Keys(), strings.Join(parts[:n], ".")); i >= 0 {
				return v.Items()[i], n
			}
		}
	}
	return action.Value{}, 0
}

func (f *FoundPoint) wrongPath(gone, rest []string, at action.Value) error {
	what := "the recovery point"
	if len(gone) > 0 {
		what = strings.Join(gone, ".")
	}
	switch items := at.Items(); {
	case at.IsNone():
		return f.nothingAt(gone)
	case at.Kind() == action.DictKind && len(items) > 0:
		return fmt.Errorf("%s has no %q; it has %s", what, strings.Join(rest, "."), strings.Join(at.Keys(), ", "))
	case at.Kind() == action.ListKind && len(items) > 0:
		return fmt.Errorf("%s is a list and has no %q; it has 0 to %d", what, rest[0], len(items)-1)
	}
	return fmt.Errorf("%s is one value (%s), there is no %q in it", what, at.Kind(), strings.Join(rest, "."))
}

// nothingAt says why there is no value: what the postscript returned is not on the disk.
func (f *FoundPoint) nothingAt(gone []string) error {
	path := strings.Join(gone, ".")
	if f.Carried && gone[0] == "after" {
		return fmt.Errorf("%s: what came after the snapshot is not on the disk; ask the machine that made the run: starhost recovery-point %s", path, f.Run)
	}
	return fmt.Errorf("%s is null: the script recorded nothing there", path)
}
