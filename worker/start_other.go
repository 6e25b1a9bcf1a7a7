//go:build !linux

package worker

import (
	"context"
	"errors"
	"fmt"
)

// Init must be called first in main. There are no workers on this system, and it
// does nothing.
func Init(...NamedJob) {}

// process is never made on this system.
type process struct{}

func start(context.Context, Options) (*Worker, error) {
	return nil, fmt.Errorf("a process of its own for a script needs Linux: %w", errors.ErrUnsupported)
}

func do(context.Context, JobOptions) ([]byte, error) {
	return nil, fmt.Errorf("a process of its own for a job needs Linux: %w", errors.ErrUnsupported)
}

// Kill ends the process.
func (w *Worker) Kill() {}
