package supervise

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/internal/detached"
)

// processName is the argv[0] of a supervisor; its workloads follow, for ps(1).
const processName = "starhost-supervisor"

// Init must be called first in main. In a process that [Start] has started it leads
// the run and does not return; lead is told how, and its answer is told to everybody.
func Init(lead func(*Supervisor) Ending) {
	copyOut()
	if !detached.Is(processName) {
		return
	}
	dropInherited()
	detached.Settle()
	supervise(lead)
	syscall.Exit(0) // not os.Exit, which in a race build first sleeps for a second
}

// dropInherited closes what our caller's caller left open: an agent that waits for the
// end of a pipe would wait for us. The Go runtime and package os open everything with
// FD_CLOEXEC, and no descriptor with that flag is inherited; so the others are not ours.
func dropInherited() {
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return
	}
	for _, name := range names {
		fd, err := strconv.Atoi(filepath.Base(name))
		if err != nil || fd <= detached.FD {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// supervise is the life of the process.
func supervise(lead func(*Supervisor) Ending) {
	conn, err := detached.Conn()
	if err != nil {
		return // the caller reads the end of the connection
	}
	l := newLine(conn)
	f, err := l.receive(patience)
	if err != nil || f.Order == nil {
		return
	}
	s := newSupervisor(*f.Order)
	defer s.leaveGroup()() // nothing is held yet
	signals := make(chan os.Signal, 1)
	// SIGPIPE needs nothing: Go ignores it but for descriptors 1 and 2.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT)
	go func() {
		sig := <-signals
		s.cancel(&action.Fault{Kind: action.KindAborted, Message: "aborted by signal: " + sig.String()})
	}()
	err = s.open()
	s.clients.Go(func() { s.answerPre(l) })
	go s.hearPre(l)
	if err != nil {
		s.end(Ending{Refusal: &Refusal{Kind: RefusedConfig, Message: "runtime directory: " + err.Error()}})
		return
	}
	go s.accept()
	s.end(lead(s))
}

// leaveGroup takes us out of the control group of our caller, whose end we shall
// survive, and returns what is to be called at the end. Without that we hold all the
// same: the caller may live as long as the hold.
func (s *Supervisor) leaveGroup() (back func()) {
	back, err := cgroup.Leave(groupOf(s.order.ID))
	if err != nil {
		_, _ = fmt.Fprintf(s.Log(), "one kill of the caller's control group takes the supervisor %s too: %v\n", s.order.ID, err)
	}
	return back
}

// child is a supervisor that we have started.
type child struct {
	process *os.Process
	ended   <-chan struct{}
}

// groupOf is the control group of a supervisor.
func groupOf(id string) string { return "supervisor-" + id }

// spawn starts this program again as a supervisor, in its group if that can be.
func spawn(id string, workloads []string) (*line, *child, error) {
	conn, cmd, err := detached.Start(groupOf(id), processName, workloads...)
	if err != nil {
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	return newLine(conn), &child{cmd.Process, ended}, nil
}

func (c *child) kill() { _ = c.process.Kill() }

// wait reports whether the process ends in time.
func (c *child) wait(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-timer.C:
		return false
	}
}
