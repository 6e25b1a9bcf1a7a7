package starhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// recoverBudget is how long the undos of one dead run may be tried, those aside that
// have a time of their own.
const recoverBudget = 30 * time.Second

// recoverTries is how often each of them is tried. Then a person, or the next run, goes
// on.
const recoverTries = 3

// watchdogTime is how long a recovery waits for a workload: if its run has just died,
// the watchdog undoes what it held.
const watchdogTime = 3 * time.Second

// ErrNothing says that there was nothing to do. The command ends with exit status 8.
var ErrNothing = errors.New("nothing to do")

// Recover undoes what dead runs of the workloads left behind, and reports on them,
// oldest first. A report whose Held is not empty has exit status 7; its journal stays
// open. The error is [ErrNothing] if there is no dead run.
func Recover(ctx context.Context, o Options, consent host.Consent) ([]*run.Report, error) {
	p := &prepared{Options: o}
	var err error
	if p.workloads, err = o.Config.Select(o.Workloads); err != nil {
		return nil, &ConfigError{err}
	}
	defer p.close()
	p.id = "recovery"
	if err := p.makeDirs(); err != nil {
		return nil, err
	}
	if err := p.lockWorkloads(ctx, watchdogTime); err != nil {
		return nil, err
	}
	reports, err := p.recoverDead(ctx, consent)
	if err == nil && len(reports) == 0 {
		err = ErrNothing
	}
	return reports, err
}

// recoverDead undoes what dead runs of our workloads left. The workloads are locked,
// so a journal of theirs without an end has no run.
func (p *prepared) recoverDead(ctx context.Context, consent host.Consent) ([]*run.Report, error) {
	infos, err := journal.List(journal.OS{}, journals(p.StateDir))
	if err != nil {
		return nil, configError("state directory: %w", err)
	}
	var reports []*run.Report
	for _, info := range slices.Backward(infos) {
		if info.Ended || !p.concerns(info) {
			continue
		}
		r, err := p.recoverRun(ctx, info, consent)
		if err != nil {
			return reports, fmt.Errorf("journal %s: %w", info.Path, err)
		}
		reports = append(reports, redacted(r, p.Redactor()))
	}
	return reports, nil
}

// concerns reports whether a run was about one of our workloads. One whose begin
// record cannot be read may be.
func (p *prepared) concerns(info journal.Info) bool {
	if info.Begin.N == 0 {
		return true
	}
	return slices.ContainsFunc(info.Begin.Members, func(m journal.Member) bool {
		return slices.ContainsFunc(p.workloads, func(w config.Workload) bool { return w.Name == m.Workload })
	})
}

// recoverRun undoes what one dead run left, and ends its journal if nothing is left.
func (p *prepared) recoverRun(ctx context.Context, info journal.Info, consent host.Consent) (*run.Report, error) {
	w, tail, err := journal.Open(journal.OS{}, info.Path, time.Now)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := w.Close(); err != nil {
			p.Log.Error().Err(err).Msg("the journal could not be closed")
		}
	}()
	here := thisMachine()
	performer := &recoveries{template: host.Recovery{
		Records: w.Records(), SameBoot: info.Begin.Boot != "" && info.Begin.Boot == here.Boot && info.Begin.Machine == here.Machine,
		SameKernel: info.Begin.Boot != "" && info.Begin.Boot == here.Boot,
		Consent:    consent, Connect: p.connectMember, Secret: p.secretOf,
	}}
	defer performer.close()
	ctx, cancel := context.WithTimeout(ctx, undo.Budget(w.Records(), recoverBudget))
	defer cancel()
	u := undo.Unwinder{Log: w, Perform: discreet{performer, p.Redactor()}, Tries: recoverTries, Failed: func(h undo.Hold, step action.Op, try int, text string) {
		p.Log.Error().Str("run", info.Run).Str("hold", h.String()).Int("try", try).Msg("undo failed: " + text)
	}}
	_, left := u.UnwindMembers(ctx, backwards(p.workloads), nil)
	report := run.ReportOf(w.Records())
	for _, h := range left {
		report.Held = append(report.Held, h.String())
	}
	if len(tail.Damaged) > 0 {
		report.Held = append(report.Held, fmt.Sprintf("unknown: lines %v of the journal are damaged; look at the servers and filesystems of the run", tail.Damaged))
	}
	if len(report.Held) > 0 {
		report.Exit = run.ExitHeld
		report.Error = &run.Error{Kind: action.KindUndo, Message: "still held: " + report.Held[0], Stack: []string{}}
		return report, nil
	}
	_, err = w.Append(journal.Record{Type: journal.TypeEnd, Exit: run.ExitInternal}, true)
	return report, err
}

// connectMember reaches the server of a member of a dead run.
func (p *prepared) connectMember(ctx context.Context, member string) (driver.Server, error) {
	for _, w := range p.workloads {
		if w.Name == member {
			return connect(ctx, w, p.id)
		}
	}
	return nil, fmt.Errorf("workload %s is not one of those to recover: name it too", member)
}

func (p *prepared) secretOf(member, name string) (string, error) {
	for _, w := range p.workloads {
		if w.Name == member {
			return secrets(w)(name)
		}
	}
	return "", fmt.Errorf("there is no workload %s", member)
}

// recoverFirst makes a new run begin where nothing of an old one is left.
func (p *prepared) recoverFirst(ctx context.Context) error {
	reports, err := p.recoverDead(ctx, host.Consent{})
	if err != nil {
		return configError("state directory: %w", err)
	}
	for _, r := range reports {
		if len(r.Held) > 0 {
			return &DeadRunError{Run: r.Run, Held: r.Held}
		}
		p.Log.Warn().Str("run", r.Run).Msg("a run had died; what it left was undone")
	}
	return nil
}
