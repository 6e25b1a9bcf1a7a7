package undo

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// UnwindMembers is [Unwinder.Unwind] for members that do not depend on each other: what
// one of them holds is given back newest first, and what others hold at the same time,
// so that nothing waits for a server that hangs but what is held there.
//
// The host itself, whose filesystems everybody waits for, comes before all members;
// then each of ranks, in their order. Whoever comes later begins once everything of
// those before has been given back, or was tried once. A member that no rank names
// comes last. The Performer, Pause and Failed of u are called from several goroutines.
func (u *Unwinder) UnwindMembers(ctx context.Context, ranks [][]string, want func(Hold) bool) (undone []string, left []Hold) {
	named := slices.Concat(append([][]string{{""}}, ranks...)...)
	turns := []turn{{func(h Hold) bool { return h.Member == "" }}}
	for _, rank := range ranks {
		var t turn
		for _, member := range rank {
			t = append(t, func(h Hold) bool { return h.Member == member })
		}
		turns = append(turns, t)
	}
	turns = append(turns, turn{func(h Hold) bool { return !slices.Contains(named, h.Member) }})
	return u.unwindTurns(ctx, turns, want)
}

// turn is what begins at the same time: each of it says which holds are its own.
type turn []func(Hold) bool

func (u *Unwinder) unwindTurns(ctx context.Context, turns []turn, want func(Hold) bool) (undone []string, left []Hold) {
	var mu sync.Mutex // of the results
	var all sync.WaitGroup
	for _, t := range turns {
		var tried sync.WaitGroup // everything of this turn, once
		for _, own := range t {
			tried.Add(1)
			all.Go(func() {
				once := sync.OnceFunc(tried.Done)
				defer once()
				names, holds := u.pausing(once).Unwind(ctx, func(h Hold) bool { return own(h) && (want == nil || want(h)) })
				mu.Lock()
				defer mu.Unlock()
				undone, left = append(undone, names...), append(left, holds...)
			})
		}
		tried.Wait()
	}
	all.Wait()
	slices.SortFunc(left, func(a, b Hold) int { return cmp.Compare(b.Of, a.Of) })
	return undone, left
}

// pausing returns an unwinder that calls first before each pause: then everything has
// been tried.
func (u *Unwinder) pausing(first func()) *Unwinder {
	out, next := *u, u.Pause
	if next == nil {
		next = wait
	}
	out.Pause = func(ctx context.Context, d time.Duration) bool {
		first()
		return next(ctx, d)
	}
	return &out
}
