package starhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/supervise"
	"github.com/starhost/starhost/undo"
)

// Pending is what [Pre] has begun. One goroutine uses it.
type Pending struct {
	// Report is that of the run. While it is held, Held names everything that is;
	// there is no verdict yet, and times are 0. Otherwise it is that of the ending.
	Report *run.Report
	// Held says that everything is quiesced and held, and Left for how long.
	Held bool
	Left time.Duration

	options Options
	process *supervise.Pending
}

// Pre starts a supervisor, a detached process that leads a run, and waits until it
// holds everything, or has ended without. The caller then tells whoever waits for it,
// and calls Keep: from there on the hold needs no process of the caller. Until then
// the end of this process, however it comes about, gives everything back. So does the
// end of ctx before Pre returns, and Close. What is told may be written to a frozen
// filesystem, and would wait there: see [supervise.Write].
//
// [Post] and [Abort] end the hold, and so do the limits of the config by themselves:
// freeze_timeout, if we froze a filesystem, and timeout.
//
// Options.Snapshot is not used. Options.Wrap and Options.Observe cannot reach another
// process and are errors. The configuration is read again there. The other errors are those of [Run].
func Pre(ctx context.Context, o Options) (*Pending, error) {
	workloads, err := o.Config.Select(o.Workloads)
	if err != nil {
		return nil, &ConfigError{err}
	}
	if o.Wrap != nil || o.Observe != nil || o.Record != nil {
		return nil, configError("pre: Options.Wrap, Options.Observe and Options.Record cannot be passed on to the supervisor")
	}
	names := namesOf(workloads)
	p := &Pending{options: o}
	claim := supervise.Claim{Workloads: names, Config: o.Config.Path, Owner: o.Owner, Window: o.Window}
	p.process, err = supervise.Start(ctx, o.RuntimeDir, claim, supervisorOrder{
		PluginConfig: o.Config.PluginConfig, Params: o.Params, Bounds: o.Bounds, StateDir: o.StateDir, RuntimeDir: o.RuntimeDir,
		InProcess: o.InProcess, Level: min(o.Log.GetLevel(), zerolog.InfoLevel), // the file of its log is for later
	})
	if p.process == nil {
		return nil, configError("%w", err)
	}
	return p, p.update(err)
}

// Keep says that whoever waited has been told. If the run has ended meanwhile, Held is
// false, Report is that of the ending, and the error says so.
func (p *Pending) Keep() error {
	if err := p.update(p.process.Keep()); err != nil || p.Held {
		return err
	}
	return errors.New("the run ended before pre could return: do not take a snapshot")
}

// Close gives everything back unless Keep was called, and waits for that.
func (p *Pending) Close() error { return p.update(p.process.Close()) }

// update takes over what the process has heard.
func (p *Pending) update(err error) error {
	if errors.Is(err, supervise.ErrDied) {
		p.Held = false
		p.Report, err = p.options.recoverDied(&p.process.Ticket, err)
		return err
	}
	if err != nil {
		return err
	}
	if q := p.process.Quiesced; q != nil {
		p.Report, p.Held, p.Left = q.Report, true, q.Left
	}
	if e := p.process.Ending; e != nil {
		p.Held = false
		p.Report, err = p.options.reportOf(e)
	}
	return err
}

// supervisorOrder is what the supervisor makes its Options of, besides its claim.
type supervisorOrder struct {
	PluginConfig string        `json:"plugin_config,omitempty"`
	Params       action.Value  `json:"params"`
	Bounds       Bounds        `json:"bounds"`
	StateDir     string        `json:"state_dir"`
	RuntimeDir   string        `json:"runtime_dir"`
	InProcess    bool          `json:"in_process,omitempty"`
	Level        zerolog.Level `json:"level"`
}

// leadSupervised leads a run in the process of the supervisor.
func leadSupervised(s *supervise.Supervisor) supervise.Ending {
	var order supervisorOrder
	if err := json.Unmarshal(s.Order(), &order); err != nil {
		return supervise.Ending{Refusal: refusal(err)}
	}
	claim := s.Claim()
	file, err := config.LoadWith(claim.Config, order.PluginConfig)
	if err != nil {
		return supervise.Ending{Refusal: refusal(&ConfigError{err})}
	}
	o := Options{
		Config: file, Workloads: claim.Workloads, Owner: claim.Owner, Window: claim.Window, Params: order.Params, Bounds: order.Bounds,
		StateDir: order.StateDir, RuntimeDir: order.RuntimeDir, InProcess: order.InProcess,
	}
	red := o.Redactor()
	o.Log = zerolog.New(red.Writer(s.Log())).Level(order.Level).With().Timestamp().Logger()
	o.Snapshot = func(ctx context.Context, snap run.Snapshot) error {
		return s.Hold(ctx, supervise.Quiesced{Report: redacted(o.reportSoFar(snap.Run), red), Left: snap.Left})
	}
	report, err := Run(s.Context(), o)
	if err != nil {
		r := refusal(err)
		r.Message = red.String(r.Message)
		return supervise.Ending{Refusal: r}
	}
	o.keepLog(report.Run, s.Logged())
	e := supervise.Ending{Report: report}
	if report.Error != nil {
		e.Trace = report.Error.Trace
	}
	return e
}

// keepLog keeps the log of a run beside its report: whoever has called pre may read none.
func (o Options) keepLog(id string, lines []string) {
	text := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(journals(o.StateDir), id+".log"), []byte(text), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
		o.Log.Warn().Err(err).Msg("the log of the run is not kept")
	}
}

// reportSoFar reads the report of a run that has not ended from its journal. What was
// frozen stands there as intents: results follow when the journal is written again.
func (o Options) reportSoFar(id string) *run.Report {
	r := o.reportFromJournal(id)
	r.QuiescedMS, r.FrozenMS = 0, 0
	return r
}

// reportFromJournal is the report of a run as far as its journal has it.
func (o Options) reportFromJournal(id string) *run.Report {
	r := &run.Report{Run: id, Held: []string{}, Phases: []run.Phase{}, Members: []run.MemberReport{}}
	path, err := journal.Path(journals(o.StateDir), id)
	if err != nil {
		return r
	}
	records, _, err := journal.Read(journal.OS{}, path)
	if err != nil {
		o.Log.Warn().Err(err).Msg("the report is incomplete")
		return r
	}
	r = run.ReportOf(records)
	r.Run = id
	for _, h := range undo.Plan(records) {
		r.Held = append(r.Held, h.String())
	}
	return r
}

// refusal takes an error of [Run] apart for the way to another process, asError puts
// it together again.
func refusal(err error) *supervise.Refusal {
	r := &supervise.Refusal{Kind: supervise.RefusedInternal, Message: err.Error()}
	if e, ok := errors.AsType[*ConfigError](err); ok {
		r.Kind, r.Message = supervise.RefusedConfig, e.Error()
	}
	if e, ok := errors.AsType[*BusyError](err); ok {
		r.Kind, r.Message = supervise.RefusedBusy, e.Err.Error()
	}
	if e, ok := errors.AsType[*DeadRunError](err); ok {
		r.Kind, r.Run, r.Held = supervise.RefusedDeadRun, e.Run, e.Held
	}
	return r
}

func asError(r *supervise.Refusal) error {
	switch r.Kind {
	case supervise.RefusedConfig:
		return &ConfigError{r}
	case supervise.RefusedBusy:
		return &BusyError{r}
	case supervise.RefusedDeadRun:
		return &DeadRunError{Run: r.Run, Held: r.Held}
	}
	return fmt.Errorf("supervisor: %w", r)
}

// reportOf is the report of an ending, or why there is none.
func (o Options) reportOf(e *supervise.Ending) (*run.Report, error) {
	relay(o.Log, e.Log)
	e.Log = nil
	if e.Refusal != nil {
		return nil, asError(e.Refusal)
	}
	if e.Report.Error != nil {
		e.Report.Error.Trace = e.Trace
	}
	return e.Report, nil
}

// relay logs what a supervisor has logged.
func relay(log zerolog.Logger, lines []string) {
	for _, line := range lines {
		fields := map[string]any{}
		if json.Unmarshal([]byte(line), &fields) != nil {
			log.Warn().Msg("supervisor: " + strings.TrimSpace(line))
			continue
		}
		word, _ := fields[zerolog.LevelFieldName].(string)
		level, err := zerolog.ParseLevel(word)
		if err != nil {
			level = zerolog.InfoLevel
		}
		text, _ := fields[zerolog.MessageFieldName].(string)
		fields["at"] = fields[zerolog.TimestampFieldName]
		for _, name := range []string{zerolog.LevelFieldName, zerolog.MessageFieldName, zerolog.TimestampFieldName} {
			delete(fields, name)
		}
		log.WithLevel(level).Fields(fields).Msg(text)
	}
}
