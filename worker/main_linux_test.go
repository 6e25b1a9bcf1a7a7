package worker_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.starlark.net/starlark"
	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/worker"
)

func TestMain(m *testing.M) {
	inProcess()
	worker.InitWith(func(database string) starlark.StringDict {
		words := starlark.StringDict{"attack": starlark.NewBuiltin("attack", attack)}
		for name, word := range builtins.New(database) {
			words[name] = word
		}
		return words
	}, jobs...)
	host()
	os.Exit(m.Run())
}

// attack is a word that only the workers of these tests have: what somebody would
// do who got out of the interpreter. It returns the name of the error, or "done".
func attack(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	name, _ := starlark.AsString(args[0])
	host, err := starlark.AsInt32(args[1])
	if err != nil {
		return nil, err
	}
	err = attacks[name](host)
	if err == nil {
		return starlark.String("done"), nil
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return starlark.String(unix.ErrnoName(errno)), nil
	}
	return starlark.String(err.Error()), nil
}

// attacks are given the process id of the host.
var attacks = map[string]func(host int) error{
	"nothing":    func(int) error { return nil },
	"open":       func(int) error { return open("/etc/passwd", unix.O_RDONLY) },
	"list":       func(int) error { return open("/", unix.O_RDONLY|unix.O_DIRECTORY) },
	"create":     func(int) error { return open("/tmp/starhost-worker-was-here", unix.O_CREAT|unix.O_WRONLY) },
	"read init":  func(int) error { return open("/proc/1/environ", unix.O_RDONLY) },
	"ptrace":     func(host int) error { return unix.PtraceAttach(host) },
	"kill":       func(host int) error { return unix.Kill(host, 0) },
	"exec":       func(int) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"mount":      func(int) error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
	"setuid":     func(int) error { return unix.Setresuid(0, 0, 0) },
	"fork":       func(int) error { return fork() },
	"executable": func(int) error { return executable() },
	"tcp": func(int) error {
		return connect(unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 1})
	},
	"unix": func(int) error {
		return connect(unix.AF_UNIX, &unix.SockaddrUnix{Name: "/run/systemd/private"})
	},
}

func open(file string, flags int) error {
	fd, err := unix.Open(file, flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func connect(family int, to unix.Sockaddr) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, to)
}

// fork makes a process that ends at once: its parent has threads, so it may do
// nothing but system calls.
func fork() error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}

func executable() error {
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil {
		err = unix.Munmap(page)
	}
	return err
}

// asks is an executor that answers every action with success and keeps them.
type asks struct {
	mu   sync.Mutex
	seen []string
}

func (e *asks) Do(_ context.Context, a action.Action) (action.Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, a.Hold+": "+a.Text())
	return action.Result{State: action.Applied}, nil
}

// held reports whether the hold of a bomb was asked for.
func (e *asks) held() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.seen) > 0 && e.seen[0] == "lock: FLUSH TABLES WITH READ LOCK"
}

// prescript is a script of one file whose prescript has this body.
func prescript(body string) worker.Options {
	return worker.Options{
		Name: "x.star", Database: "mysql",
		Source: []byte("API = 1\ndef prescript(ctx):\n    " + strings.ReplaceAll(body, "\n", "\n    ") + "\n"),
	}
}

// start starts a worker that is gone when the test is over.
func start(t testing.TB, opts worker.Options) *worker.Worker {
	t.Helper()
	w, err := worker.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.Close()
		if err := unix.Kill(w.PID(), 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("the process %d of the worker is still there: %v", w.PID(), err)
		}
	})
	return w
}

// cgo reports whether this program was built with it, as it is for the race
// detector.
func cgo() bool {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0)
	return errno == syscall.ENOTSUP
}

// need skips the test on a laptop and fails it where everything must be there.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("CI") == "true":
		t.Fatal("CI must have: " + what)
	default:
		t.Skip("needs " + what)
	}
}
