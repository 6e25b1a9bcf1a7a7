//go:build !linux

package freeze

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

func unsupported() error {
	return fmt.Errorf("freezing filesystems on %s: %w, only Linux can do it", runtime.GOOS, errors.ErrUnsupported)
}

// Locate fails: only Linux freezes filesystems. The error wraps [errors.ErrUnsupported].
func Locate([]string, Options) ([]*Filesystem, error) { return nil, unsupported() }

// ThawMountpoint fails: only Linux freezes filesystems. The error wraps [errors.ErrUnsupported].
func ThawMountpoint(context.Context, string, string) error { return unsupported() }

// Open fails: only Linux freezes filesystems. The error wraps [errors.ErrUnsupported].
func Open(string, string) (*Filesystem, error) { return nil, unsupported() }
