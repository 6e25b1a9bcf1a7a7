package run

import (
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// ReportOf reads the report of a run that died from its journal. Held is left to
// the caller; there is no verdict, because nobody has proven anything.
func ReportOf(records []journal.Record) *Report {
	r := &Report{Held: []string{}, Phases: []Phase{}, Members: []MemberReport{}}
	for _, rec := range records {
		switch rec.Type {
		case journal.TypeBegin:
			r.Run = rec.Run
			for _, m := range rec.Members {
				r.Members = append(r.Members, MemberReport{
					Workload: m.Workload, Script: ScriptReport{m.Script, m.SHA256}, Actions: actionsOf(m.Workload, records),
				})
			}
		case journal.TypeRecoveryPoint:
			for i := range r.Members {
				if r.Members[i].Workload == rec.Member && r.Members[i].RecoveryPoint.Before.IsNone() {
					r.Members[i].RecoveryPoint.Before = rec.Value
				}
			}
		}
	}
	r.QuiescedMS = ms(window(records, func(a *action.Action) bool { return len(a.Undo) > 0 }))
	r.FrozenMS = ms(window(records, func(a *action.Action) bool { return a.FS != nil }))
	return r
}
