package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/undo"
)

// Ranks returns the members of each order, lowest first, in each as they were given.
func Ranks[M any](members []M, order func(M) int) [][]M {
	sorted := slices.Clone(members)
	slices.SortStableFunc(sorted, func(a, b M) int { return cmp.Compare(order(a), order(b)) })
	var ranks [][]M
	for i, m := range sorted {
		if i == 0 || order(m) != order(sorted[i-1]) {
			ranks = append(ranks, nil)
		}
		last := len(ranks) - 1
		ranks[last] = append(ranks[last], m)
	}
	return ranks
}

func (l *life) ranks() [][]*memberState {
	return Ranks(l.members, func(m *memberState) int { return m.Order })
}

// backwards are the ranks in the order in which members go back to work.
func (l *life) backwards() [][]*memberState {
	ranks := l.ranks()
	slices.Reverse(ranks)
	return ranks
}

// together calls do for all of members at the same time, waits for all, and returns
// their errors in the order of the members. A panic goes on in the caller, after
// everybody has come back: it ends the run as one of its own goroutine does.
func (l *life) together(members []*memberState, do func(m *memberState) error) error {
	if len(members) == 1 {
		return do(members[0])
	}
	errs := make([]error, len(members))
	l.atOnce(len(members), func(i int) string { return members[i].Workload }, func(i int) { errs[i] = do(members[i]) })
	return errors.Join(errs...)
}

// atOnce calls do with 0 to n-1 at the same time and waits for all; of says in the log
// what panicked.
func (l *life) atOnce(n int, of func(i int) string, do func(i int)) {
	if n == 1 {
		do(0)
		return
	}
	panics := make([]any, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					l.Log.Error().Any("panic", panics[i]).Str("of", of(i)).Str("stack", string(debug.Stack())).Msg("the host panicked beside others")
				}
			}()
			do(i)
		})
	}
	all.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// prescripts runs the prescripts, those of one order at the same time, with the first
// holds of all behind what each does before. The first that fails ends the others and
// keeps higher orders from beginning: its error is returned.
func (l *life) prescripts(ctx context.Context) error {
	work, end := context.WithCancelCause(ctx)
	defer end(nil)
	var cause atomic.Pointer[memberState]
	for _, rank := range l.ranks() {
		start := newStartLine(rank)
		for _, m := range rank {
			m.start = start
		}
		err := l.together(rank, func(m *memberState) error {
			defer func() { // also if we panic
				start.arrive(m.Workload)
				if !m.prepared && ctx.Err() == nil && cause.CompareAndSwap(nil, m) {
					end(&action.Fault{Kind: action.KindAborted, Message: endedBy(m)})
				}
			}()
			m.err = l.prescript(work, m)
			return m.err
		})
		if failed := cause.Load(); failed != nil {
			l.blame(failed)
			return failed.err
		}
		if err != nil {
			return err // the run itself was ended
		}
	}
	return nil
}

func endedBy(m *memberState) string { return "ended because workload " + m.Workload + " failed" }

// blame makes the errors of all other members say that they are not the cause, unless
// one has a fault of its own that somebody must look at.
func (l *life) blame(cause *memberState) {
	for _, m := range l.members {
		own := errorOf(m.err, action.KindInternal)
		switch {
		case m == cause || own != nil && (own.Kind == action.KindKilled || own.Kind == action.KindInternal):
			continue
		case own == nil || strings.Contains(own.Message, endedBy(cause)):
			m.err = &action.Fault{Kind: action.KindAborted, Message: endedBy(cause)}
		default:
			m.err = &action.Fault{Kind: action.KindAborted, Message: fmt.Sprintf("%s; it said: %s", endedBy(cause), own.Message)}
		}
	}
}

// giveBack unwinds what is wanted, all if want is nil: filesystems first, then the
// members, highest order first, those of one order at the same time.
func (l *life) giveBack(ctx context.Context, want func(undo.Hold) bool) (left []undo.Hold) {
	if len(l.members) == 1 {
		_, left = l.unwinder().Unwind(ctx, want)
		return left
	}
	var names [][]string
	for _, rank := range l.backwards() {
		var rankNames []string
		for _, m := range rank {
			rankNames = append(rankNames, m.Workload)
		}
		names = append(names, rankNames)
	}
	_, left = l.unwinder().UnwindMembers(ctx, names, want)
	return left
}
