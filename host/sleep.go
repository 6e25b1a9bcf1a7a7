package host

import (
	"context"
	"time"

	"github.com/starhost/starhost/action"
)

func sleep(ctx context.Context, s *action.Sleep) action.Result {
	timer := time.NewTimer(time.Duration(s.Seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return action.Result{State: action.Applied}
	case <-ctx.Done():
		return action.Result{State: action.NotApplied, Err: ended(ctx, "ended early")}
	}
}

// ended is the fault of an action whose time was over.
func ended(ctx context.Context, what string) *action.Fault {
	return &action.Fault{Kind: action.KindOf(ctx, action.KindTimeout), Message: what + ": " + context.Cause(ctx).Error()}
}
