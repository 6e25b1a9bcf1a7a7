//go:build !linux

package testcaller

import (
	"os"
	"os/exec"
	"testing"
)

// Room exists on Linux only.
type Room struct{}

// NewRoom is for Linux only.
func NewRoom(t testing.TB) *Room {
	t.Helper()
	t.Skip("rooms are made on Linux only")
	return nil
}

// Put is for Linux only.
func (*Room) Put(testing.TB, string, string, os.FileMode) {}

// Path is for Linux only.
func (*Room) Path(string) string { return "" }

// Command is for Linux only.
func (*Room) Command(Package, ...string) *exec.Cmd { return nil }
