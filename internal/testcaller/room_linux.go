package testcaller

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/testfs"
)

// Room is a root folder for programs that look for their files by fixed names: that of
// the machine with the package in /usr, and with what the test puts there. Nothing that
// is written to it comes to the machine, except below /dev/shm.
//
// It has no network, and /sys cannot be written to: an agent that finds out about the
// machine, and sets it up, does neither.
//
// No mount of a loop device is there but the one that the test has it keep: others are
// those of other tests.
type Room struct {
	Keep string
	dir  string
}

// enter makes the mounts of a room, in a mount namespace, and becomes a program in it.
const enter = hide + `
room=$1 usr=$2; shift 2
set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" "$room/root"
mount -t overlay overlay -o "lowerdir=$room/usr:$usr:/usr" "$room/root/usr"
mount --rbind /proc "$room/root/proc"
mount --rbind /dev "$room/root/dev"
mount --bind /sys "$room/root/sys"
mount -o remount,bind,ro "$room/root/sys"
[ ! -d /sys/fs/cgroup ] || mount --rbind /sys/fs/cgroup "$room/root/sys/fs/cgroup"
ip link set lo up
exec chroot "$room/root" "$@"`

// NewRoom makes an empty room.
func NewRoom(t testing.TB) *Room {
	t.Helper()
	testfs.Require(t, "unshare", "chroot", "ip")
	if text, err := os.ReadFile("/proc/filesystems"); err == nil && !bytes.Contains(text, []byte("\toverlay\n")) {
		Skip(t, "needs overlay filesystems")
	}
	dir, err := os.MkdirTemp(memory(), "room-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range []string{"upper", "usr", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &Room{dir: dir}
}

// Put makes a file of the room, and the folders above it. A text that begins with "-> "
// makes a symbolic link.
func (r *Room) Put(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	path = r.Path(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return
	}
	WriteProgram(t, path, text)
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Path returns where a file is that was put into the room, or that a program wrote there.
func (r *Room) Path(path string) string {
	if strings.HasPrefix(path, "/usr/") {
		return filepath.Join(r.dir, path) // which is a mount of its own
	}
	return filepath.Join(r.dir, "upper", path)
}

// Command returns a command that is yet to be started, with the package at its usual
// places. It does not outlive the thread that starts it.
func (r *Room) Command(p Package, argv ...string) *exec.Cmd {
	args := []string{"--mount", "--propagation", "private", "--net", "sh", "-c", enter, "sh", r.Keep, r.dir, p.Path("usr")}
	cmd := exec.Command("unshare", append(args, argv...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Listen listens at an address of the network of a process, which a room has for itself.
func Listen(t testing.TB, pid int, address string) net.Listener {
	t.Helper()
	type result struct {
		net.Listener
		error
	}
	listening := make(chan result)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with its network
		l, err := listen(pid, address)
		listening <- result{l, err}
	}()
	got := <-listening
	if got.error != nil {
		t.Fatal(got.error)
	}
	t.Cleanup(func() { _ = got.Close() })
	return got.Listener
}

func listen(pid int, address string) (net.Listener, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return net.Listen("tcp", address)
}

// StartKept starts a command that dies with the thread that starts it, and kills it when
// the test ends.
func StartKept(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
}
