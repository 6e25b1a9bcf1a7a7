package starhost

import (
	"context"
	"errors"
	"slices"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/run"
)

// Step is one action that a run would make.
type Step struct {
	Workload string   `json:"workload,omitempty"` // empty: of the host
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	Session  string   `json:"session,omitempty"`
	Made     bool     `json:"made"` // it only reads, so it was made for real
	Hold     string   `json:"hold,omitempty"`
	Undo     []string `json:"undo,omitempty"`
	Pos      string   `json:"pos,omitempty"`
	Note     string   `json:"note,omitempty"` // what to know about it
}

// Plan returns the actions that the prescripts would make, one member after the other
// in the order in which they are quiesced, then the filesystems that would be frozen.
// Reads are real; nothing is changed, so a script that decides by the answer to a change
// may go another way in a run. The error is that of the first prescript that failed, or
// a [*DeadRunError] if a dead run has left something held.
func Plan(ctx context.Context, o Options) ([]Step, error) {
	p, err := prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	defer p.close()
	p.planning = true
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limits.Prescript)
	defer cancel()
	if err := p.connectAll(ctx); err != nil {
		return nil, err
	}
	if err := p.nameMounts(ctx); err != nil {
		return nil, err
	}
	pl := &planner{}
	inOrder := slices.Concat(run.Ranks(p.members, func(m run.Member) int { return m.Order })...)
	for _, m := range inOrder {
		pl.member = &m
		if _, err := m.Script.Call(ctx, "prescript", m.Context, pl); err != nil {
			return pl.steps, err
		}
	}
	steps, err := pl.withFreeze(ctx, p)
	if err != nil {
		return steps, err
	}
	return steps, p.refuseDeadRuns()
}

// planner is an executor that makes reads and notes everything.
type planner struct {
	member *run.Member
	steps  []Step
}

// Do makes an action if it only reads, and says of all others that they were made.
func (pl *planner) Do(ctx context.Context, a action.Action) (action.Result, error) {
	a, reads, fault := pl.member.Policy.Check("prescript", a)
	if fault != nil {
		return action.Result{State: action.NotApplied, Err: fault}, nil
	}
	reads = reads && a.Emit == nil && a.Thaw == nil
	step := Step{
		Workload: pl.member.Workload, Name: a.Word, Text: a.Text(), Made: reads,
		Hold: a.Hold, Undo: action.Texts(a.Undo), Pos: a.Pos,
	}
	if a.SQL != nil {
		step.Session = a.SQL.Session
	}
	pl.steps = append(pl.steps, step)
	if !reads {
		return action.Result{State: action.Applied}, nil
	}
	if a.SQL != nil {
		if _, _, err := pl.member.Host.Open(ctx, a.SQL.Session); err != nil {
			return action.Refuse(action.KindScript, "session %q: %v", a.SQL.Session, err), nil
		}
	}
	return pl.member.Host.Do(ctx, a)
}

func (pl *planner) withFreeze(ctx context.Context, p *prepared) ([]Step, error) {
	named, err := p.filesystems.Named(ctx)
	if err != nil {
		return pl.steps, errors.Join(errors.New("the filesystems cannot be frozen"), err)
	}
	for i := range named {
		thaw := named[i]
		thaw.Thaw = true
		pl.steps = append(pl.steps, Step{
			Name: "fsfreeze", Text: named[i].Mountpoint, Note: run.WaitsForThaw(named[i : i+1]), Hold: "filesystem " + named[i].Mountpoint, Undo: action.Texts([]action.Op{{FS: &thaw}}),
		})
	}
	return pl.steps, nil
}
