package action

import (
	"context"
	"errors"
)

// KindOf is the kind of a fault that came about because ctx has ended, if the cause of
// its end has one; otherwise, otherwise.
func KindOf(ctx context.Context, otherwise Kind) Kind {
	if cause := (*Fault)(nil); errors.As(context.Cause(ctx), &cause) {
		return cause.Kind
	}
	return otherwise
}
