package scripttest

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// enumerate runs a plan once without a fault, and then once for each fault that can
// strike it: at every action, at the freeze, at the snapshot and at every undo; and, with
// a snapshot that fails, at every undo that the host makes by itself. It returns the
// outcome without a fault, and in that order what see makes of the others: the more
// actions there are the more runs, each with more records, too many to keep.
//
// Runs share nothing but what is frozen, so several are made, and seen, at once, unless
// the plan calls functions of the test itself.
func enumerate[T any](ctx context.Context, p plan, kinds []Kind, see func(*outcome) T) (clean *outcome, seen []T) {
	p.toEnd = true
	clean = live(ctx, p)
	faults := faultsOf(clean.world.points, 0, false, kinds)
	if after := afterSnapshot(clean.world.points); after > 0 {
		p := p
		p.fault = Fault{NoSnapshot: true}
		faults = append(faults, faultsOf(live(ctx, p).world.points, after, true, kinds)...)
	}
	seen = make([]T, len(faults))
	each(len(faults), p.alone(), func(i int) {
		p := p
		p.fault = faults[i]
		o := live(ctx, p)
		o.open = o.opened(clean)
		seen[i] = see(o)
	})
	return clean, seen
}

// afterSnapshot is the index of the first point after the snapshot; 0 if there was none.
func afterSnapshot(points []point) int {
	for i, p := range points {
		if p.kind == pointSnapshot {
			return i + 1
		}
	}
	return 0
}

// alone reports whether the runs of a plan must be made one after the other.
func (p plan) alone() bool { return p.snapshot != nil || p.closure }

// each calls do for 0 … n-1, on every processor unless alone.
func each(n int, alone bool, do func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if alone {
		workers = 1
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}
