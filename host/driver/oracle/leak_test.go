package oracle_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
)

// TestMain fails if the tests, together, have left goroutines: a statement that was given up,
// a watched socket, a session of the stand-in.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	if !soon(func() bool { return runtime.NumGoroutine() <= before }) {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%d goroutines before, %d after:\n%s\n", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	os.Exit(code)
}
