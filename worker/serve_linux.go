package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"go.starlark.net/starlark"
	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/pipe"
)

// connFD is the descriptor of the connection in a worker.
const connFD = 3

// initialised is set once, by Init. Without it a worker would be a second copy of
// the whole program.
var initialised atomic.Bool

// Init must be the first call of main, and of TestMain in tests that start workers.
// It returns at once, except in a process that was started as a worker: there it
// does the worker's work and does not return.
func Init() { initWith(builtins.New) }

// initWith is Init with the words of scripts.
func initWith(words func(database string) starlark.StringDict) {
	initialised.Store(true)
	if len(os.Args) != 2 || os.Args[0] != workerName || !isSocket(connFD) {
		return
	}
	status := 0
	if err := work(os.Args[1], words); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	syscall.Exit(status) // not os.Exit, which in a race build first sleeps for a second
}

func isSocket(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// work is the life of a worker.
func work(argument string, words func(database string) starlark.StringDict) error {
	var s setup
	if err := json.Unmarshal([]byte(argument), &s); err != nil {
		return fmt.Errorf("%s is started by the host, not by hand: %w", workerName, err)
	}
	features := s.restrict()
	return pipe.Serve(connection3{}, features, func(ctx context.Context, src pipe.Source) (action.Script, pipe.Info, error) {
		script, err := interp.New(ctx, interp.Options{
			Name: src.Name, Source: src.Text, Load: src.Load, Words: words(src.Database), Print: src.Print,
		})
		if err != nil {
			return nil, pipe.Info{}, err
		}
		return script, pipe.Info(script.Info()), nil
	})
}

// connection3 is the connection in a worker: plain read(2) and write(2). An os.File
// would ask the poller of the runtime, which needs more system calls.
type connection3 struct{}

func (connection3) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(connFD, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (connection3) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(connFD, p[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, os.NewSyscallError("write", err)
		}
		done += n
	}
	return done, nil
}
