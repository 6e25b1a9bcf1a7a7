package run

import "slices"

// worst are the exit statuses in the order in which they count where several apply.
var worst = []int{ExitHeld, ExitInternal, ExitVerdict, ExitSnapshot, ExitPostscript, ExitPrescript, ExitDone}

// Merged makes one report of those of several runs: that of the worst, with the
// members, the phases and the holds of all, and the least verdict.
func Merged(list []*Report) *Report {
	rank := func(r *Report) int { return slices.Index(worst, r.Exit) }
	all := *slices.MinFunc(list, func(a, b *Report) int { return rank(a) - rank(b) })
	all.Held, all.Phases, all.Members = []string{}, []Phase{}, []MemberReport{}
	for _, r := range list {
		all.Held = append(all.Held, r.Held...)
		all.Phases = append(all.Phases, r.Phases...)
		all.Members = append(all.Members, r.Members...)
		all.Verdict = min(all.Verdict, r.Verdict)
		all.QuiescedMS, all.FrozenMS = max(all.QuiescedMS, r.QuiescedMS), max(all.FrozenMS, r.FrozenMS)
	}
	return &all
}
