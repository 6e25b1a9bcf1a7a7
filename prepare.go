package starhost

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/event"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/watchdog"
)

// closeTimeout is how long the messaging channel may take to write its last lines.
const closeTimeout = time.Second

// prepared is everything that a run needs, before anything is held. close gives it
// back, newest first.
type prepared struct {
	Options
	id          string
	workloads   []config.Workload
	loaded      []loaded // the script of each workload
	planning    bool     // nothing may be written
	filesystems *host.Filesystems
	sink        *event.Sink
	members     []run.Member
	dog         *watchdog.Watchdog // nil in this process

	closing sync.Mutex // of closers: members are made ready at the same time
	closers []func()

	workloadLocks []*lock.Lock
}

func (p *prepared) onClose(f func()) {
	p.closing.Lock()
	defer p.closing.Unlock()
	p.closers = append(p.closers, f)
}

func (p *prepared) close() {
	for len(p.closers) > 0 {
		last := len(p.closers) - 1
		p.closers[last]()
		p.closers = p.closers[:last]
	}
}

func newRunID() string { return ulid.Make().String() }

// prepare selects the workloads, compiles their scripts and reads their settings.
// Nothing is touched but files that are read.
func prepare(ctx context.Context, o Options) (*prepared, error) {
	workloads, err := o.Config.Select(o.Workloads)
	if err != nil {
		return nil, &ConfigError{err}
	}
	if err := o.Bounds.narrow(workloads); err != nil {
		return nil, err
	}
	p := &prepared{Options: o, id: newRunID(), workloads: workloads}
	if err := p.loadAll(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// namesOf are the names of workloads.
func namesOf(workloads []config.Workload) []string {
	names := make([]string, len(workloads))
	for i, w := range workloads {
		names[i] = w.Name
	}
	return names
}

// lockWorkloads takes every workload for this run alone. It tries for patience: a
// watchdog may be undoing what a dead run has left.
func (p *prepared) lockWorkloads(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, w := range p.workloads {
		l, err := lock.Wait(ctx, p.locks(), workloadLock(w.Name), "run "+p.id)
		if held := (*lock.HeldError)(nil); errors.As(err, &held) {
			return &BusyError{held}
		}
		if err != nil {
			return configError("runtime directory: %w", err)
		}
		p.workloadLocks = append(p.workloadLocks, l)
		p.onClose(l.Release)
	}
	return nil
}

func (p *prepared) locks() string { return filepath.Join(p.RuntimeDir, "locks") }

func workloadLock(name string) string { return "workload " + name }

// connectAll reaches every server and makes the members of the run.
func (p *prepared) connectAll(ctx context.Context) error {
	folder := run.CarriedDir
	if p.planning {
		folder = ""
	}
	p.filesystems = host.NewFilesystems([]string{standing(p.RuntimeDir)}, p.freezes, folder, p.lockFilesystem)
	p.onClose(func() { _ = p.filesystems.Close() })
	return p.connectMembers(ctx)
}

// standing returns dir, or the nearest directory above it that is there: plan makes
// none.
func standing(dir string) string {
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func (p *prepared) lockFilesystem(device string) (func(), error) {
	l, err := lock.Acquire(p.locks(), "filesystem "+device, "run "+p.id)
	if err != nil {
		return nil, err
	}
	if err := p.share(l); err != nil {
		l.Release()
		return nil, err
	}
	return l.Release, nil
}

func (p *prepared) emit(name, workload string, data action.Value) {
	p.sink.Emit(event.Event{Type: event.Source + "." + name, Subject: workload, Run: p.id, Data: data})
}

// openSink opens the messaging channel. If it cannot be, a run sends its events nowhere.
func (p *prepared) openSink() {
	sink, err := event.Open(p.StateDir)
	if err != nil {
		p.Log.Warn().Err(err).Msg("no events will be written")
		sink = event.New(io.Discard)
	}
	p.sink = sink
	p.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := sink.Close(ctx); err != nil {
			p.Log.Warn().Err(err).Msg("events were lost")
		}
	})
}

// Hold and Resume make prepared the [run.Events] of its run, with Emit.
func (p *prepared) Hold() { p.sink.Hold() }

// Resume ends Hold.
func (p *prepared) Resume() { p.sink.Resume() }

// Emit sends an event of the run itself.
func (p *prepared) Emit(name, workload string, data action.Value) { p.emit(name, workload, data) }

// makeDirs makes the directories of a run.
func (p *prepared) makeDirs() error {
	for _, dir := range []string{p.StateDir, p.RuntimeDir, journals(p.StateDir), recoveryPoints(p.StateDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return configError("%w", err)
		}
	}
	return nil
}

func journals(stateDir string) string       { return filepath.Join(stateDir, "runs") }
func recoveryPoints(stateDir string) string { return filepath.Join(stateDir, "recovery-points") }
