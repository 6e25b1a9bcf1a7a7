// Package detached starts this program again as a process that may outlive its caller,
// with a connection between the two.
//
// The process is one in a session of its own, at /, with its standard streams on
// /dev/null. Its argv[0] says what it is for; whoever finds that in main, and [Conn]
// succeeds, is that process, and calls [Settle]. Nothing here is used by more than one
// goroutine.
package detached

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/cgroup"
)

// FD is the descriptor of the connection in the process that was started.
const FD = 3

// Start starts this program again, in the control group of that name if that can be;
// otherwise the process says by [cgroup.Leave] why it cannot be there. The caller reaps
// the process, by Wait of cmd, and closes the connection.
func Start(group, argv0 string, args ...string) (conn *net.UnixConn, cmd *exec.Cmd, err error) {
	if conn, cmd, err = startIn(group, argv0, args); err == nil {
		return conn, cmd, nil
	}
	return start(&syscall.SysProcAttr{}, argv0, args)
}

func startIn(group, argv0 string, args []string) (conn *net.UnixConn, cmd *exec.Cmd, err error) {
	dir, err := cgroup.Make(group)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	conn, cmd, err = start(&syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}, argv0, args)
	if err != nil {
		cgroup.Remove(group)
	}
	return conn, cmd, err
}

func start(attr *syscall.SysProcAttr, argv0 string, args []string) (conn *net.UnixConn, cmd *exec.Cmd, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs := os.NewFile(uintptr(fds[1]), argv0)
	defer theirs.Close()
	if conn, err = connection(os.NewFile(uintptr(fds[0]), argv0)); err != nil {
		return nil, nil, err
	}
	// The literal path: it works for a program that was replaced on the disk.
	cmd = exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = argv0
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	attr.Setsid = true
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, cmd, nil
}

// Is reports whether this process was started with that argv[0].
func Is(argv0 string) bool {
	var st unix.Stat_t
	return len(os.Args) > 0 && os.Args[0] == argv0 && unix.Fstat(FD, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// Conn returns the connection to whoever has started this process.
func Conn() (*net.UnixConn, error) { return connection(os.NewFile(FD, "connection")) }

// connection makes one of f, which it closes.
func connection(f *os.File) (*net.UnixConn, error) {
	conn, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("descriptor %d is a %T", FD, conn), conn.Close())
	}
	return unixConn, nil
}

// Settle makes the process one that is not killed first when memory is short, where
// that is allowed, and that other users' debuggers cannot read. The order matters:
// /proc/self/oom_score_adj is root's once we are not dumpable (proc(5)).
func Settle() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0) // needs CAP_SYS_RESOURCE
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
