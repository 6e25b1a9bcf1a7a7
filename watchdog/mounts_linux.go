package watchdog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// thawTime is how long a thaw is waited for before the others are tried.
const thawTime = time.Second

// mounts are the filesystems of the run, with descriptors to freeze and thaw them.
type mounts struct {
	mu      sync.Mutex
	open    []*mount
	frozeBy time.Duration // when a freeze must have ended, by uptime; 0 while there was none
	expired bool
}

type mount struct {
	*freeze.Filesystem
	thawed bool // by us, at least once since it was frozen
}

func (m *mounts) do(a ask, freezeFor time.Duration) answer {
	got := answer{ID: a.ID, State: action.Applied}
	switch a.Verb {
	case verbOpen:
		if err := m.add(a.FS); err != nil {
			got.State, got.Kind, got.Text = action.NotApplied, action.KindFreeze, err.Error()
		}
	case verbFreeze:
		got.State, got.Kind, got.Text = m.freeze(a.FS, freezeFor)
	case verbThaw:
		ctx, cancel := context.WithTimeout(context.Background(), a.Within)
		defer cancel()
		got.State, got.Text = m.Undo(ctx, undo.Hold{}, action.Op{FS: &a.FS})
	}
	return got
}

func (m *mounts) add(fs action.FS) error {
	f, err := freeze.Open(fs.Mountpoint, fs.Device)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, &mount{Filesystem: f})
	return nil
}

func (m *mounts) find(fs *action.FS) *mount {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.open {
		if f.Device == fs.Device {
			return f
		}
	}
	return nil
}

// freeze freezes one filesystem.
func (m *mounts) freeze(fs action.FS, within time.Duration) (action.State, action.Kind, string) {
	f := m.find(&fs)
	if f == nil {
		return action.NotApplied, action.KindFreeze, fmt.Sprintf("filesystem %s is not open", fs.Mountpoint)
	}
	m.mu.Lock()
	f.thawed = false
	if m.frozeBy == 0 {
		m.frozeBy = uptime() + within
	}
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	err := f.Freeze(ctx)
	switch state := host.FreezeState(err); state {
	case action.Applied:
		return state, "", ""
	case action.Unknown:
		return state, action.KindTimeout, err.Error()
	default:
		return state, action.KindFreeze, err.Error()
	}
}

// Undo thaws one filesystem; see [undo.Performer].
func (m *mounts) Undo(ctx context.Context, _ undo.Hold, step action.Op) (action.State, string) {
	f := m.find(step.FS)
	if f == nil {
		return journal.Already, "it was never frozen"
	}
	err := f.Thaw(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	state, text := host.ThawState(err)
	switch {
	case state == journal.Done:
		f.thawed = true
	case state == journal.Already && f.thawed && !m.expired:
		return journal.Done, "" // it was thawed a moment ago
	}
	return state, text
}

// thawAll begins to thaw everything at once, and waits a while: one filesystem whose
// thaw waits for that of another one must not keep it waiting.
func (m *mounts) thawAll() {
	m.mu.Lock()
	list := append([]*mount(nil), m.open...)
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), thawTime)
	defer cancel()
	var all sync.WaitGroup
	for _, f := range list {
		all.Go(func() {
			fs := action.FS{Device: f.Device}
			m.Undo(ctx, undo.Hold{}, action.Op{FS: &fs})
		})
	}
	all.Wait()
}

// expire thaws what the leader has left frozen for too long.
func (m *mounts) expire() {
	m.mu.Lock()
	due := m.frozeBy != 0 && !m.expired && uptime() > m.frozeBy
	m.expired = m.expired || due
	m.mu.Unlock()
	if due {
		go m.thawAll()
	}
}

// close thaws whatever may still be frozen, and waits for the kernel without a limit: a
// freeze that comes about later would be nobody's.
func (m *mounts) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.open {
		_ = f.Close() // begins to thaw
	}
	for _, f := range m.open {
		<-f.Settled()
	}
}
