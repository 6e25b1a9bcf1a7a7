//go:build !linux

package testdb

import (
	"errors"
	"os"
	"testing"
)

// Elsewhere no server is started: program skips every test.

type process struct {
	ended chan struct{}
}

func program(t testing.TB, _, name, _ string) string {
	t.Helper()
	t.Skipf("testdb: %s is started on Linux only", name)
	return ""
}

func prepare(testing.TB, Options, string) *Server { return nil }
func run(testing.TB, *Server, ...string)          {}
func removeSharedMemory(int)                      {}

func start([]string, []string, string, string, string) (*process, error) {
	return nil, errors.ErrUnsupported
}

func (p *process) pid() int         { return 0 }
func (p *process) signal(os.Signal) {}
func (p *process) kill()            {}
func (p *process) pause() error     { return errors.ErrUnsupported }
func (p *process) resume()          {}
