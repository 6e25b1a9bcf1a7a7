// Package azure says in the words of Azure Backup what became of a run: the names and
// numbers of the errors of its two script frameworks. It is a table in the form of a
// function; it keeps nothing, and may be called from several goroutines.
package azure

import (
	"context"
	"errors"
	"slices"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/run"
)

// names are the errors of one framework, by what went wrong.
type names struct {
	config     config.AzureError // a file or a script is not right
	connection config.AzureError // a server cannot be reached
	pre        config.AzureError // a prescript failed before it had done anything
	quiesce    config.AzureError // it failed half way
	preLate    config.AzureError // it took too long
	host       config.AzureError // nobody answered in time: what became of pre is not known
	changed    config.AzureError // the quiesce did not last
	overdue    config.AzureError // the hold ended before post came
	post       config.AzureError // a postscript, or an undo, failed
	postLate   config.AzureError // a postscript took too long
}

var classic = names{
	config: config.IncorrectJSONConfigFile, connection: config.PreScriptExecutionFailed,
	pre: config.PreScriptExecutionFailed, quiesce: config.PreScriptExecutionFailed, preLate: config.PreScriptTimeout,
	host: config.PluginhostPreTimeout, changed: config.PreScriptExecutionFailed, overdue: config.PluginhostPostTimeout,
	post: config.PostScriptExecutionFailed, postLate: config.PostScriptTimeout,
}

var enhanced = names{
	config: config.WorkloadConfParsing, connection: config.WorkloadConnection,
	pre: config.WorkloadPreError, quiesce: config.WorkloadQuiescing, preLate: config.WorkloadQuiescingTimeout,
	host: config.WorkloadQuiescingTimeout, changed: config.WorkloadDatabaseStatusChanged, overdue: config.WorkloadQuiescingTimeout,
	post: config.WorkloadPostError, postLate: config.WorkloadPostError,
}

// ErrorOf returns the error of Azure for what [starhost.Run], [starhost.Pre] or
// [starhost.Post] returned, and whether there is one. Either argument may be nil. With
// more than one error it is that of the post-script, which leaves a database quiesced.
//
// OfWorkloadConf says whose errors: those of the framework of workload.conf (500 to 512), or
// those of VMSnapshotScriptPluginConfig.json (300 to 317). An error in a file that has a
// number of its own keeps it.
func ErrorOf(report *run.Report, err error, ofWorkloadConf bool) (config.AzureError, bool) {
	n := classic
	if ofWorkloadConf {
		n = enhanced
	}
	if err != nil {
		return n.ofError(err), true
	}
	if report == nil {
		return config.AzureError{}, false
	}
	return n.ofReport(report)
}

// ofError is for a run that never began, or cannot be asked any more.
func (n names) ofError(err error) config.AzureError {
	if own, ok := errors.AsType[config.AzureError](err); ok {
		return own
	}
	if _, ok := errors.AsType[*starhost.ConfigError](err); ok {
		return n.config
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return n.config
	}
	if _, ok := errors.AsType[*starhost.DeadRunError](err); ok {
		return n.post // whatever was to undo it has failed
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return n.host
	}
	return n.pre
}

func (n names) ofReport(r *run.Report) (config.AzureError, bool) {
	var kind action.Kind
	if r.Error != nil {
		kind = r.Error.Kind
	}
	switch r.Exit {
	case run.ExitHeld:
		return either(late(r), n.postLate, n.post), true
	case run.ExitPostscript:
		return either(kind == action.KindTimeout, n.postLate, n.post), true
	case run.ExitVerdict:
		return either(kind == action.KindTimeout, n.overdue, n.changed), true
	case run.ExitSnapshot:
		// Whoever takes the snapshot knows why there is none, unless we ended it.
		return n.overdue, kind == action.KindTimeout
	case run.ExitPrescript, run.ExitInternal:
		return n.ofPrescript(r, kind), true
	}
	return config.AzureError{}, false
}

func (n names) ofPrescript(r *run.Report, kind action.Kind) config.AzureError {
	switch {
	case kind == action.KindTimeout:
		return n.preLate
	case kind == action.KindRefused && len(r.Members) == 0:
		return n.connection // before anything was done
	}
	for _, m := range r.Members {
		if m.Error != nil && slices.ContainsFunc(m.Actions, func(a run.ActionReport) bool { return len(a.Undo) > 0 }) {
			return n.quiesce
		}
	}
	return n.pre
}

// late reports whether the postscript of a member took too long.
func late(r *run.Report) bool {
	return slices.ContainsFunc(r.Members, func(m run.MemberReport) bool { return m.Error != nil && m.Error.Kind == action.KindTimeout })
}

func either(first bool, a, b config.AzureError) config.AzureError {
	if first {
		return a
	}
	return b
}
