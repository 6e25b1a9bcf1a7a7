package run

import (
	"cmp"
	"errors"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// Exit statuses of a run.
const (
	ExitDone       = 0
	ExitInternal   = 1
	ExitUsage      = 2
	ExitPrescript  = 3
	ExitSnapshot   = 4
	ExitVerdict    = 5
	ExitPostscript = 6
	ExitHeld       = 7
	ExitNothing    = 8
)

// outcome is what went wrong where.
type outcome struct {
	prescript, freeze, snapshot, verify, postscript, internal error
}

// first returns the error that the report is about.
func (o outcome) first(exit int) error {
	switch exit {
	case ExitPostscript:
		return o.postscript
	case ExitVerdict:
		if o.verify == nil && o.prescript == nil && o.internal == nil {
			return &action.Fault{Kind: action.KindVerify, Message: "the data is not proven to be on the disk: no filesystem was frozen for the whole snapshot"}
		}
	}
	for _, err := range []error{o.internal, o.prescript, o.freeze, o.snapshot, o.verify, o.postscript} {
		if err != nil {
			return err
		}
	}
	return nil
}

// exitOf is the order of exit statuses where several apply; short says that a member got
// less than it requires.
func exitOf(o outcome, held bool, verdict Verdict, short bool) int {
	noSnapshot := verdict == NoVerdict
	switch {
	case held:
		return ExitHeld
	case o.internal != nil && noSnapshot:
		return ExitInternal
	case o.snapshot != nil:
		return ExitSnapshot
	case noSnapshot:
		return ExitPrescript
	case short:
		return ExitVerdict
	case o.postscript != nil:
		return ExitPostscript
	case o.internal != nil:
		return ExitInternal
	}
	return ExitDone
}

// finish gives the verdict, writes the end record and completes the report.
func (l *life) finish() {
	records := l.Journal.Records()
	for _, m := range l.members {
		l.report.Members = append(l.report.Members, l.memberReport(m, records))
	}
	l.report.Verdict = NoVerdict
	if l.snapshotTaken {
		l.report.Verdict = Application
		for _, m := range l.report.Members {
			l.report.Verdict = min(l.report.Verdict, m.Verdict)
		}
	}
	l.report.QuiescedMS = ms(window(records, func(a *action.Action) bool { return len(a.Undo) > 0 || a.Releases != "" }))
	l.report.FrozenMS = ms(window(records, func(a *action.Action) bool { return a.FS != nil }))
	l.report.Exit = exitOf(l.outcome, len(l.report.Held) > 0, l.report.Verdict, l.short())
	l.report.Error = l.reportError()
	if !l.snapshotTaken && len(l.report.Held) == 0 {
		l.forgetRecoveryPoint()
	}
	l.end()
}

// short reports whether a member got less than it requires.
func (l *life) short() bool {
	for i, m := range l.report.Members {
		if m.Verdict < l.Members[i].Require {
			return true
		}
	}
	return false
}

func (l *life) reportError() *Error {
	if l.report.Exit == ExitDone {
		return nil
	}
	e := errorOf(l.outcome.first(l.report.Exit), kindByExit(l.report.Exit))
	if l.report.Exit == ExitHeld {
		held := &Error{Kind: action.KindUndo, Message: "still held: " + strings.Join(l.report.Held, "; "), Stack: []string{}}
		if e != nil {
			held.Message += "; after: " + e.Message
			held.Stack = e.Stack
		}
		return held
	}
	return e
}

// kindByExit is the kind of an error that carries none.
func kindByExit(exit int) action.Kind {
	switch exit {
	case ExitSnapshot:
		return action.KindSnapshot
	case ExitVerdict:
		return action.KindVerify
	}
	return action.KindInternal
}

func (l *life) memberReport(m *memberState, records []journal.Record) MemberReport {
	named, none := l.Filesystems.Declared(m.Workload)
	r := MemberReport{
		Workload: m.Workload, Script: ScriptReport{m.Name, m.SHA256}, Error: errorOf(cmp.Or(m.err, m.unproven), action.KindInternal),
		RecoveryPoint: RecoveryPoint{Before: m.before, After: m.after}, Actions: actionsOf(m.Workload, records),
	}
	if l.snapshotTaken {
		r.Verdict = verdictOf(proof{
			Quiesced: m.quiesced && l.outcome.internal == nil, Mode: m.FSFreeze, Named: named, None: none,
			Frozen: m.FSFreeze == FreezeNamed && l.frozenThroughout(),
		})
	}
	return r
}

// end writes the end record, unless something is held: then the journal stays open
// for the recovery.
func (l *life) end() {
	l.emit("verdict", "", action.Dict(
		action.Entry{Key: "verdict", Value: action.String(l.report.Verdict.String())},
		action.Entry{Key: "exit", Value: action.Int(int64(l.report.Exit))}))
	if len(undo.Plan(l.Journal.Records())) > 0 {
		return
	}
	_, err := l.Journal.Append(journal.Record{
		Type: journal.TypeEnd, Verdict: l.report.Verdict.String(), Exit: l.report.Exit, Held: l.report.Held,
	}, true)
	if err != nil && !errors.Is(err, journal.ErrBroken) {
		l.Log.Error().Err(err).Msg("the end of the run could not be recorded")
	}
}
