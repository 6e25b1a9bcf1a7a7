// Command starhost quiesces databases for disk snapshots, and gives everything
// back whatever happens. One file a verb; the work is done by the packages above.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest"
)

func main() {
	starhost.Init(scripttest.Job())
	os.Exit(execute(environment{
		args: asHook(os.Args), stdin: os.Stdin, stdout: ownOutput(), stderr: os.Stderr, getenv: os.Getenv,
	}))
}

// ownOutput returns standard output and leaves it to nobody else: programs read it. What a
// library prints goes to standard error (go-ora prints the warnings of a logon, such as that
// a password expires).
func ownOutput() *os.File {
	stdout := os.Stdout
	os.Stdout = os.Stderr
	return stdout
}

// asHook returns the arguments of the command. A link named as the hook of a caller
// stands for that hook.
func asHook(argv []string) []string {
	if c, ok := platform.Called(argv[0]); ok {
		return append([]string{"hook", c.Name}, argv[1:]...)
	}
	return argv[1:]
}

// environment is the world of the command, so that tests can be another one.
type environment struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	wrap           func(workload string, ex action.Executor) action.Executor
	observe        func(journal.Record)
}

// exitError ends the command with a status of its own.
type exitError struct {
	code int
	err  error // nil if everything has been said
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// execute runs one command line and returns the exit status.
func execute(env environment) int {
	ctx, stop := signals()
	defer stop()
	root := newRoot(env)
	root.SetArgs(goFlags(env.args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return run.ExitDone
	}
	code := exitCode(err)
	if e := (*exitError)(nil); !errors.As(err, &e) || e.err != nil {
		fmt.Fprintf(env.stderr, "starhost: %s\n", printable(err.Error()))
	}
	return code
}

// exitCode maps an error to the status of the interface. An error of the command
// line itself is a usage error.
func exitCode(err error) int {
	var (
		exit *exitError
		conf *starhost.ConfigError
		busy *starhost.BusyError
		dead *starhost.DeadRunError
	)
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &conf):
		return run.ExitUsage
	case errors.As(err, &busy):
		return run.ExitNothing
	case errors.As(err, &dead):
		return run.ExitHeld
	}
	return run.ExitUsage
}

// signals returns a context that ends with the first signal that asks us to stop.
// SIGPIPE is one of them: whoever reads our output is gone. Go sends it to us for
// every descriptor once it is asked for, instead of killing us.
func signals() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT, syscall.SIGABRT)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-c:
			cancel(&action.Fault{Kind: action.KindAborted, Message: "aborted by signal: " + s.String()})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(c)
		close(done)
		cancel(nil)
	}
}

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return &exitError{code: run.ExitUsage, err: fmt.Errorf(format, args...)}
}
