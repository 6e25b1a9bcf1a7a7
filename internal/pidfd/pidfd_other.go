//go:build !linux

package pidfd

import (
	"errors"
	"time"
)

// FD is a process; only Linux has descriptors of them.
type FD struct{}

// Open fails.
func Open(int) (FD, error) { return FD{}, errors.ErrUnsupported }

// Kill does nothing.
func (FD) Kill() {}

// Ended reports that it has.
func (FD) Ended(time.Duration) bool { return true }

// Close does nothing.
func (FD) Close() {}
