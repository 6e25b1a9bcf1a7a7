package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/platform/azure"
	"github.com/starhost/starhost/run"
)

// Answer is what a call is answered.
type Answer struct {
	Outcome Outcome
	Status  int         // the exit status that tells the caller
	Report  *run.Report // nil if there is none
	Err     error       // nil if the report says it all
	// Findings are those of a rehearsal.
	Findings []starhost.Finding
	// Azure is what Azure calls what went wrong; nil if nothing did, or for others.
	Azure *config.AzureError
}

// Message says in one line what went wrong; "" if nothing did.
func (a Answer) Message() string {
	text := ""
	switch {
	case a.Outcome == Done:
	case a.Err != nil:
		text = a.Err.Error()
	case a.Report != nil && a.Report.Error != nil:
		text = a.Report.Error.Message
	default:
		text = meaning(a.Outcome)
	}
	if a.Outcome == Expired {
		text = "the window had expired: " + text
	}
	if a.Azure != nil && !strings.Contains(text, a.Azure.Error()) {
		text = a.Azure.Error() + ": " + text
	}
	return text
}

// Refused is the answer to a call whose configuration cannot be read.
func Refused(call Call, err error) Answer {
	a := Answer{Outcome: Misused, Status: call.Caller.Status(Misused), Err: err}
	a.addAzure(call.Caller, nil)
	return a
}

// addAzure adds what Azure calls what went wrong. Where both of its frameworks are
// configured, the errors of the pair of scripts are those of the classic one.
func (a *Answer) addAzure(c *Caller, file *config.File) {
	if !c.PluginConfig || a.Outcome == Done || a.Outcome == Nothing {
		return
	}
	ofWorkloadConf := true
	if file != nil {
		ofWorkloadConf = file.Workloads[0].Name != config.Classic
	}
	if a.Report != nil {
		for _, m := range a.Report.Members {
			if m.Workload == config.Classic && m.Error != nil && m.Error.Kind != action.KindAborted {
				ofWorkloadConf = false
			}
		}
	}
	if a.Outcome == NotReady && a.Report == nil && ofWorkloadConf {
		a.Azure = &config.WorkloadConnection
		return
	}
	if known, ok := azure.ErrorOf(a.Report, a.Err, ofWorkloadConf); ok {
		a.Azure = &known
	}
}

// Hook does what a call wants and answers it. Params, Bounds, Owner and Window of the
// options are those of the call. A pre that holds is told by tell before it is kept: whoever
// cannot be told must not be left with a hold. The other answers are for the caller of Hook
// to tell.
func Hook(ctx context.Context, call Call, o starhost.Options, tell func(Answer) error) Answer {
	c := call.Caller
	o.Params = call.Params.With("caller", action.String(c.Name)).With("word", text(call.Word))
	o.Owner, o.Window = c.Name, call.Window
	o.Bounds = starhost.Bounds{
		Timeout: call.Budget.Window, Prescript: call.Budget.Pre, Postscript: call.Budget.Post, FSFreeze: c.mode(o.Config),
	}
	var a Answer
	switch call.Verb {
	case Pre:
		a = call.pre(ctx, o, tell)
	case Post:
		a = call.end(ctx, o, starhost.Post)
	case Abort:
		a = call.end(ctx, o, starhost.Abort)
	case Check:
		a = rehearse(ctx, o)
	case Ignore:
		a = Answer{Outcome: Done}
	}
	a.Status = c.Status(a.Outcome)
	a.addAzure(c, o.Config)
	return a
}

// mode is what fs_freeze = auto means for the caller. The configuration of Azure's pair
// of scripts says whether it freezes.
func (c *Caller) mode(file *config.File) string {
	if c.PluginConfig {
		for _, w := range file.Workloads {
			if w.Name == config.Classic {
				return w.FSFreeze.Mode
			}
		}
	}
	return c.Freezes.mode()
}

// within ends a call before its caller loses patience.
func (call Call) within(ctx context.Context, budget time.Duration) (context.Context, context.CancelFunc) {
	if budget == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, budget, &action.Fault{
		Kind:    action.KindTimeout,
		Message: fmt.Sprintf("%s %s took longer than the %v that there are before the caller loses patience", call.Caller.Name, call.Word, budget),
	})
}

// pre quiesces. An open window of this caller stays open: a post that comes could be for
// either, and would call a snapshot good that was not. A caller that gives each try a new
// name has given an older one up, so that is given back first.
func (call Call) pre(ctx context.Context, o starhost.Options, tell func(Answer) error) Answer {
	ctx, cancel := call.within(ctx, call.Budget.Pre)
	defer cancel()
	if open, err := call.closeOlder(ctx, o); err != nil {
		return Answer{Outcome: refusing(outcomeOf(err)), Err: err}
	} else if open != nil {
		return Answer{Outcome: Open, Err: fmt.Errorf("%s is held already; it ends at its deadline, or by starhost abort", open)}
	}
	p, err := starhost.Pre(ctx, o)
	if p == nil {
		return Answer{Outcome: refusing(outcomeOf(err)), Err: err}
	}
	defer func() { _ = p.Close() }() // what goes wrong there is for the next recovery
	if err == nil && p.Held {
		held := Answer{Outcome: Done, Status: call.Caller.Status(Done), Report: p.Report}
		if err = within(ctx, func() error { return tell(held) }); err != nil {
			err = errors.Join(err, p.Close()) // whoever waited for us does not any more
		} else if err = p.Keep(); err == nil {
			return held
		}
	}
	if p.Report == nil {
		return Answer{Outcome: refusing(outcomeOf(err)), Err: err}
	}
	if err == nil {
		err = context.Cause(ctx) // it says more than the run, which knows only that we went
	}
	return Answer{Outcome: refusing(outcomeOfReport(p.Report)), Report: p.Report, Err: err}
}

// refusing is the outcome of a pre after which nothing is held: whatever we have
// misunderstood, the caller must not take it for a good one.
func refusing(o Outcome) Outcome {
	if o == Done || o == Nothing {
		return Internal
	}
	return o
}

// within calls f, and does not wait for it any more when ctx ends: then the process is to
// end.
func within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return cmp.Or(err, context.Cause(ctx))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// closeOlder gives back what this caller has left, and returns the window that is open,
// if there is one.
func (call Call) closeOlder(ctx context.Context, o starhost.Options) (open *starhost.Hold, err error) {
	o.Window = ""
	holds, err := starhost.Holds(o)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		switch {
		case h.Over || h.Dead(): // our pre recovers what is dead
			continue
		case !call.Caller.Replaces || h.Window == call.Window:
			return &h, nil
		}
		o.Log.Warn().Msgf("%s was never closed: it is given back before a new one begins", h)
		o.Run, o.Workloads = h.Run, h.Workloads
		o.Owner = "" // as if a person did: the post of that window is to hear of it
		reports, err := starhost.Abort(ctx, o)
		if err != nil && outcomeOf(err) != Nothing {
			return nil, err
		}
		for _, r := range reports {
			if r.Exit == run.ExitHeld {
				return nil, &starhost.DeadRunError{Run: r.Run, Held: r.Held}
			}
		}
	}
	return nil, nil
}

// end ends the window. One that is not there is for the caller to know or to ignore;
// what somebody else holds does not concern it.
func (call Call) end(ctx context.Context, o starhost.Options, word func(context.Context, starhost.Options) ([]*run.Report, error)) Answer {
	ctx, cancel := call.within(ctx, call.Budget.Post)
	defer cancel()
	anybody := o
	anybody.Owner, anybody.Window = "", ""
	all, err := starhost.Holds(anybody)
	if err != nil {
		return Answer{Outcome: outcomeOf(err), Err: err}
	}
	if len(all) > 0 && !slices.ContainsFunc(all, o.Chooses) {
		return Answer{Outcome: Nothing, Err: fmt.Errorf("%w: nothing is held for this window", starhost.ErrNothing)}
	}
	reports, err := word(ctx, o)
	if err != nil {
		return Answer{Outcome: outcomeOf(err), Err: err}
	}
	r := run.Merged(reports)
	return Answer{Outcome: outcomeOfReport(r), Report: r}
}

// rehearse looks whether everything is ready, and changes nothing.
func rehearse(ctx context.Context, o starhost.Options) Answer {
	findings, err := starhost.Check(ctx, o)
	if err != nil {
		return Answer{Outcome: outcomeOf(err), Err: err, Findings: findings}
	}
	a := Answer{Outcome: Done, Findings: findings}
	for _, f := range findings {
		if !f.OK {
			a.Outcome, a.Err = NotReady, fmt.Errorf("%s %s: %s", f.Workload, f.What, f.Detail)
			break
		}
	}
	return a
}
