package supervise

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// describe says what the process looks like from inside.
func describe() string {
	var b strings.Builder
	cwd, _ := os.Getwd()
	sid, _ := unix.Getsid(0)
	oom, _ := os.ReadFile("/proc/self/oom_score_adj")
	dumpable, _ := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	fmt.Fprintf(&b, "cwd=%s leader=%t oom=%s dumpable=%d\n", cwd, sid == os.Getpid(), strings.TrimSpace(string(oom)), dumpable)
	names, _ := filepath.Glob("/proc/self/fd/*")
	for _, name := range names {
		to, _ := os.Readlink(name)
		fmt.Fprintf(&b, "fd%s=%s\n", filepath.Base(name), to)
	}
	return b.String()
}

// The process is detached: nothing of its caller is left in it.
func TestProcess(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	leaked, err := unix.Dup(int(w.Fd())) // without FD_CLOEXEC, as an agent leaves it
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leaked)
	pipe, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", leaked))

	p := start(t, "describe")
	if p.Ending == nil || p.Ending.Refusal == nil {
		t.Fatalf("got %+v, want a refusal", p.Ending)
	}
	text := p.Ending.Refusal.Message
	for _, want := range []string{"cwd=/ leader=true", "dumpable=0", "fd0=/dev/null\n", "fd1=/dev/null\n", "fd2=/dev/null\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if mayOutliveMemory(t) != strings.Contains(text, "oom=-1000") {
		t.Errorf("killed first when memory is short, although CAP_SYS_RESOURCE is there:\n%s", text)
	}
	if pipe == "" || strings.Contains(text, pipe) {
		t.Errorf("the supervisor has kept a pipe of its caller's, %s:\n%s", pipe, text)
	}
}

// mayOutliveMemory reports whether we have CAP_SYS_RESOURCE, number 24 (capabilities(7)).
func mayOutliveMemory(t *testing.T) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "CapEff:\t")
	text, _, _ = strings.Cut(text, "\n")
	var caps uint64
	if _, err := fmt.Sscanf(text, "%x", &caps); err != nil {
		t.Fatal(err)
	}
	return caps&(1<<unix.CAP_SYS_RESOURCE) != 0
}

// A peer that is neither root nor us is turned away, whatever the modes of the
// directory are.
func TestPeerOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("needs root, to be another user")
		}
		t.Skip("needs root, to be another user")
	}
	dir, err := os.MkdirTemp("/tmp", "starhost-peer-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	program := filepath.Join(dir, "program") // the test's own directory is root's
	text, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Chmod(path, 0o777), os.WriteFile(program, text, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		uid uint32
		ok  bool
	}{{0, true}, {65534, false}} {
		cmd := exec.Command(program)
		cmd.Dir, cmd.Env, cmd.Stderr = "/", []string{dialEnv + "=" + path}, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = listener.SetDeadline(time.Now().Add(patience))
		conn, err := listener.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPeer(conn); (err == nil) != tt.ok {
			t.Errorf("uid %d: %v", tt.uid, err)
		}
		_ = conn.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// Write does what it says where nothing is frozen; the rest is tested by the command.
func TestWrite(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := strings.Repeat("0123456789", 10_000)
	for range 2 {
		if err := Write(f, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(f.Name()); string(got) != text+text {
		t.Errorf("%d bytes are in the file, want %d", len(got), 2*len(text))
	}
	full, err := os.OpenFile(f.Name(), os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := Write(full, []byte("x")); err == nil {
		t.Error("a file that is open for reading took a write")
	}
}
