//go:build !linux

package proctree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// Init must be the first call of main. There is no keeper on this system and
// Init does nothing.
func Init() {}

// run runs the program with os/exec. Where there is no keeper only the process
// group is ended with it.
func (c *Command) run(ctx context.Context) (Result, error) {
	none := Result{Code: -1, Reaped: true}
	switch {
	case c.User != nil:
		return none, fmt.Errorf("%s: %w: running a program as another user needs Linux", c.Path, ErrStart)
	case !filepath.IsAbs(c.Path):
		return none, fmt.Errorf("%q: %w: the path of a program must be absolute", c.Path, ErrStart)
	case ctx.Err() != nil:
		return none, fmt.Errorf("%s: not started: %w", c.Path, ctx.Err())
	}
	stdout, stderr := c.sinks()
	cmd := c.command(ctx, stdout, stderr)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return none, fmt.Errorf("%s: %w: %w", c.Path, ErrStart, err)
	}
	err := cmd.Wait()
	res := Result{Code: -1, Reaped: cmd.ProcessState != nil}
	if res.Reaped {
		res.exit(cmd.ProcessState)
	}
	if res.Left = ctx.Err() == nil && res.Signal == "" && c.leaves(res.Code); !res.Left {
		// The program is reaped, and its group keeps its number only while it has a
		// member; nobody else gets that number within microseconds.
		_ = endGroup(cmd, true)
	}
	late := errors.Is(err, exec.ErrWaitDelay)
	res.Stdout, res.Truncated = stdout.close(!late)
	if stderr != stdout {
		var more bool
		res.Stderr, more = stderr.close(!late)
		res.Truncated = res.Truncated || more
	}
	switch {
	case ctx.Err() != nil && err != nil:
		return res, fmt.Errorf("%s: ended by us after %v: %w", c.Path, time.Since(began), ctx.Err())
	case !res.Reaped:
		return res, fmt.Errorf("%s: %w: %w", c.Path, ErrUnreaped, err)
	}
	return res, nil
}

// command returns c for os/exec.
func (c *Command) command(ctx context.Context, stdout, stderr *sink) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Path)
	cmd.Args, cmd.Dir = c.argv(), c.dir()
	cmd.Env = append([]string{}, c.Env...) // never nil, which would mean ours
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = c.Grace + lateness
	setGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd, c.Grace <= 0) }
	return cmd
}
