package starhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/probe"
	"github.com/starhost/starhost/internal/redact"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// Run leads one whole run of the workloads and reports on it.
//
// The error is for a run that never began: a [*ConfigError], a [*BusyError], a
// [*DeadRunError]. Everything else is in the report, whose secrets are blotted out.
// When ctx ends, the cause of its end may be an [*action.Fault], whose kind and
// message the report then has.
func Run(ctx context.Context, o Options) (*run.Report, error) {
	dog, err := o.startWatchdog()
	if err != nil {
		return nil, err
	}
	if dog != nil {
		defer dog.End() // of a run that does not begin
	}
	p, err := prepare(ctx, o)
	if fault := (*action.Fault)(nil); errors.As(err, &fault) {
		return refused(newRunID(), fault), nil
	}
	if err != nil {
		return nil, err
	}
	defer p.close()
	if err := p.makeDirs(); err != nil {
		return nil, err
	}
	if err := p.lockWorkloads(ctx, 0); err != nil {
		return nil, err
	}
	if err := p.recoverFirst(ctx); err != nil {
		return nil, err
	}
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	if err := p.watch(dog); err != nil {
		return nil, err
	}
	p.openSink()
	report, err := p.lead(ctx, config)
	if err != nil {
		return nil, err
	}
	report = redacted(report, o.Redactor())
	p.save(report)
	return report, nil
}

// lead connects and runs. Servers are reached last: a wrong config is found
// without them.
func (p *prepared) lead(ctx context.Context, c run.Config) (*run.Report, error) {
	connecting, cancel := context.WithTimeout(ctx, c.Limits.Prescript)
	defer cancel()
	err := p.connectAll(connecting)
	if err == nil {
		err = p.nameMounts(connecting)
	}
	if err == nil {
		err = p.ready(connecting)
	}
	if fault := (*action.Fault)(nil); errors.As(err, &fault) {
		p.Log.Error().Msg(fault.Message)
		return refused(p.id, fault), nil
	}
	if err != nil {
		return nil, err
	}
	w, err := journal.Create(journal.OS{}, journals(p.StateDir), p.id, time.Now)
	if err != nil {
		return nil, configError("state directory: %w", err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			p.Log.Error().Err(err).Msg("the journal could not be closed")
		}
	}()
	c.Members, c.Filesystems, c.Journal = p.members, p.filesystems, w
	ctx, done := p.watched(ctx, &c)
	defer done()
	return run.Do(ctx, c), nil
}

// config is the part of the run's config that can be wrong.
func (p *prepared) config() (c run.Config, err error) {
	c = run.Config{
		ID: p.id, Limits: limits(p.workloads), Snapshot: p.Snapshot, Begin: p.begin(),
		RecoveryPoints: recoveryPoints(p.StateDir), Events: p, Log: p.Log.With().Str("run", p.id).Logger(),
	}
	if l := c.Limits; l.Reserve() >= l.Hold {
		return c, configError("%s: the undo needs %v of the %v that anything may be held: raise timeout, or run the workloads one by one", p.workloads[0].File, l.Undo, l.Hold)
	}
	for _, w := range p.workloads {
		c.Retries, c.NoFallback = max(c.Retries, w.Retries), c.NoFallback || w.NoFallback
	}
	return c, checkModes(p.workloads)
}

// begin is what the begin record says of the machine, and of whoever asked.
func (p *prepared) begin() journal.Record {
	r := thisMachine()
	r.Owner = ownerText(p.Owner, p.Window)
	return r
}

// nameMounts names the mount points that the config lists.
func (p *prepared) nameMounts(ctx context.Context) error {
	for _, w := range p.workloads {
		if len(w.FSFreeze.Mounts) == 0 {
			continue
		}
		_, err := p.filesystems.Name(ctx, "", w.FSFreeze.Mounts)
		if errors.Is(err, probe.ErrBlocked) || ctx.Err() != nil {
			return &action.Fault{Kind: action.KindFreeze, Message: err.Error()}
		}
		if err != nil {
			return configError("%s:%d: [%s] fs_freeze: %w", w.File, w.Line, w.Name, err)
		}
	}
	return nil
}

// refused is the report of a run that ended before its journal began.
func refused(id string, f *action.Fault) *run.Report {
	return &run.Report{
		Run: id, Exit: run.ExitPrescript, Error: &run.Error{Kind: f.Kind, Message: f.Message, Stack: []string{}},
		Held: []string{}, Phases: []run.Phase{}, Members: []run.MemberReport{},
	}
}

// thisMachine is what the begin record says of the machine.
func thisMachine() journal.Record {
	r := journal.Record{Version: Version}
	r.Host, _ = os.Hostname()
	r.Boot = firstLine("/proc/sys/kernel/random/boot_id")
	r.Machine = firstLine("/etc/machine-id")
	return r
}

// firstLine returns the first line of a file, or "" where there is none.
func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// redacted returns the report with secrets blotted out.
func redacted(r *run.Report, red *redact.Redactor) *run.Report {
	text, err := json.Marshal(r)
	if err != nil {
		return r // values of a report come from JSON and go back to it
	}
	out := &run.Report{}
	if err := json.Unmarshal([]byte(red.String(string(text))), out); err != nil {
		return r
	}
	if r.Error != nil {
		out.Error.Trace = red.String(r.Error.Trace)
	}
	for i, m := range r.Members {
		if m.Error != nil {
			out.Members[i].Error.Trace = red.String(m.Error.Trace)
		}
	}
	return out
}

// save keeps the report, without secrets, beside the journal.
func (o Options) save(r *run.Report) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(reportPath(o.StateDir, r.Run), append(text, '\n'), 0o600)
	}
	if err != nil {
		o.Log.Warn().Err(err).Msg("the report is not kept")
	}
}

func reportPath(stateDir, id string) string {
	return filepath.Join(journals(stateDir), id+".report.json")
}

// wrap puts between journal and host what blots secrets out of answers, and what
// the caller wants there.
func (p *prepared) wrap(workload string, h run.Host) run.Host {
	w := wrapped{Host: h, red: p.Redactor(), ex: h}
	if p.Wrap != nil {
		w.ex = p.Wrap(workload, h)
	}
	return w
}

type wrapped struct {
	run.Host
	ex  action.Executor
	red *redact.Redactor
}

func (w wrapped) Do(ctx context.Context, a action.Action) (action.Result, error) {
	res, err := w.ex.Do(ctx, a)
	if res.Err != nil {
		f := *res.Err
		f.Message = w.red.String(f.Message)
		if hasSecret(a.Op) && !f.Code.IsNone() {
			f.Message = fmt.Sprintf("error %s of the server; %s", f.Code, withheld)
		}
		res.Err = &f
	}
	if res.Exit != nil {
		e := *res.Exit
		e.Stdout, e.Stderr = w.red.String(e.Stdout), w.red.String(e.Stderr)
		res.Exit = &e
	}
	return res, err
}

func (w wrapped) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	return discreet{w.Host, w.red}.Undo(ctx, h, step)
}

// withheld stands for what a server says of a statement with a secret parameter: it
// repeats the value, escaped in its own way or cut short, where blotting out does
// not find it.
const withheld = "what it says is withheld, because a parameter of the statement is secret"

// hasSecret reports whether an operation is a statement with a secret parameter.
func hasSecret(op action.Op) bool {
	return op.SQL != nil && slices.ContainsFunc(op.SQL.Params, func(v action.Value) bool { return v.Kind() == action.SecretKind })
}
