package starhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/event"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest/recording"
	"github.com/starhost/starhost/watchdog"
	"github.com/starhost/starhost/worker"
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
	closers     []func()

	workloadLocks []*lock.Lock
}

// loaded is the script of a workload with what the config makes of it.
type loaded struct {
	script   script
	features []worker.Feature // of its isolation; nil in this process
	settings action.Value
}

func (p *prepared) onClose(f func()) { p.closers = append(p.closers, f) }

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
	for _, w := range workloads {
		l, err := p.load(ctx, w)
		if err != nil {
			p.close()
			return nil, err
		}
		p.loaded = append(p.loaded, l)
	}
	return p, nil
}

func (p *prepared) load(ctx context.Context, w config.Workload) (l loaded, err error) {
	if l.script, l.features, err = p.loadScript(ctx, w); err != nil {
		return l, err
	}
	if err := p.isolated(w, l.features); err != nil {
		return l, err
	}
	if l.settings, err = config.Settings(w.Settings, l.script.Info().Settings, w.File, "settings "+w.Name); err != nil {
		return l, &ConfigError{err}
	}
	return l, nil
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
	freezes, err := mode(p.workloads)
	if err != nil {
		return err
	}
	folder := run.CarriedDir
	if p.planning {
		folder = ""
	}
	p.filesystems = host.NewFilesystems([]string{standing(p.RuntimeDir)}, freezes == run.FreezeNamed, folder, p.lockFilesystem)
	p.onClose(func() { _ = p.filesystems.Close() })
	for i, w := range p.workloads {
		m, err := p.member(ctx, w, p.loaded[i])
		if err != nil {
			return err
		}
		p.members = append(p.members, m)
	}
	return nil
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

func (p *prepared) member(ctx context.Context, w config.Workload, l loaded) (run.Member, error) {
	server, err := connect(ctx, w, p.id)
	if err != nil {
		return run.Member{}, &action.Fault{Kind: action.KindRefused, Message: fmt.Sprintf("workload %s: %v", w.Name, err)}
	}
	h := host.New(host.Options{
		Workload: w.Name, Database: w.Connection.Driver, Server: server, Filesystems: p.filesystems,
		Secret: secrets(w), Emit: p.emit,
	})
	p.onClose(func() { _ = h.Close() })
	info := l.script.Info()
	return p.recorded(w, run.Member{
		Workload: w.Name, Script: l.script, Name: info.Name, SHA256: info.SHA256, Phases: info.Phases,
		Policy: policy.Policy{Database: w.Connection.Driver, Programs: programs(w)},
		Host:   p.wrap(w.Name, h), Context: p.context(w, l, server == nil || server.Identity().Local),
	}), nil
}

// context is what ctx holds in every phase; a run fills in the rest. Each field is
// declared in action.ContextFields; a test compares the two.
func (p *prepared) context(w config.Workload, l loaded, local bool) action.Value {
	return action.Dict(
		action.Entry{Key: "run", Value: action.String(p.id)},
		action.Entry{Key: "workload", Value: action.String(w.Name)},
		action.Entry{Key: "timeout", Value: action.Int(int64(math.Ceil(limits(p.workloads).Hold.Seconds())))},
		action.Entry{Key: "params", Value: merged(w.Params, p.Params)},
		action.Entry{Key: "settings", Value: l.settings},
		action.Entry{Key: "recovery_point", Value: action.Value{}},
		action.Entry{Key: "snapshot", Value: action.String("unknown")},
		action.Entry{Key: "local", Value: action.Bool(local)},
		action.Entry{Key: "linux_user", Value: action.String(w.LinuxUser)},
		action.Entry{Key: "command_path", Value: action.String(w.CommandPath)},
		action.Entry{Key: "ipc_folder", Value: action.String(w.IPCFolder)},
	)
}

// recorded has what a member does written down, if somebody wants it.
func (p *prepared) recorded(w config.Workload, m run.Member) run.Member {
	if p.Record != nil {
		p.Record.Begin(m.Workload, recording.Member{Script: m.Name, SHA256: m.SHA256, Database: w.Connection.Driver, FSFreeze: w.FSFreeze.Mode, Context: m.Context})
		m.Host = p.Record.Host(m.Workload, m.Host)
	}
	return m
}

// merged is the dict with the entries of all; those of a later one count. What is no
// dict has none.
func merged(dicts ...action.Value) action.Value {
	all := action.Dict()
	for _, d := range dicts {
		if d.Kind() != action.DictKind {
			continue
		}
		for i, key := range d.Keys() {
			all = all.With(key, d.Items()[i])
		}
	}
	return all
}

func (p *prepared) emit(name, workload string, data action.Value) {
	p.sink.Emit(event.Event{Type: event.Source + "." + name, Subject: workload, Run: p.id, Data: data})
}

// secrets returns what finds the text of a secret of a workload.
func secrets(w config.Workload) func(name string) (string, error) {
	return func(name string) (string, error) {
		s, ok := w.Secrets[name]
		if !ok {
			return "", fmt.Errorf("there is no secret %q: give secret.%s = FILE in the config", name, name)
		}
		return s.Reveal(), nil
	}
}

// programs are what the config, and a bundled script itself, allow exec_as to run.
func programs(w config.Workload) []policy.Program {
	var list []policy.Program
	for _, rule := range w.ExecAs {
		list = append(list, policy.Program(rule))
	}
	if w.ScriptPath != "" {
		return list
	}
	if bundled, err := scripts.Lookup(w.Script); err == nil {
		for _, program := range bundled.Programs {
			list = append(list, policy.Program(program))
		}
	}
	return list
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
