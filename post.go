package starhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/supervise"
)

// Post tells the runs that [Pre] left held that the snapshot was taken, and waits for
// their reports: filesystems thawed, verified, postscripts, everything given back.
// Workloads that ran together end together, so naming only some of them is a
// [*ConfigError]; none means all that there are.
//
// A run that has ended by itself, at its deadline for example, or whose supervisor was
// killed, has exit status 5 in its report: the snapshot is not to be trusted. Before a
// dead run is reported it is recovered. A run whose pre had not answered yet is
// undone, and the report is that of a run without a snapshot.
//
// Options.Run, Owner and Window choose among the holds. Who ends the hold of another
// owner leaves word for that one: its Post comes too late. The error wraps [ErrNothing]
// if nothing is held, or is a [*BusyError] if another run than the chosen one, or
// another Post, has the workloads.
func Post(ctx context.Context, o Options) ([]*run.Report, error) { return o.tell(ctx, supervise.Post) }

// Abort undoes what [Pre] left held: there is no snapshot. No postscript is run. The
// reports have exit status 0 if nothing is held any more. Otherwise it is like [Post].
func Abort(ctx context.Context, o Options) ([]*run.Report, error) {
	return o.tell(ctx, supervise.Abort)
}

// tell says a word to the supervisors of the workloads, to all of them at once:
// nothing of one is to wait for another.
func (o Options) tell(ctx context.Context, verb string) ([]*run.Report, error) {
	tickets, err := o.tickets()
	if err != nil {
		return nil, err
	}
	reports, errs := make([]*run.Report, len(tickets)), make([]error, len(tickets))
	var all sync.WaitGroup
	for i := range tickets {
		all.Go(func() { reports[i], errs[i] = o.tellOne(ctx, &tickets[i], verb) })
	}
	all.Wait()
	reports = slices.DeleteFunc(reports, func(r *run.Report) bool { return r == nil })
	if err := errors.Join(errs...); err != nil {
		if len(reports) == 0 {
			return nil, err
		}
		o.Log.Warn().Msg(err.Error())
	}
	if len(tickets) == 0 {
		return nil, o.recoverForeign(ctx, verb)
	}
	if len(reports) == 0 {
		return nil, fmt.Errorf("%w: %s without a pre", ErrNothing, verb)
	}
	return reports, nil
}

// tellOne ends one run. No report and no error: there was nothing to end.
func (o Options) tellOne(ctx context.Context, t *supervise.Ticket, verb string) (*run.Report, error) {
	e, err := t.Tell(ctx, verb)
	switch {
	case errors.Is(err, supervise.ErrDied):
		return o.endDied(t, verb, err)
	case errors.Is(err, supervise.ErrBusy), errors.Is(err, supervise.ErrGone):
		return nil, &BusyError{err}
	case err != nil:
		return o.unknown(t, err), nil
	}
	report, err := o.reportOf(e)
	if rerr := o.taken(t, e); rerr != nil {
		o.Log.Warn().Err(rerr).Msg("the ticket of the run cannot be removed")
	}
	if err != nil {
		return nil, err
	}
	return o.judge(e, report, verb)
}

// taken forgets a run whose ending was told. One that has another owner is kept for that
// one, which will come and must hear that it is too late.
func (o Options) taken(t *supervise.Ticket, e *supervise.Ending) error {
	if t.Owner == "" || t.Owner == o.Owner || !e.Kept {
		return t.Remove()
	}
	return t.Leave(e)
}

// judge makes of the report of a run that of the command that ended it.
func (o Options) judge(e *supervise.Ending, r *run.Report, verb string) (*run.Report, error) {
	switch {
	case r.Exit == run.ExitHeld:
	case verb == supervise.Post && e.Foreign && r.Error == nil:
		r.Error = &run.Error{Kind: action.KindAborted, Message: "ended by starhost " + e.By, Stack: []string{}}
		o.distrust(r)
	case verb == supervise.Post && e.Kept && (e.Foreign || r.Verdict == run.NoVerdict):
		o.distrust(r)
	case verb == supervise.Abort && e.By != supervise.Abort:
		return nil, fmt.Errorf("%w: run %s has ended before: %s", ErrNothing, r.Run, why(r))
	case verb == supervise.Abort && (r.Exit == run.ExitPrescript || r.Exit == run.ExitSnapshot):
		r.Exit, r.Error = run.ExitDone, nil
	}
	return r, nil
}

func why(r *run.Report) string {
	if r.Error == nil {
		return fmt.Sprintf("exit status %d", r.Exit)
	}
	return r.Error.Message
}

// distrust is for a post that came after the hold: its snapshot was not taken of
// something quiesced, or was for a part of the time. The report that is kept says so
// from now on: the journal has ended before anybody knew of a snapshot.
func (o Options) distrust(r *run.Report) {
	e := &run.Error{Kind: action.KindVerify, Stack: []string{}}
	if r.Error != nil {
		e.Kind = r.Error.Kind
	}
	e.Message = "the hold ended before post came, so the snapshot is not to be trusted: " + why(r)
	r.Error = e
	r.Exit, r.Verdict, r.Late = run.ExitVerdict, run.Crash, true
	for i := range r.Members {
		r.Members[i].Verdict = run.Crash
	}
	o.save(r)
}

// endDied ends a run whose supervisor was killed.
func (o Options) endDied(t *supervise.Ticket, verb string, died error) (*run.Report, error) {
	r, err := o.recoverDied(t, died)
	switch {
	case err != nil || r.Exit == run.ExitHeld:
	case !t.Kept:
		return nil, nil // its pre never answered, so nobody waits for this
	case verb == supervise.Post:
		o.distrust(r)
	default:
		r.Exit, r.Error = run.ExitDone, nil
	}
	return r, err
}

// recoverDied undoes what a supervisor that was killed has left, and reports on that:
// exit status 1 if nothing is held any more, else 7. It goes on when the caller is
// told to end: that is when things must be given back.
func (o Options) recoverDied(t *supervise.Ticket, died error) (*run.Report, error) {
	if text := t.Crash(); text != "" {
		o.Log.Error().Str("run", t.Run).Msg("the supervisor crashed: " + o.Redactor().String(text))
	}
	o.Workloads = t.Workloads
	reports, err := Recover(context.Background(), o, host.Consent{})
	busy, isBusy := errors.AsType[*BusyError](err)
	switch {
	case isBusy && t.Run != "" && !strings.HasSuffix(busy.Err.Error(), "run "+t.Run):
		// Another run has the workload, so it has recovered ours first.
	case isBusy:
		return o.unknown(t, died), nil // its process is still there
	case err != nil && !errors.Is(err, ErrNothing):
		return o.unknown(t, err), nil
	}
	r := o.reportFromJournal(t.Run)
	r.Exit, r.Error = run.ExitInternal, &run.Error{Kind: action.KindKilled, Message: died.Error(), Stack: []string{}}
	if len(r.Held) > 0 {
		r.Exit = run.ExitHeld // another recovery is at work
	}
	err = nil
	for _, recovered := range reports {
		if t.Run == "" {
			r.Run, r.Members, r.QuiescedMS, r.FrozenMS = recovered.Run, recovered.Members, recovered.QuiescedMS, recovered.FrozenMS
		}
		if len(recovered.Held) > 0 {
			r.Held, r.Exit, r.Error = recovered.Held, recovered.Exit, recovered.Error
		}
	}
	r = redacted(r, o.Redactor())
	if r.Exit != run.ExitHeld {
		err = o.taken(t, &supervise.Ending{Report: r, Kept: t.Kept})
	}
	return r, err
}

// unknown is the report of a run that cannot be asked.
func (o Options) unknown(t *supervise.Ticket, err error) *run.Report {
	r := o.reportSoFar(t.Run)
	if len(r.Held) == 0 {
		r.Held = []string{"unknown: see starhost status"}
	}
	r.Exit, r.Error = run.ExitHeld, &run.Error{Kind: action.KindUndo, Message: err.Error(), Stack: []string{}}
	return redacted(r, o.Redactor())
}

// recoverForeign is a post or an abort without a pre: like every verb that acts it
// recovers a dead run first.
func (o Options) recoverForeign(ctx context.Context, verb string) error {
	reports, err := Recover(ctx, o, host.Consent{})
	if err != nil {
		return fmt.Errorf("%s without a pre: %w", verb, err)
	}
	for _, r := range reports {
		if len(r.Held) > 0 {
			return &DeadRunError{Run: r.Run, Held: r.Held}
		}
	}
	return fmt.Errorf("%w: %s without a pre; a run that had died was recovered", ErrNothing, verb)
}
