package testcaller

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
)

// Agent is a running agent of QEMU, in a mount namespace of its own.
//
// It has to be: at a thaw it thaws every mount that it sees, whoever has frozen it. So it
// sees no mount of a loop device but that of its test. The root of the machine it sees,
// and is never asked to freeze.
type Agent struct {
	dir, socket string
	argv, env   []string
	cmd         *exec.Cmd // nil while it does not run
	ended       chan struct{}
}

// AgentOptions are what an agent is started with.
type AgentOptions struct {
	Mount string   // the one mount of a loop device that it sees
	Hook  string   // program that it calls
	Env   []string // of itself, so of the hook
}

// hide unmounts, in a mount namespace, every mount of a loop device but the one that the
// first argument names, which it takes away. One that lies on another one went with it.
const hide = `keep=$1; shift
mounts=$(cat /proc/self/mountinfo)
printf '%s\n' "$mounts" | while read -r _ _ _ _ dir rest; do
	[ "$dir" != "$keep" ] || continue
	case ${rest#* - } in *" /dev/loop"*) umount -l "$(printf %b "$dir")" || ! mountpoint -q "$(printf %b "$dir")" || exit 1;; esac
done || exit 1`

// alone is an agent after that.
const alone = hide + `
exec "$@"`

// StartAgent starts an agent that is ended when the test ends.
func StartAgent(t testing.TB, o AgentOptions) *Agent {
	t.Helper()
	testfs.Require(t, "unshare", "umount")
	ga := Require(t, "qemu-guest-agent")
	dir, err := os.MkdirTemp(memory(), "ga-") // which no test freezes; the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a := &Agent{dir: dir, socket: filepath.Join(dir, "s")}
	a.argv = []string{
		"unshare", "--mount", "--propagation", "private", "sh", "-c", alone, "sh", o.Mount,
		ga.Path("usr/sbin/qemu-ga"), "-m", "unix-listen", "-p", a.socket, "-t", dir, "-f", filepath.Join(dir, "pid"),
		"-l", filepath.Join(dir, "log"), "-v", "--retry-path", "-F" + o.Hook,
	}
	a.env = append(append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}, ga.Env()...), o.Env...)
	t.Cleanup(a.Kill)
	a.Start(t)
	return a
}

func memory() string {
	if _, err := os.Stat("/dev/shm"); err == nil {
		return "/dev/shm"
	}
	return ""
}

// Start starts an agent that does not run, with the state that it has left.
func (a *Agent) Start(t testing.TB) {
	t.Helper()
	_ = os.Remove(a.socket) // of one that was killed
	_ = os.Remove(filepath.Join(a.dir, "pid"))
	out, err := os.OpenFile(filepath.Join(a.dir, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(a.argv[0], a.argv[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = a.env, "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	a.cmd, a.ended = cmd, make(chan struct{})
	go func() {
		// The parent whose death the kernel tells of is a thread: keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(a.ended)
		}
	}()
	if err := <-started; err != nil {
		a.cmd = nil
		t.Fatal(err)
	}
	a.await(t)
}

// await waits until the agent listens.
func (a *Agent) await(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(answerLimit)
	for {
		if _, err := os.Stat(a.socket); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-a.ended:
			t.Fatalf("the agent ended at once:\n%s", a.Log())
		case <-timeout:
			t.Fatalf("the agent does not listen:\n%s", a.Log())
		}
	}
}

// Kill ends the agent as kill -9 does, and not what it has started. It may be called twice.
func (a *Agent) Kill() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill()
	<-a.ended
	a.cmd = nil
}

// Pid returns the process id of a running agent.
func (a *Agent) Pid() int { return a.cmd.Process.Pid }

// Log returns what the agent has written.
func (a *Agent) Log() string {
	log, _ := os.ReadFile(filepath.Join(a.dir, "log"))
	out, _ := os.ReadFile(filepath.Join(a.dir, "out"))
	return strings.TrimSpace(fmt.Sprintf("%s%s", out, log))
}
