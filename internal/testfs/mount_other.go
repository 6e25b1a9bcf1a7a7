//go:build !linux

package testfs

import (
	"errors"
	"testing"
)

// guard exists on Linux only.
type guard struct{}

func memory() string { return "" }

// Freeze is for Linux only.
func (f *FS) Freeze(t testing.TB) {
	t.Helper()
	t.Fatal(unprivileged())
}

// Thaw is for Linux only.
func (f *FS) Thaw() error { return errors.ErrUnsupported }

func (f *FS) mount(t testing.TB, _, _ string) {
	t.Helper()
	t.Fatal(unprivileged())
}

func (f *FS) unmount(testing.TB) {}

func unprivileged() string { return "needs Linux, to mount and freeze filesystems" }
