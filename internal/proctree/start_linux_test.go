package proctree_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/proctree"
)

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

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, tt := range []struct {
		name string
		c    proctree.Command
		want error
	}{
		{"not found", proctree.Command{Path: dir + "/none"}, fs.ErrNotExist},
		{"not executable", proctree.Command{Path: file("plain", "#!/bin/sh\n", 0o644)}, fs.ErrPermission},
		{"a directory", proctree.Command{Path: dir}, fs.ErrPermission},
		{"no interpreter", proctree.Command{Path: file("odd", "#!/none/such\n", 0o755)}, fs.ErrNotExist},
		{"no format", proctree.Command{Path: file("binary", "\x7fELF\x00\x00", 0o755)}, syscall.ENOEXEC},
		{"empty", proctree.Command{Path: file("empty", "", 0o755)}, syscall.ENOEXEC},
		{"no directory", proctree.Command{Path: "/bin/true", Dir: dir + "/none"}, fs.ErrNotExist},
		{"a zero byte", proctree.Command{Path: "/bin/true", Argv: []string{"true", "a\x00b"}}, syscall.EINVAL},
		{"too long", proctree.Command{Path: "/bin/true", Env: []string{strings.Repeat("x", 1<<20)}}, syscall.E2BIG},
		{"relative", proctree.Command{Path: "bin/true"}, proctree.ErrStart},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := tt.c.Run(context.Background())
			if !errors.Is(err, proctree.ErrStart) || !errors.Is(err, tt.want) {
				t.Errorf("error %q, want one that wraps ErrStart and %q", err, tt.want)
			}
			if err == nil || !strings.Contains(err.Error(), tt.c.Path) {
				t.Errorf("error %q does not name %s", err, tt.c.Path)
			}
			if res.Code != -1 || !res.Reaped {
				t.Errorf("result %+v, want code -1 and reaped", res)
			}
		})
	}
}

func TestProgramStartsClean(t *testing.T) {
	// What must not reach the program: a descriptor without FD_CLOEXEC, a
	// signal that is ignored, a signal that is blocked.
	leak, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	ignoreAndBlock(t)

	c := shell("ls -l /proc/self/fd >&2; exec cat /proc/self/status /proc/self/stat")
	res := run(t, c)
	for _, want := range []string{"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "SigCgt:\t0000000000000000\n"} {
		if !strings.Contains(string(res.Stdout), want) {
			t.Errorf("want %q in\n%s", want, res.Stdout)
		}
	}
	// Descriptor 3 is that of ls for the directory.
	if strings.Count(string(res.Stderr), "->") != 4 || !strings.Contains(string(res.Stderr), " 3 -> /proc/") {
		t.Errorf("want descriptors 0, 1 and 2 in\n%s", res.Stderr)
	}
	before, after, _ := strings.Cut(string(res.Stdout), " (cat) R ")
	var pid, ppid, pgrp, session, tty int
	if _, err := fmt.Sscan(before[strings.LastIndexByte(before, '\n')+1:], &pid); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(after, &ppid, &pgrp, &session, &tty); err != nil {
		t.Fatal(err)
	}
	if pgrp != pid || session != ppid || tty != 0 {
		t.Errorf("process %d of %d has group %d, session %d, terminal %d; want %d, %d, 0", pid, ppid, pgrp, session, tty, pid, ppid)
	}
}

// ignoreAndBlock makes this process ignore a signal and this thread block
// another one, until the test ends.
func ignoreAndBlock(t *testing.T) {
	t.Helper()
	ignored := []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGTTOU, syscall.SIGTTIN, syscall.SIGTSTP, syscall.SIGCONT,
		syscall.SIGUSR2, syscall.SIGPIPE, syscall.Signal(40),
	}
	signal.Ignore(ignored...)
	runtime.LockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGUSR1 - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
		runtime.UnlockOSThread()
		handled := make(chan os.Signal, 1) // Reset alone would leave them ignored
		signal.Notify(handled, ignored...)
		signal.Stop(handled)
	})
}

func TestKeeperShowsNothing(t *testing.T) {
	const secret = "proctree-secret"
	c := shell("cat /proc/$PPID/cmdline; test -r /proc/$PPID/environ && cat /proc/$PPID/environ; true " + secret)
	c.Env = append(c.Env, "PASSWORD="+secret)
	if res := run(t, c); string(res.Stdout) != "starhost-keeper\x00" {
		t.Errorf("the keeper shows %q, want its name alone", res.Stdout)
	}
}

func TestUser(t *testing.T) {
	need(t, os.Geteuid() == 0, "root")
	const script = "id -u; id -g; id -G; pwd; grep CapEff /proc/self/status"
	for _, tt := range []struct {
		user *proctree.User
		want string
	}{
		{&proctree.User{UID: 65534, GID: 65533, Groups: []uint32{7, 9}}, "65534\n65533\n65533 7 9\n/\nCapEff:\t0000000000000000\n"},
		{&proctree.User{UID: 65534, GID: 65533}, "65534\n65533\n65533\n/\nCapEff:\t0000000000000000\n"},
	} {
		c := shell(script)
		c.User = tt.user
		if res := run(t, c); string(res.Stdout) != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.user, res.Stdout, tt.want)
		}
	}
	private := t.TempDir() // entered as the user, who must not
	if err := os.Chmod(private, 0o700); err != nil {
		t.Fatal(err)
	}
	c := shell("exit 0")
	c.User, c.Dir = &proctree.User{UID: 65534, GID: 65534}, private
	_, err := c.Run(context.Background())
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), private+" as uid 65534") {
		t.Errorf("error %v, want permission denied that names directory and user", err)
	}
}

// A text without a line that says what runs it is run by the shell, with its own path as
// its name.
func TestTextIsRunByTheShell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte("echo \"$0 $# $2\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	res, err := (&proctree.Command{Path: path, Argv: []string{"text", "a b", ""}}).Run(context.Background())
	if want := path + " 2 \n"; err != nil || res.Code != 3 || string(res.Stdout) != want {
		t.Errorf("%v, code %d, %q; want 3, %q", err, res.Code, res.Stdout, want)
	}
}
