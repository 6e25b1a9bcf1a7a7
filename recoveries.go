package starhost

import (
	"context"
	"slices"
	"sync"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
)

// recoveries undo what a dead run left, each member by a [host.Recovery] of its own: so
// a server that hangs keeps no other member waiting. Members may be undone at the same
// time, one member by one goroutine.
type recoveries struct {
	template host.Recovery

	mu sync.Mutex
	of map[string]*host.Recovery
}

// Undo implements [undo.Performer].
func (r *recoveries) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	return r.member(h.Member).Undo(ctx, h, step)
}

func (r *recoveries) member(name string) *host.Recovery {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[name] == nil {
		if r.of == nil {
			r.of = map[string]*host.Recovery{}
		}
		one := r.template
		r.of[name] = &one
	}
	return r.of[name]
}

// close gives the connections back.
func (r *recoveries) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.of {
		one.Close()
	}
}

// backwards are the names of workloads in the order in which they go back to work:
// highest order first, equal ones together.
func backwards(workloads []config.Workload) [][]string {
	var names [][]string
	for _, rank := range slices.Backward(run.Ranks(workloads, func(w config.Workload) int { return w.Order })) {
		names = append(names, namesOf(rank))
	}
	return names
}
