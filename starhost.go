// Package starhost quiesces databases for disk snapshots by small Starlark
// scripts, and gives everything back whatever happens.
//
// [Run] leads one whole run: prescripts, filesystem freeze, snapshot, thaw,
// verify, postscripts, undo. [Check] and [Plan] say what a run would need and do.
// A program that embeds the package calls [Init] first in main:
//
//	func main() {
//		starhost.Init()
//		…
//		report, err := starhost.Run(ctx, starhost.Options{Config: file, Snapshot: snapshot, …})
//	}
//
// A script runs in a process of its own without privileges, files or network
// (package worker), on Linux. With [Options.InProcess], and on other systems, it runs
// in the process of the caller, which is for scripts that one trusts: Starlark in Go
// can exhaust the memory of its process or ignore cancelling.
//
// Outside of InProcess each run has a watchdog (package watchdog), which kills the
// process that leads it, yours, when that is stopped or shows no sign of life for three
// seconds while the run lasts: what it held is given back, and it must not go on.
//
// Any number of runs may be under way in one process, as long as they are about
// different workloads and filesystems; the locks in the runtime directory see to
// that, between processes too.
package starhost

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/internal/probe"
	"github.com/starhost/starhost/internal/proctree"
	"github.com/starhost/starhost/internal/redact"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/recording"
	"github.com/starhost/starhost/supervise"
	"github.com/starhost/starhost/watchdog"
	"github.com/starhost/starhost/worker"
)

// Version is the version of this code.
const Version = "0.1.0"

// Init must be called first in main. A process that was started as a helper of
// another one (the worker of a script, the keeper of a program's process tree, a probe
// of a filesystem, the supervisor of a run, its watchdog) does not return from it.
// Workers can do the jobs, for [worker.Do].
func Init(jobs ...worker.NamedJob) {
	worker.Init(jobs...)
	proctree.Init()
	probe.Init()
	supervise.Init(leadSupervised)
	watchdog.Init(prepareHeir)
}

// Options say what to do, where, and how to tell about it.
type Options struct {
	// Config is the configuration, and Workloads name the sections that the run is
	// about; none means all.
	Config    *config.File
	Workloads []string
	// Params become ctx.params of every script; a dict.
	Params action.Value
	// Bounds narrow what the configuration allows.
	Bounds Bounds
	// Owner is who holds what Pre leaves held, and Window which of its holds this is.
	// Post and Abort with an Owner end its holds alone, with a Window that one alone.
	Owner, Window string
	// Run is the run that Post or Abort end; "" is whatever the workloads are held by.
	Run string
	// StateDir keeps journals, recovery points and events, RuntimeDir locks. They
	// are made if need be. RuntimeDir must not be on a filesystem that is frozen.
	StateDir, RuntimeDir string
	// Snapshot takes the snapshot; see [run.Config]. Check and Plan do without.
	Snapshot func(ctx context.Context, s run.Snapshot) error
	// Log receives log lines; the zero Logger throws them away. Its writer must
	// not block, and should be one of [Redactor]. Members log at the same time.
	Log zerolog.Logger
	// InProcess runs scripts in this process; see the package comment.
	InProcess bool
	// Wrap, if set, stands between the journal and the world of each workload, to
	// record actions or to make them fail. Those of several are used at the same time.
	Wrap func(workload string, ex action.Executor) action.Executor
	// Record, if set, writes down every action of the scripts with its answer.
	Record *recording.Recorder
	// Observe, if set, hears of every record of the journal, after the watchdog and
	// before anything follows from it. It must not call back, nor wait: the run does.
	Observe func(journal.Record)
}

// Redactor returns what blots the secrets of the configuration out of text.
func (o Options) Redactor() *redact.Redactor { return redact.New(o.Config.Secrets()) }

// ConfigError says that nothing was done because the configuration or a script is
// not right. The command ends with exit status 2.
type ConfigError struct{ Err error }

// Error returns the message.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

func configError(format string, args ...any) error {
	return &ConfigError{fmt.Errorf(format, args...)}
}

// BusyError says that another run has a workload. The command ends with exit
// status 8.
type BusyError struct{ Err error }

// Error returns the message.
func (e *BusyError) Error() string { return e.Err.Error() + ": wait for it, or see starhost status" }

// Unwrap returns the cause.
func (e *BusyError) Unwrap() error { return e.Err }

// DeadRunError says that a run which is dead left something held. The command
// ends with exit status 7.
type DeadRunError struct {
	Run  string
	Held []string
}

// Error names what is held.
func (e *DeadRunError) Error() string {
	return fmt.Sprintf("run %s died and may still hold: %s; starhost recover undoes it", e.Run, strings.Join(e.Held, "; "))
}

// limits are those of the strictest workload: a run has one deadline. What is kept for
// the undo is that of the slowest one.
func limits(workloads []config.Workload) run.Limits {
	var l run.Limits
	for i, w := range workloads {
		if i == 0 {
			l = run.Limits{Hold: w.Timeout, Prescript: w.PrescriptTimeout, Postscript: w.PostscriptTimeout, Freeze: w.FreezeTimeout, Undo: w.UndoTimeout}
			continue
		}
		l.Hold, l.Prescript = min(l.Hold, w.Timeout), min(l.Prescript, w.PrescriptTimeout)
		l.Postscript, l.Freeze = min(l.Postscript, w.PostscriptTimeout), min(l.Freeze, w.FreezeTimeout)
		l.Undo = max(l.Undo, w.UndoTimeout)
	}
	if l.Undo > 0 && len(workloads) > 1 {
		l.Undo += run.Limits{Hold: l.Hold}.Reserve() // for what the others hold
	}
	return l
}

// mode is who freezes the filesystems of a workload.
func mode(w config.Workload) run.Mode {
	return map[string]run.Mode{
		config.FreezeAuto: run.FreezeNamed, config.FreezeList: run.FreezeNamed, config.FreezeSnapshot: run.FreezeByTool,
		config.FreezeCaller: run.FreezeCaller, config.FreezeOff: run.FreezeOff,
	}[w.FSFreeze.Mode]
}

// checkModes refuses what cannot be done in one run: while the caller freezes, we don't
// know what, nothing may be written, so we cannot freeze for others.
func checkModes(workloads []config.Workload) error {
	first := workloads[0]
	for _, w := range workloads {
		if (mode(w) == run.FreezeCaller) != (mode(first) == run.FreezeCaller) {
			return configError("%s:%d: [%s] fs_freeze: caller is for all workloads that run together or for none; that of %s differs",
				w.File, w.Line, w.Name, first.Name)
		}
	}
	return nil
}

// freezes reports whether we freeze what a workload names. Without a name it is what
// the config lists: that we freeze.
func (p *prepared) freezes(workload string) bool {
	return workload == "" || slices.ContainsFunc(p.workloads, func(w config.Workload) bool {
		return w.Name == workload && mode(w) == run.FreezeNamed
	})
}

// require is the highest verdict that a workload asks for.
func require(workloads []config.Workload) (run.Verdict, error) {
	verdicts := make([]run.Verdict, len(workloads))
	for i, w := range workloads {
		var err error
		if verdicts[i], err = run.ParseVerdict(w.Require); err != nil {
			return 0, configError("%s:%d: require: %w", w.File, w.Line, err)
		}
	}
	return slices.Max(verdicts), nil
}
