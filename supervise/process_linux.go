package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/cgroup"
)

// processName is the argv[0] of a supervisor; its workloads follow, for ps(1).
const processName = "starhost-supervisor"

// preFD is its end of the socketpair.
const preFD = 3

// Init must be called first in main. In a process that [Start] has started it leads
// the run and does not return; lead is told how, and its answer is told to everybody.
func Init(lead func(*Supervisor) Ending) {
	copyOut()
	if len(os.Args) == 0 || os.Args[0] != processName || !isSocket(preFD) {
		return
	}
	dropInherited()
	settle()
	supervise(lead)
	syscall.Exit(0) // not os.Exit, which in a race build first sleeps for a second
}

func isSocket(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// dropInherited closes what our caller's caller left open: an agent that waits for the
// end of a pipe would wait for us. Which descriptors are the Go runtime's own cannot
// be known, but those are closed by exec; so if there are others, we start again.
func dropInherited() {
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return
	}
	found := false
	for _, name := range names {
		fd, err := strconv.Atoi(filepath.Base(name))
		if err != nil || fd <= preFD {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.CloseOnExec(fd)
			found = true
		}
	}
	if found {
		_ = syscall.Exec("/proc/self/exe", os.Args, os.Environ()) // if that fails, we go on with them
	}
}

// settle makes the process one that is not killed first when memory is short, where
// that is allowed, and that other users' debuggers cannot read. The order matters:
// /proc/self/oom_score_adj is root's once we are not dumpable (proc(5)).
func settle() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0) // needs CAP_SYS_RESOURCE
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// supervise is the life of the process.
func supervise(lead func(*Supervisor) Ending) {
	l, err := inherited()
	if err != nil {
		return // the caller reads the end of the connection
	}
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
	back, err := cgroup.Leave("supervisor-" + s.order.ID)
	if err != nil {
		_, _ = fmt.Fprintf(s.Log(), "one kill of the caller's control group takes the supervisor %s too: %v\n", s.order.ID, err)
	}
	return back
}

// inherited returns our end of the socketpair.
func inherited() (*line, error) {
	f := os.NewFile(preFD, "pre")
	conn, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("descriptor %d is a %T", preFD, conn)
	}
	return newLine(unixConn), nil
}

// child is a supervisor that we have started.
type child struct {
	process *os.Process
	ended   <-chan struct{}
}

// spawn starts this program again as a supervisor.
func spawn(workloads []string) (*line, *child, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "supervisor"), os.NewFile(uintptr(fds[1]), "pre")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, nil, err
	}
	// The literal path: it works for a program that was replaced on the disk.
	cmd := exec.Command("/proc/self/exe", workloads...)
	cmd.Args[0] = processName
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	return newLine(conn.(*net.UnixConn)), &child{cmd.Process, ended}, nil
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
