package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/internal/probe"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// Filesystems are the filesystems of a run: what its members have named, and the
// descriptors to freeze and thaw them with. The zero value is not usable.
type Filesystems struct {
	// keep are paths whose filesystems must stay writable.
	keep []string
	// freezes says that we freeze what a member names; if somebody else does, it is only
	// synced.
	freezes func(member string) bool
	// folder is where a filesystem carries the recovery point, below its mount point;
	// empty if nothing may be written, not even to find out.
	folder string
	// lock takes a filesystem for this run alone.
	lock func(device string) (release func(), err error)

	mu       sync.Mutex // never held while something is asked of a disk
	declared map[string]*declaration
	carriers []carrier
	open     []*freeze.Filesystem
	locks    []func()
}

// declaration is what one member has said.
type declaration struct {
	paths []string
	none  bool
}

// carrier is a filesystem that can take the recovery point.
type carrier struct {
	mount  string
	frozen bool // by us
}

// NewFilesystems returns the filesystems of a run. keep are paths whose filesystems
// are refused; freezes says whether we freeze what a member names; folder is what a
// filesystem must be able to take a file in, if not empty; lock takes one for this run.
func NewFilesystems(keep []string, freezes func(member string) bool, folder string, lock func(device string) (func(), error)) *Filesystems {
	return &Filesystems{keep: keep, freezes: freezes, folder: folder, lock: lock, declared: map[string]*declaration{}}
}

func (h *Host) freeze(ctx context.Context, f *action.Freeze) action.Result {
	mounts, err := h.Filesystems.Name(ctx, h.Workload, f.Paths)
	if err != nil {
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindFreeze, Message: err.Error()}}
	}
	return action.Result{State: action.Applied, Mounts: mounts}
}

// Name notes paths of a member, syncs their filesystems, and returns the mount
// points. No path at all notes that the member needs no freeze. Members may name at the
// same time: no disk of one keeps another one waiting.
func (f *Filesystems) Name(ctx context.Context, member string, paths []string) (mounts []string, err error) {
	if len(paths) == 0 {
		f.declare(member, nil)
		return []string{}, nil
	}
	freezes := f.freezes(member)
	found, err := freeze.Locate(paths, freeze.Options{Keep: f.keep})
	if err != nil && (freezes || !cannotFreeze(err)) {
		return nil, err
	}
	defer closeAll(found)
	for _, fs := range found {
		mounts = append(mounts, fs.Mountpoint)
		if err := f.ready(ctx, fs, freezes); err != nil {
			return nil, err
		}
	}
	f.declare(member, paths)
	return mounts, nil
}

// declare notes what a member has said.
func (f *Filesystems) declare(member string, paths []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.declared[member]
	if d == nil {
		d = &declaration{}
		f.declared[member] = d
	}
	d.paths, d.none = append(d.paths, paths...), d.none || len(paths) == 0
}

// ready syncs a filesystem and makes sure that it can take the recovery point if we
// freeze it: what is full, or frozen by somebody else, is found out while nothing is
// held.
func (f *Filesystems) ready(ctx context.Context, fs *freeze.Filesystem, freezes bool) error {
	if err := fs.Sync(ctx); err != nil {
		return err
	}
	if fs.ReadOnly || f.carries(fs.Mountpoint, freezes) {
		return nil
	}
	if freezes && f.folder != "" {
		if err := probe.Write(ctx, filepath.Join(fs.Mountpoint, f.folder)); err != nil {
			return err
		}
	}
	f.carry(carrier{fs.Mountpoint, freezes})
	return nil
}

// carries reports whether a carrier is known, as one that we freeze if asked for.
func (f *Filesystems) carries(mount string, frozen bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.carriers, func(c carrier) bool { return c.mount == mount && (c.frozen || !frozen) })
}

// carry notes a carrier. Another member may have named it too: it is one that we freeze
// if we do for any of them.
func (f *Filesystems) carry(c carrier) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.carriers, func(known carrier) bool { return known.mount == c.mount })
	if i < 0 {
		f.carriers = append(f.carriers, c)
		return
	}
	f.carriers[i].frozen = f.carriers[i].frozen || c.frozen
}

// cannotFreeze reports whether an error only matters to who wants to freeze.
func cannotFreeze(err error) bool {
	refused := (*freeze.RefusedError)(nil)
	return errors.As(err, &refused) || errors.Is(err, errors.ErrUnsupported)
}

// Declared reports what a member has said; paths named for the run as a whole
// count for every member whose filesystems we freeze.
func (f *Filesystems) Declared(member string) (named, none bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range []string{member, ""} {
		if d := f.declared[name]; d != nil && (name == member || f.freezes(member)) {
			named, none = named || len(d.paths) > 0, none || d.none
		}
	}
	return named, none
}

// Carriers returns one mount point of each filesystem that was named and is not
// read-only: of those that we freeze, or of the others.
func (f *Filesystems) Carriers(frozen bool) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var mounts []string
	for _, c := range f.carriers {
		if c.frozen == frozen {
			mounts = append(mounts, c.mount)
		}
	}
	return mounts
}

// Named opens everything that we are to freeze and returns it in the order of freezing,
// level after level.
func (f *Filesystems) Named(context.Context) ([]action.FS, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var paths []string
	for member, d := range f.declared {
		if f.freezes(member) {
			paths = append(paths, d.paths...)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	slices.Sort(paths) // a map has no order, a run must have one
	found, err := freeze.Locate(paths, freeze.Options{Keep: f.keep})
	if err != nil {
		return nil, err
	}
	f.open = found
	named := make([]action.FS, len(found))
	for i, fs := range found {
		release, err := f.lock(fs.Device)
		if err != nil {
			return nil, fmt.Errorf("filesystem %s: %w", fs.Mountpoint, err)
		}
		f.locks = append(f.locks, release)
		named[i] = action.FS{Device: fs.Device, Mountpoint: fs.Mountpoint, Type: fs.Type, Level: fs.Level}
	}
	return named, nil
}

// Do freezes one filesystem. Several may be frozen at the same time.
func (f *Filesystems) Do(ctx context.Context, a action.Action) (action.Result, error) {
	fs := f.find(a.FS)
	if fs == nil {
		return action.Refuse(action.KindFreeze, "filesystem %v is not open", a.FS), nil
	}
	err := fs.Freeze(ctx)
	res := action.Result{State: FreezeState(err)}
	switch res.State {
	case action.NotApplied:
		res.Err = &action.Fault{Kind: action.KindFreeze, Message: err.Error()}
	case action.Unknown:
		res.Err = ended(ctx, err.Error())
	}
	return res, nil
}

// FreezeState is what became of a freeze that ended with that error. Every error but one
// certifies that we left no freeze behind: frozen by somebody else, no privilege, not
// possible.
func FreezeState(err error) action.State {
	switch {
	case err == nil:
		return action.Applied
	case errors.Is(err, freeze.ErrUnknown):
		return action.Unknown
	}
	return action.NotApplied
}

// Undo thaws one filesystem; see [undo.Performer].
func (f *Filesystems) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	fs := f.find(step.FS)
	if fs == nil {
		return journal.Failed, "the filesystem is not open here"
	}
	return ThawState(fs.Thaw(ctx))
}

// ThawState is the answer of an undo that ended with that error of a thaw.
func ThawState(err error) (action.State, string) {
	switch {
	case err == nil:
		return journal.Done, ""
	case errors.Is(err, freeze.ErrNotFrozen):
		return journal.Already, err.Error()
	}
	return journal.Failed, err.Error()
}

// Reclaim thaws a filesystem that another process of ours, which is dead, may have
// frozen on our behalf. The answer is that of Undo.
func (f *Filesystems) Reclaim(ctx context.Context, fs *action.FS) (action.State, string) {
	if found := f.find(fs); found != nil {
		found.Inherit()
	}
	return f.Undo(ctx, undo.Hold{}, action.Op{FS: fs})
}

func (f *Filesystems) find(want *action.FS) *freeze.Filesystem {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fs := range f.open {
		if want != nil && fs.Device == want.Device {
			return fs
		}
	}
	return nil
}

// Close gives descriptors and locks back; what is still frozen is thawed.
func (f *Filesystems) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	closeAll(f.open)
	for _, release := range f.locks {
		release()
	}
	f.open, f.locks = nil, nil
	return nil
}

// closeAll closes descriptors; an error of closing one changes nothing.
func closeAll(list []*freeze.Filesystem) {
	for _, fs := range list {
		_ = fs.Close()
	}
}
