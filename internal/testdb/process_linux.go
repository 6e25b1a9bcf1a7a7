package testdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/pidfd"
	"github.com/starhost/starhost/internal/procstate"
)

// program returns the path of a program, or skips the test.
func program(t testing.TB, given, name, usual string) string {
	t.Helper()
	if given != "" {
		return given
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if _, err := os.Stat(usual); usual == "" || err != nil {
		missing(t, strings.TrimSpace(name+" "+usual))
	}
	return usual
}

// prepare makes the directories of a server, to be removed when the test ends.
func prepare(t testing.TB, o Options, account string) *Server {
	t.Helper()
	base := "/dev/shm" // memory: fast, and a short name
	if unix.Access(base, unix.W_OK) != nil {
		base = "/tmp"
	}
	home, err := os.MkdirTemp(base, "tdb")
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	s := &Server{home: home, env: append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}, o.Env...), argv: []string{account}}
	if os.Geteuid() == 0 {
		s.account = account
	}
	t.Cleanup(func() { s.cleanup(t) })
	parent := home
	if o.Dir != "" {
		parent = o.Dir
	}
	s.Dir = filepath.Join(parent, "data")
	switch err := os.Mkdir(s.Dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
		s.restored = true
	case err != nil:
		t.Fatalf("testdb: %v", err)
	}
	if o.Dir != "" {
		t.Cleanup(func() { // before s.cleanup: the server has to end first
			s.Resume(t)
			s.Stop(t)
			_ = os.RemoveAll(s.Dir)
		})
	}
	for _, dir := range []string{home, s.Dir} {
		if err := s.give(dir); err != nil {
			t.Fatalf("testdb: %v", err)
		}
	}
	return s
}

// give makes a directory the server's.
func (s *Server) give(dir string) error {
	who, err := credential(s.account)
	if err != nil || who == nil {
		return err
	}
	return os.Chown(dir, int(who.Uid), int(who.Gid))
}

// credential returns the ids of an account; nil for "".
func credential(account string) (*syscall.Credential, error) {
	if account == "" {
		return nil, nil
	}
	who, err := user.Lookup(account)
	if err != nil {
		return nil, fmt.Errorf("the server does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// run runs a program as the server's user to its end.
func run(t testing.TB, s *Server, argv ...string) {
	t.Helper()
	p, err := start(argv, s.env, s.account, s.home, s.output())
	if err != nil {
		t.Fatalf("testdb: %s: %v", argv[0], err)
	}
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.kill()
		<-p.ended
	}
	if p.err != nil {
		t.Fatalf("testdb: %s: %v\n%s", argv[0], p.err, s.log())
	}
}

// process is a program that was started, with its children.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it was waited for
	err   error         // of waiting; to be read after ended

	mu     sync.Mutex
	paused []int
}

// start starts a program that does not outlive us, nor shares our standard streams:
// a server that inherits a pipe keeps its reader waiting.
func start(argv, env []string, account, dir, output string) (*process, error) {
	who, err := credential(account)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The parent whose death the kernel tells of is a thread: keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

func (p *process) pid() int                { return p.cmd.Process.Pid }
func (p *process) signal(signal os.Signal) { _ = p.cmd.Process.Signal(signal) }

// kill ends the process and its children, which cannot have more meanwhile, and waits for
// these: what they share must be gone when the server is started again.
func (p *process) kill() {
	_ = p.pause()
	p.mu.Lock()
	defer p.mu.Unlock()
	var ending []pidfd.FD
	for _, pid := range p.paused {
		if child, err := pidfd.Open(pid); err == nil {
			ending = append(ending, child)
		}
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	p.signal(unix.SIGKILL)
	for _, child := range ending {
		child.Ended(stopLimit)
		child.Close()
	}
}

// pause stops the process, then its children, and waits until they have stopped.
func (p *process) pause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signal(unix.SIGSTOP)
	p.paused = children(p.pid())
	for _, pid := range p.paused {
		_ = unix.Kill(pid, unix.SIGSTOP)
	}
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, pid := range append([]int{p.pid()}, p.paused...) {
		for procstate.Of(pid) == procstate.Running {
			select {
			case <-tick.C:
			case <-deadline:
				return fmt.Errorf("process %d does not stop", pid)
			}
		}
	}
	return nil
}

func (p *process) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pid := range p.paused {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
	p.paused = nil
	p.signal(unix.SIGCONT)
}

// children returns the processes whose parent is pid.
func children(pid int) []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, err := procstate.Read(child); err == nil && p.Parent == pid {
			found = append(found, child)
		}
	}
	return found
}

func removeSharedMemory(id int) { _, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) }
