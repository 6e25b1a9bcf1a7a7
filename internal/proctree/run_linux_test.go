package proctree_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/proctree"
)

func TestManyAtOnce(t *testing.T) {
	const routines, each = 8, 6
	mark := marker()
	var wg sync.WaitGroup
	for i := range routines {
		wg.Go(func() {
			for j := range each {
				name := fmt.Sprintf("%d.%d", i, j)
				c := shell(fmt.Sprintf("setsid sleep %s & cat; echo %s; exit %d", mark, name, i))
				c.Stdin = []byte("in " + name + " ")
				res, err := c.Run(context.Background())
				if want := "in " + name + " " + name + "\n"; err != nil || res.Code != i || string(res.Stdout) != want {
					t.Errorf("%s: %+v, %v; want code %d, output %q", name, res, err, i, want)
				}
			}
		})
	}
	wg.Wait()
	if s := survivors(t, mark); s != nil {
		t.Errorf("still there: %q", s)
	}
}

// openFiles returns what the descriptors of this process are.
func openFiles(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			files = append(files, e.Name()+" "+to)
		}
	}
	return strings.Join(files, "\n")
}

func TestNothingLeaks(t *testing.T) {
	run(t, shell("exit 0")) // what the runtime opens once
	routines, files := runtime.NumGoroutine(), openFiles(t)
	for range 5 {
		c := shell("setsid sleep 600 & cat")
		c.Stdin = []byte("x")
		run(t, c)
		runUntilReady(t, shell("echo ready; sleep 600"))
		_, err := (&proctree.Command{Path: "/none/such", Stdin: make([]byte, 1e6)}).Run(context.Background())
		if !errors.Is(err, proctree.ErrStart) {
			t.Fatal(err)
		}
	}
	waitUntil(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= routines })
	if now := openFiles(t); now != files {
		t.Errorf("descriptors:\n%s\nbefore:\n%s", now, files)
	}
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("wait4: child %d, %v; want no children", pid, err)
	}
}

// blockedWriter takes the first bytes when it is told to.
type blockedWriter struct{ release, entered chan struct{} }

func (w *blockedWriter) Write(p []byte) (int, error) {
	close(w.entered)
	<-w.release
	return len(p), nil
}

func TestBlockedWriterDoesNotBlockRun(t *testing.T) {
	routines := runtime.NumGoroutine()
	w := &blockedWriter{make(chan struct{}), make(chan struct{})}
	c := shell("echo x; exit 3")
	c.Stdout = w
	began := time.Now()
	res := run(t, c)
	if took := time.Since(began); took > time.Second+slack {
		t.Errorf("Run took %v", took)
	}
	if res.Code != 3 || !res.Truncated || !res.Reaped {
		t.Errorf("result %+v, want code 3, truncated and reaped", res)
	}
	<-w.entered
	close(w.release)
	waitUntil(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= routines })
}

func TestContextErrorSaysWhatHappened(t *testing.T) {
	cause := errors.New("the deadline of the run")
	ctx, cancel := context.WithTimeoutCause(context.Background(), 300*time.Millisecond, cause)
	defer cancel()
	began := time.Now()
	res, err := shell("echo some; exec sleep 600").Run(ctx)
	if took := time.Since(began); took < 300*time.Millisecond || took > 800*time.Millisecond+slack {
		t.Errorf("Run took %v", took)
	}
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
		t.Errorf("error %v wraps not both the context's and its cause", err)
	}
	for _, want := range []string{"/bin/sh: ended by us after ", "by SIGKILL", cause.Error()} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if string(res.Stdout) != "some\n" {
		t.Errorf("output %q, want what came before the end", res.Stdout)
	}
}

func BenchmarkRun(b *testing.B) {
	b.Run("keeper", func(b *testing.B) {
		c := &proctree.Command{Path: "/bin/true"}
		for b.Loop() {
			if res, err := c.Run(context.Background()); err != nil || res.Code != 0 {
				b.Fatal(res, err)
			}
		}
	})
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			if _, err := exec.Command("/bin/true").CombinedOutput(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
