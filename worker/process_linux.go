package worker

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/starhost/starhost/internal/sigpipe"
)

// workerName is argv[0] of a worker.
const workerName = "starhost-worker"

// maxStderr is how much of standard error is kept: its beginning, where the Go
// runtime says what it dies of.
const maxStderr = 16 << 10

// dyingFor is how long a process whose pipe has ended may take to be gone by itself.
// It has closed its descriptors, and only its memory is left to be given back.
const dyingFor = 200 * time.Millisecond

// reapFor is how long a process that was killed may take to be gone. It is only
// ever longer if its cgroup is frozen, and it cannot do anything then.
const reapFor = time.Second

// process is a worker as its host has it. Three goroutines belong to it: one whose
// thread the worker dies with, which reaps it, one that takes in what it writes to
// standard error, and one that looks after it. They end with the process.
type process struct {
	setup setup
	// subject is what the process is for, after "the": "script". It is set before
	// anything can go wrong with it.
	subject string

	os     *os.Process
	reaped chan struct{} // closed when state and stderr are there
	state  *os.ProcessState
	stderr string
	killed atomic.Bool // by us, while it was still running as far as we knew
	// stopped says that it was killed because somebody had stopped it.
	stopped atomic.Bool
}

// launch starts a process and returns our end of the connection to it.
func launch(attr syscall.SysProcAttr, s setup) (*process, *connection, error) {
	argv, err := s.argv()
	if err != nil {
		return nil, nil, err
	}
	conn, in, out, err := connect()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	defer out.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	defer null.Close()
	said, stderr, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	defer stderr.Close()
	attr.Setsid = true
	attr.Pdeathsig = syscall.SIGKILL
	p := &process{setup: s, reaped: make(chan struct{})}
	err = p.start(argv, &os.ProcAttr{
		Dir: "/",
		// The runtime needs no cgroup to know its threads, and no stacks of
		// goroutines: printing those of one that overflowed takes seconds.
		Env:   []string{"GOMAXPROCS=2", "GOTRACEBACK=none"},
		Files: []*os.File{null, null, stderr, in, out},
		Sys:   &attr,
	}, said)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close(), said.Close())
	}
	return p, conn, nil
}

// connection is our end of two pipes. A pair of sockets would be one descriptor, but
// each read of one wakes the poller of whoever writes to it (measured: a seventh of
// the time of a call).
type connection struct{ in, out *os.File }

// connect makes a connection, and the two descriptors that the worker gets.
func connect() (ours *connection, in, out *os.File, err error) {
	in, toWorker, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	fromWorker, out, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, errors.Join(err, in.Close(), toWorker.Close())
	}
	return &connection{fromWorker, toWorker}, in, out, nil
}

// Read reads what the worker wrote.
func (c *connection) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write writes what the worker reads.
func (c *connection) Write(p []byte) (int, error) {
	return sigpipe.Without(func() (int, error) { return c.out.Write(p) })
}

// SetWriteDeadline ends a write that is blocked.
func (c *connection) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }

// Close closes both pipes.
func (c *connection) Close() error { return errors.Join(c.out.Close(), c.in.Close()) }

// start starts the process from a thread that lives as long as the process does:
// PR_SET_PDEATHSIG is sent when the thread that forked ends, not the process.
func (p *process) start(argv []string, attr *os.ProcAttr, said *os.File) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		p.os, err = os.StartProcess("/proc/self/exe", argv, attr)
		started <- err
		if err == nil {
			go p.lookAfter()
			p.reap(said)
		}
	}()
	return <-started
}

// reap waits for the end of the process and of its standard error.
func (p *process) reap(said *os.File) {
	text := make(chan string, 1)
	go func() {
		kept, _ := io.ReadAll(io.LimitReader(said, maxStderr))
		_, _ = io.Copy(io.Discard, said)
		text <- strings.ToValidUTF8(string(kept), "\uFFFD")
	}()
	p.state, _ = p.os.Wait() // nobody else waits for it, so it cannot fail
	// A worker without seccomp could have left somebody who still has the pipe.
	_ = said.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	p.stderr = <-text
	_ = said.Close()
	close(p.reaped)
}

// gone waits a while for the process to be reaped.
func (p *process) gone(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.reaped:
		return true
	case <-timer.C:
		return false
	}
}
