package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"go.starlark.net/starlark"
	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/pipe"
)

// Descriptors of a worker. 0 and 1 are /dev/null, 2 is what the host captures.
const (
	inFD  = 3
	outFD = 4
)

// initialised is set once, by Init. Without it a worker would be a second copy of
// the whole program.
var initialised atomic.Bool

// Init must be the first call of main, and of TestMain in tests that start workers.
// It returns at once, except in a process that was started as a worker: there it
// does the worker's work and does not return. Workers can do the jobs, besides being
// scripts; see [Do].
func Init(jobs ...NamedJob) { initWith(builtins.New, jobs) }

// initWith is Init with the words of scripts.
func initWith(words func(database string) starlark.StringDict, jobs []NamedJob) {
	initialised.Store(true)
	if len(os.Args) != 2 || os.Args[0] != workerName || !isPipe(inFD) || !isPipe(outFD) {
		return
	}
	status := 0
	if err := work(os.Args[1], words, jobs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	syscall.Exit(status) // not os.Exit, which in a race build first sleeps for a second
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
}

// work is the life of a worker.
func work(argument string, words func(database string) starlark.StringDict, jobs []NamedJob) error {
	var s setup
	if err := json.Unmarshal([]byte(argument), &s); err != nil {
		return fmt.Errorf("%s is started by the host, not by hand: %w", workerName, err)
	}
	// By the poller of the runtime: a thread that is blocked in read(2) would hand
	// every frame on to another one.
	for _, fd := range []int{inFD, outFD} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return os.NewSyscallError("fcntl", err)
		}
	}
	conn := struct {
		io.Reader
		io.Writer
	}{os.NewFile(inFD, "in"), os.NewFile(outFD, "out")}
	return pipe.Serve(conn, s.restrict(), func(ctx context.Context, src pipe.Source) (action.Script, pipe.Info, error) {
		script, err := interp.New(ctx, interp.Options{
			Name: src.Name, Source: src.Text, Load: src.Load, Words: words(src.Database), Print: src.Print,
		})
		if err != nil {
			return nil, pipe.Info{}, err
		}
		return script, pipe.Info(script.Info()), nil
	}, func(ctx context.Context, j pipe.Job) ([]byte, error) {
		i := slices.IndexFunc(jobs, func(known NamedJob) bool { return known.Name == j.Name })
		if i < 0 {
			return nil, fmt.Errorf("this program has no job %q: worker.Init must be given it", j.Name)
		}
		return jobs[i].Do(ctx, j.Input, j.Load, j.Out)
	})
}
