package starhost

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// RunStatus is what the journal of a run says.
type RunStatus struct {
	Run     string     `json:"run"`
	Members []string   `json:"members"`
	Owner   string     `json:"owner,omitempty"` // who asked for it: qemu-ga, say
	Began   time.Time  `json:"began"`
	State   RunState   `json:"state"`
	Phase   string     `json:"phase,omitempty"` // of a run that is alive
	Held    []string   `json:"held"`            // newest first
	Since   *time.Time `json:"since,omitempty"` // something has been held
	Until   *time.Time `json:"until,omitempty"` // when a run that is alive must be over
	// ThawBy is when a run that is alive thaws what it has frozen, at the latest. Nothing
	// is written while it is frozen, so it may have been thawed a moment ago.
	ThawBy  *time.Time `json:"thaw_by,omitempty"`
	Verdict string     `json:"verdict,omitempty"` // of a run that has ended
	Exit    int        `json:"exit"`              // of a run that has ended
}

// RunState says whether a run is under way.
type RunState string

// The states of a run.
const (
	RunAlive RunState = "alive"
	RunDead  RunState = "dead" // its process is gone and its journal has no end
	RunEnded RunState = "ended"
)

// Status reads what the journals in stateDir say, newest run first, at most n of
// those that have ended. It changes nothing.
func Status(stateDir, runtimeDir string, n int) ([]RunStatus, error) {
	infos, err := journal.List(journal.OS{}, journals(stateDir))
	if err != nil {
		return nil, err
	}
	list := []RunStatus{}
	ended := 0
	for _, info := range infos {
		s, err := statusFrom(stateDir, runtimeDir, info)
		if err != nil {
			return nil, err
		}
		if s.State == RunEnded {
			if ended++; ended > n {
				continue
			}
			s.judged(stateDir)
		}
		list = append(list, *s)
	}
	return list, nil
}

// statusFrom reads what the journal of one run says, without what was judged afterwards.
func statusFrom(stateDir, runtimeDir string, info journal.Info) (*RunStatus, error) {
	live := alive(runtimeDir, info) // asked first: a run writes its end before it gives the lock back
	records, _, err := journal.Read(journal.OS{}, info.Path)
	if err != nil {
		return nil, err
	}
	s := statusOf(records)
	s.Run = info.Run
	switch {
	case s.State != RunDead:
	case live:
		s.State, s.ThawBy = RunAlive, thawBy(records)
	default:
		if s.Held = heldAfterDeath(records, thisMachine().Boot); len(s.Held) == 0 {
			s.Since = nil
		}
	}
	return &s, nil
}

// judged takes over what the report that was kept says of a run that has ended: a post
// that came too late knows more than the journal, which had its end by then.
func (s *RunStatus) judged(stateDir string) {
	text, err := os.ReadFile(reportPath(stateDir, s.Run))
	if err != nil {
		return // nobody has kept one
	}
	var r struct {
		Verdict run.Verdict `json:"verdict"`
		Exit    int         `json:"exit"`
	}
	if json.Unmarshal(text, &r) == nil {
		s.Verdict, s.Exit = r.Verdict.String(), r.Exit
	}
}

// alive reports whether the run has the lock of its first member.
func alive(runtimeDir string, info journal.Info) bool {
	members := info.Begin.Members
	return len(members) > 0 && lock.Owner(filepath.Join(runtimeDir, "locks"), workloadLock(members[0].Workload)) == "run "+info.Run
}

// statusOf reads one journal as if the run were dead, unless it has ended.
func statusOf(records []journal.Record) RunStatus {
	s := RunStatus{State: RunDead, Held: []string{}, Members: []string{}}
	var hold time.Duration
	for _, r := range records {
		switch r.Type {
		case journal.TypeBegin:
			s.Began, s.Owner, hold = r.Time, r.Owner, r.Hold
			until := r.Deadline
			s.Until = &until
			for _, m := range r.Members {
				s.Members = append(s.Members, m.Workload)
			}
		case journal.TypeIntent:
			if hold > 0 && (len(r.Action.Undo) > 0 || r.Action.FS != nil) { // the first hold: the clock runs
				until := r.Time.Add(hold)
				s.Until, hold = &until, 0
			}
		case journal.TypePhase:
			s.Phase = r.Phase
		case journal.TypeEnd:
			s.State, s.Phase, s.Until, s.Verdict, s.Exit = RunEnded, "", nil, r.Verdict, r.Exit
		}
	}
	for _, h := range undo.Plan(records) {
		s.Held = append(s.Held, h.String())
		if i := slices.IndexFunc(records, func(r journal.Record) bool { return r.N == h.Of }); i >= 0 {
			at := records[i].Time
			s.Since = &at
		}
	}
	return s
}

// thawBy is the earliest time by which something frozen must be thawed; nil if nothing is.
func thawBy(records []journal.Record) (by *time.Time) {
	for _, h := range undo.Plan(records) {
		i := slices.IndexFunc(records, func(r journal.Record) bool { return r.N == h.Of })
		if i < 0 || h.Action.FS == nil || records[i].Deadline.IsZero() {
			continue
		}
		if at := records[i].Deadline; by == nil || at.Before(*by) {
			by = &at
		}
	}
	return by
}

// heldAfterDeath is what a dead run may still hold, newest first: the planner's
// answer without what ended with the last boot of the machine.
func heldAfterDeath(records []journal.Record, boot string) []string {
	sameBoot := len(records) > 0 && records[0].Boot == boot
	held := []string{}
	for _, h := range undo.Plan(records) {
		if sameBoot || h.Action.Scope > action.ScopeBoot || h.Action.Scope == action.ScopeServer {
			held = append(held, h.String())
		}
	}
	return held
}
