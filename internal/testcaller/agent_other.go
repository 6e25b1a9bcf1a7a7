//go:build !linux

package testcaller

import "testing"

// Agent exists on Linux only.
type Agent struct{ socket string }

// AgentOptions are what an agent is started with.
type AgentOptions struct {
	Mount, Hook string
	Env         []string
}

// StartAgent is for Linux only.
func StartAgent(t testing.TB, _ AgentOptions) *Agent {
	t.Helper()
	t.Skip("the agent of QEMU is started on Linux only")
	return nil
}

// Start is for Linux only.
func (*Agent) Start(testing.TB) {}

// Kill is for Linux only.
func (*Agent) Kill() {}

// Pid is for Linux only.
func (*Agent) Pid() int { return 0 }

// Log is for Linux only.
func (*Agent) Log() string { return "" }
