package asuser_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/asuser"
)

func other(t *testing.T) asuser.User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	u, err := asuser.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// seen is who the server at the other end sees.
func seen(t *testing.T, network, address string, u asuser.User) *unix.Ucred {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(address, 0o666); err != nil {
		t.Fatal(err)
	}
	conn, err := u.Dial(t.Context(), &net.Dialer{}, network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	peer, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	raw, err := peer.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var cred *unix.Ucred
	if controlErr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return cred
}

func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "asuser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestServerSeesTheUser(t *testing.T) {
	u := other(t)
	dir := openDir(t)
	if cred := seen(t, "unix", filepath.Join(dir, "a"), u); int(cred.Uid) != u.UID || int(cred.Gid) != u.GID {
		t.Errorf("the server sees %+v, want %+v", cred, u)
	}
	if cred := seen(t, "unix", filepath.Join(dir, "b"), asuser.User{}); cred.Uid != 0 {
		t.Errorf("the server sees %+v, want root", cred)
	}
}

// TestNothingElseChanges dials from many goroutines and looks at every thread afterwards.
func TestNothingElseChanges(t *testing.T) {
	u := other(t)
	dir := openDir(t)
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := os.Chmod(filepath.Join(dir, "s"), 0o666); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	before, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			conn, err := u.Dial(context.Background(), &net.Dialer{}, "unix", filepath.Join(dir, "s"))
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
			// What is started meanwhile belongs to root.
			if out, err := exec.Command("id", "-u").Output(); err != nil || strings.TrimSpace(string(out)) != "0" {
				t.Errorf("a process of uid %s, %v", out, err)
			}
		})
	}
	all.Wait()
	after, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"Uid:", "Gid:", "Groups:", "CapEff:"} {
		if a, b := line(before, field), line(after, field); a != b || a == "" {
			t.Errorf("was %q, is %q", a, b)
		}
	}
	// The threads end shortly after what they were for.
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for left := leftBehind(t, line(before, "Uid:")); left != ""; left = leftBehind(t, line(before, "Uid:")) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("a thread is left behind: %s", left)
		}
	}
}

// leftBehind names a thread of this process that has other ids.
func leftBehind(t *testing.T, want string) string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if ids := line(text, "Uid:"); err == nil && ids != want {
			return task + ids
		}
	}
	return ""
}

func line(status []byte, field string) string {
	_, rest, _ := bytes.Cut(status, []byte("\n"+field))
	text, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(text)
}

func TestKernelDecides(t *testing.T) {
	u := other(t)
	path := filepath.Join(openDir(t), "x")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() error { _, err := os.ReadFile(path); return err }
	if err := u.Do(read); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file of root was read as daemon: %v", err)
	}
	if err := os.Chown(path, u.UID, u.GID); err != nil {
		t.Fatal(err)
	}
	if err := u.Do(read); err != nil {
		t.Error(err)
	}
}

// TestNotRoot asks for it on a thread that is not root's any more.
func TestNotRoot(t *testing.T) {
	err := other(t).Do(func() error { return (asuser.User{Name: "root"}).Do(func() error { return nil }) })
	if err == nil || !strings.Contains(err.Error(), "only root can act as user root, and this is uid 1; run starhost as root") {
		t.Errorf("got %v", err)
	}
}

func TestLookup(t *testing.T) {
	if _, err := asuser.Lookup("no-such-user"); err == nil {
		t.Error("a user that is not there was found")
	}
	u, err := asuser.Current()
	if err != nil || u.UID != os.Geteuid() || u.Name == "" || !u.Self() {
		t.Errorf("got %+v, %v", u, err)
	}
}
