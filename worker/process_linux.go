package worker

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// workerName is argv[0] of a worker.
const workerName = "starhost-worker"

// maxStderr is how much of standard error is kept: its beginning, where the Go
// runtime says what it dies of.
const maxStderr = 16 << 10

// reapFor is how long a process that was killed may take to be gone. It is only
// ever longer if its cgroup is frozen, and it cannot do anything then.
const reapFor = time.Second

// process is a worker as its host has it. Two goroutines belong to it: one whose
// thread the worker dies with, which reaps it, and one that takes in what it
// writes to standard error. Both end with the process.
type process struct {
	setup  setup
	os     *os.Process
	reaped chan struct{} // closed when state and stderr are there
	state  *os.ProcessState
	stderr string
	once   sync.Once
	killed atomic.Bool // by end, while it was still running as far as we knew
}

// launch starts a process and returns our end of the connection to it.
func launch(attr syscall.SysProcAttr, s setup) (*process, *net.UnixConn, error) {
	argv, err := s.argv()
	if err != nil {
		return nil, nil, err
	}
	conn, theirs, err := connection()
	if err != nil {
		return nil, nil, err
	}
	defer theirs.Close()
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
		Files: []*os.File{null, null, stderr, theirs},
		Sys:   &attr,
	}, said)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close(), said.Close())
	}
	return p, conn, nil
}

// connection makes a pair of connected sockets: a descriptor that both ends read
// and write.
func connection() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "worker")
	file := os.NewFile(uintptr(fds[0]), "supervisor")
	defer file.Close() // FileConn has one of its own
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

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
func (p *process) gone() bool {
	timer := time.NewTimer(reapFor)
	defer timer.Stop()
	select {
	case <-p.reaped:
		return true
	case <-timer.C:
		return false
	}
}
