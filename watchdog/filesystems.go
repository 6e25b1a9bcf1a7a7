package watchdog

import (
	"context"
	"fmt"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// patience is how long a thaw may take that nobody has limited.
const patience = 3 * time.Second

// Filesystems are those of a run whose watchdog freezes and thaws them. What is named,
// and the descriptors that are used when the watchdog is dead, are the leader's.
type Filesystems struct {
	*host.Filesystems
	Watchdog *Watchdog
}

// Named opens everything that was named, here and in the watchdog.
func (f Filesystems) Named(ctx context.Context) ([]action.FS, error) {
	list, err := f.Filesystems.Named(ctx)
	if err != nil {
		return nil, err
	}
	for _, fs := range list {
		got, ok := f.Watchdog.ask(ctx, ask{Verb: verbOpen, FS: fs})
		if !ok {
			return nil, fmt.Errorf("filesystem %s: %s", fs.Mountpoint, f.silent(ctx))
		}
		if got.State != action.Applied {
			return nil, fmt.Errorf("watchdog: %s", got.Text)
		}
	}
	return list, nil
}

// silent says why there was no answer.
func (f Filesystems) silent(ctx context.Context) string {
	if ctx.Err() != nil {
		return context.Cause(ctx).Error()
	}
	return f.Watchdog.Reason()
}

// Do has one filesystem frozen. Without an answer nobody knows what became of it.
func (f Filesystems) Do(ctx context.Context, a action.Action) (action.Result, error) {
	got, ok := f.Watchdog.ask(ctx, ask{Verb: verbFreeze, FS: *a.FS})
	if !ok {
		return action.Result{State: action.Unknown, Err: &action.Fault{
			Kind: action.KindOf(ctx, action.KindFreeze), Message: fmt.Sprintf("freezing %s: no answer: %s", a.FS.Mountpoint, f.silent(ctx)),
		}}, nil
	}
	res := action.Result{State: got.State}
	if got.State != action.Applied {
		res.Err = &action.Fault{Kind: got.Kind, Message: got.Text}
	}
	return res, nil
}

// Undo thaws one filesystem; see [undo.Performer]. If the watchdog is dead it is thawed
// from here, and again when the dead process has been reaped: a FIFREEZE that it was in
// comes about later.
func (f Filesystems) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	within := patience
	if at, ok := ctx.Deadline(); ok {
		within = time.Until(at)
	}
	got, ok := f.Watchdog.ask(ctx, ask{Verb: verbThaw, FS: *step.FS, Within: within})
	if ok {
		return got.State, got.Text
	}
	select {
	case <-f.Watchdog.Dead():
	default:
		return journal.Failed, "the watchdog has not answered yet"
	}
	first, text := f.Reclaim(ctx, step.FS)
	if first == journal.Failed {
		return first, text
	}
	if !f.Watchdog.gone(reapTime) {
		return journal.Failed, "the dead watchdog is still in the kernel, and may freeze " + step.FS.Mountpoint
	}
	second, text := f.Reclaim(ctx, step.FS)
	if first == journal.Done && second == journal.Already {
		return journal.Done, ""
	}
	return second, text
}
