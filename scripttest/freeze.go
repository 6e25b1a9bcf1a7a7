package scripttest

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// mountStub is a filesystem: what lies below the mount point is on it. One with a
// fault is refused when it is named.
type mountStub struct {
	mount string
	fault string
}

// filesystems are those of a run. A path that is on no mount point which the test has
// named is a mount point itself.
type filesystems struct {
	world  *world
	none   bool
	any    bool     // paths were named
	named  []string // their mount points, in the order in which they were named
	frozen []string
}

func trimFilesystem(name string) string { return strings.TrimPrefix(name, "filesystem ") }

// name is what the word freeze does; in a recording, what it did.
func (w *world) name(a action.Action) action.Result {
	if w.replay != nil {
		if res, ok := w.replay.answer(w, a.Op, ""); ok {
			w.fs.none, w.fs.any = w.fs.none || len(a.Freeze.Paths) == 0, w.fs.any || len(a.Freeze.Paths) > 0
			w.fs.named = append(w.fs.named, res.Mounts...)
			return res
		}
	}
	return w.fs.name(a.Freeze.Paths)
}

// name notes paths and returns their mount points.
func (f *filesystems) name(paths []string) action.Result {
	if len(paths) == 0 {
		f.none = true
		return action.Result{State: action.Applied, Mounts: []string{}}
	}
	f.any = true
	mounts := []string{}
	for _, p := range paths {
		mount, fault := f.mountOf(path.Clean(p))
		if fault != "" {
			return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindFreeze, Message: fmt.Sprintf("%s: %s", p, fault)}}
		}
		if !slices.Contains(f.named, mount) {
			f.named = append(f.named, mount)
		}
		if !slices.Contains(mounts, mount) {
			mounts = append(mounts, mount)
		}
	}
	return action.Result{State: action.Applied, Mounts: mounts}
}

// mountOf is the longest mount point above a path.
func (f *filesystems) mountOf(p string) (mount, fault string) {
	for _, m := range f.world.mounts {
		if below(p, m.mount) && len(m.mount) > len(mount) {
			mount, fault = m.mount, m.fault
		}
	}
	for _, m := range f.named {
		if below(p, m) && len(m) > len(mount) {
			mount, fault = m, ""
		}
	}
	if mount == "" {
		return p, ""
	}
	return mount, fault
}

func below(p, mount string) bool {
	return p == mount || strings.HasPrefix(p, strings.TrimSuffix(mount, "/")+"/")
}

// Named implements [run.Filesystems]. Each is of a level of its own, so that the points of
// a test come in the same order each time.
func (f *filesystems) Named(context.Context) ([]action.FS, error) {
	list := []action.FS{}
	for i, mount := range f.named {
		list = append(list, action.FS{Device: fmt.Sprintf("8:%d", i+1), Mountpoint: mount, Level: i})
	}
	return list, nil
}

// Declared implements [run.Filesystems].
func (f *filesystems) Declared(string) (named, none bool) { return f.any, f.none }

// Carriers implements [run.Filesystems]; nothing is written in a test.
func (f *filesystems) Carriers(bool) []string { return nil }

// Do freezes one filesystem; see [run.Filesystems].
func (f *filesystems) Do(_ context.Context, a action.Action) (action.Result, error) {
	w := f.world
	w.phase = "freeze"
	mount := a.FS.Mountpoint
	return w.act(pointFreeze, "freeze "+mount, a, w.loseAll, func() (action.Result, error) {
		f.frozen = append(f.frozen, mount)
		return action.Result{State: action.Applied}, nil
	})
}

// Undo thaws one filesystem; see [undo.Performer].
func (f *filesystems) Undo(_ context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	w := f.world
	mount := step.FS.Mountpoint
	w.phase = "thaw"
	return w.undo(pointThaw, "thaw "+mount, nil, func() (action.State, string) {
		if !slices.Contains(f.frozen, mount) {
			return journal.Already, "it is not frozen"
		}
		f.frozen = slices.DeleteFunc(f.frozen, func(m string) bool { return m == mount })
		return journal.Done, ""
	})
}

// all reports whether everything that was named is frozen.
func (f *filesystems) all() bool {
	for _, mount := range f.named {
		if !slices.Contains(f.frozen, mount) {
			return false
		}
	}
	return true
}
