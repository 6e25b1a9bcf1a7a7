package starhost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/recording"
	"github.com/starhost/starhost/worker"
)

// connectGrace is how long servers may go on to answer after another one has failed:
// what is wrong with them too is said with it.
const connectGrace = time.Second

var errOtherFailed = errors.New("given up, because another workload cannot be reached")

// loaded is the script of a workload with what the config makes of it.
type loaded struct {
	script   script
	features []worker.Feature // of its isolation; nil in this process
	settings action.Value
}

// together calls do for each workload at the same time, waits for all, and returns
// their errors in the order of the workloads.
func (p *prepared) together(do func(i int, w config.Workload) error) []error {
	errs := make([]error, len(p.workloads))
	var all sync.WaitGroup
	for i, w := range p.workloads {
		all.Go(func() { errs[i] = do(i, w) })
	}
	all.Wait()
	return errs
}

// loadAll loads the scripts. It says at once what is wrong with any of them.
func (p *prepared) loadAll(ctx context.Context) error {
	p.loaded = make([]loaded, len(p.workloads))
	errs := p.together(func(i int, w config.Workload) (err error) {
		p.loaded[i], err = p.load(ctx, w)
		return err
	})
	var wrong []error
	for _, err := range errs {
		if conf, ok := errors.AsType[*ConfigError](err); ok {
			wrong = append(wrong, conf.Err)
		} else if err != nil {
			return err // the run was ended
		}
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return &ConfigError{wrong[0]}
	}
	return &ConfigError{errors.Join(wrong...)}
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

// connectMembers reaches every server and makes the members of the run. If one cannot
// be reached the others are not waited for, and all are left alone again.
func (p *prepared) connectMembers(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	servers := make([]driver.Server, len(p.workloads))
	errs := p.together(func(i int, w config.Workload) (err error) {
		if servers[i], err = connect(ctx, w, p.id); err != nil {
			if errors.Is(context.Cause(ctx), errOtherFailed) {
				err = errOtherFailed
			}
			time.AfterFunc(connectGrace, func() { cancel(errOtherFailed) })
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		for _, s := range servers {
			if s != nil {
				_ = s.Close() // it has done nothing
			}
		}
		return &action.Fault{Kind: action.KindRefused, Message: err.Error()}
	}
	for i, w := range p.workloads {
		h := host.New(host.Options{
			Workload: w.Name, Database: w.Connection.Driver, Server: servers[i], Filesystems: p.filesystems,
			Secret: secrets(w), Emit: p.emit,
		})
		p.onClose(func() { _ = h.Close() })
		p.members = append(p.members, p.recorded(w, p.member(w, p.loaded[i], h)))
	}
	return nil
}

func (p *prepared) member(w config.Workload, l loaded, h *host.Host) run.Member {
	info := l.script.Info()
	return run.Member{
		Workload: w.Name, Script: l.script, Name: info.Name, SHA256: info.SHA256, Phases: info.Phases, Order: w.Order, FSFreeze: mode(w), Require: required(w),
		Policy: policy.Policy{Database: w.Connection.Driver, Programs: programs(w)},
		Host:   p.wrap(w.Name, h), Context: p.context(w, l, h.Server == nil || h.Server.Identity().Local),
	}
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
		action.Entry{Key: "verified", Value: action.Value{}},
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
