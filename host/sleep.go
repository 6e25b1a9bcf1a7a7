package host

import (
	"context"
	"errors"
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
	return &action.Fault{Kind: KindOf(ctx, action.KindTimeout), Message: what + ": " + context.Cause(ctx).Error()}
}

// KindOf is the kind of a fault that came about because ctx has ended, if its cause
// has one; otherwise, otherwise.
func KindOf(ctx context.Context, otherwise action.Kind) action.Kind {
	if cause := (*action.Fault)(nil); errors.As(context.Cause(ctx), &cause) {
		return cause.Kind
	}
	return otherwise
}
