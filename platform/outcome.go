package platform

import (
	"errors"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
)

// Outcome is how a call ended, in the words that all callers have in common.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"       // what was asked for; also what did not concern us
	Nothing    Outcome = "nothing"    // post or abort, and nothing is held
	NotReady   Outcome = "not_ready"  // pre could not begin: configuration, no connection
	PreFailed  Outcome = "pre_failed" // the prescript or a freeze failed; everything is undone
	Open       Outcome = "open"       // pre again for a window that is open; it stays open
	Busy       Outcome = "busy"       // somebody else holds a workload
	Expired    Outcome = "expired"    // the hold ended before post came
	Untrusted  Outcome = "untrusted"  // the quiesce did not last, or is not proven
	PostFailed Outcome = "post_failed"
	StillHeld  Outcome = "still_held" // something could not be given back
	Misused    Outcome = "misused"    // the words or the configuration of the call
	Internal   Outcome = "internal"
)

// Outcomes are all of them, with the exit status of starhost for each and what it means.
var Outcomes = []struct {
	Outcome Outcome
	Status  int
	Meaning string
}{
	{Done, run.ExitDone, "done"},
	{Nothing, run.ExitDone, "post or abort, and nothing is held: a second one, or one without a pre"},
	{Misused, run.ExitUsage, "the call or the configuration is wrong; nothing was done"},
	{NotReady, run.ExitPrescript, "pre could not begin: a server cannot be reached, say; nothing was done"},
	{PreFailed, run.ExitPrescript, "the prescript or a freeze failed; everything is undone"},
	{Expired, run.ExitVerdict, "the hold ended before post came: the window had expired, do not trust the snapshot"},
	{Untrusted, run.ExitVerdict, "the quiesce did not last, or is not proven: do not trust the snapshot"},
	{PostFailed, run.ExitPostscript, "the postscript failed; the snapshot is good, nothing is held"},
	{StillHeld, run.ExitHeld, "something is, or may be, still held: starhost status"},
	{Busy, run.ExitNothing, "somebody else holds a workload"},
	{Open, run.ExitNothing, "pre again for a window that is open; it stays open"},
	{Internal, run.ExitInternal, "internal error"},
}

// meaning says what an outcome means.
func meaning(o Outcome) string {
	for _, row := range Outcomes {
		if row.Outcome == o {
			return row.Meaning
		}
	}
	return string(o)
}

// Status is the exit status that tells the caller.
func (c *Caller) Status(o Outcome) int {
	if status, ok := c.Statuses[o]; ok {
		return status
	}
	for _, row := range Outcomes {
		if row.Outcome == o {
			return row.Status
		}
	}
	return run.ExitInternal
}

// outcomeOf sorts an error of the library.
func outcomeOf(err error) Outcome {
	var (
		conf *starhost.ConfigError
		busy *starhost.BusyError
		dead *starhost.DeadRunError
		over *action.Fault
	)
	switch {
	case err == nil:
		return Done
	case errors.Is(err, starhost.ErrNothing):
		return Nothing
	case errors.As(err, &conf):
		return Misused
	case errors.As(err, &busy):
		return Busy
	case errors.As(err, &dead), errors.As(err, &over): // we went before the answer: nobody knows
		return StillHeld
	}
	return Internal
}

// outcomeOfReport sorts a run that has ended.
func outcomeOfReport(r *run.Report) Outcome {
	switch r.Exit {
	case run.ExitDone:
		return Done
	case run.ExitPrescript, run.ExitSnapshot:
		if len(r.Phases) == 0 {
			return NotReady // it ended before its journal began
		}
		return PreFailed
	case run.ExitVerdict:
		if r.Late {
			return Expired
		}
		return Untrusted
	case run.ExitPostscript:
		return PostFailed
	case run.ExitHeld:
		return StillHeld
	}
	return Internal
}
