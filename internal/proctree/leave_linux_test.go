package proctree_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/procstate"
	"github.com/starhost/starhost/internal/proctree"
)

// leaver returns a command whose script may leave something after code 0 or 3. MARK in it
// is a marker, FILE a file for the pid of what it leaves, which is killed in the end.
func leaver(t *testing.T, text string) (c *proctree.Command, mark, pids string) {
	t.Helper()
	mark, pids = marker(), filepath.Join(t.TempDir(), "pids")
	c = shell(strings.NewReplacer("MARK", mark, "FILE", pids).Replace(text))
	c.Leave = []int{0, 3}
	t.Cleanup(func() {
		for _, pid := range numbers(pids) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		waitUntil(t, "nobody is left", func() bool { return survivors(t, mark) == nil })
	})
	return c, mark, pids
}

// numbers are the pids in a file.
func numbers(file string) (pids []int) {
	text, _ := os.ReadFile(file)
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestWhatIsLeft(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		code         int
		left         bool
	}{
		{"in the background", "sleep MARK & echo $! >> FILE; echo out", 0, true},
		{"in another session", "setsid sleep MARK & echo $! >> FILE; echo out", 0, true},
		{"an orphan", "(sleep MARK & echo $! >> FILE); echo out; exit 3", 3, true},
		{"its streams elsewhere", "sleep MARK > /dev/null 2>&1 & echo $! >> FILE; echo out", 0, true},
		{"nothing", "true MARK; echo out", 0, false},
		{"another code", "sleep MARK & echo $! >> FILE; echo out; exit 4", 4, false},
		{"ended by a signal", "sleep MARK & echo $! >> FILE; echo out; kill -KILL $$", 137, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, mark, _ := leaver(t, tt.script)
			began := time.Now()
			res := run(t, c)
			if took := time.Since(began); took > slack {
				t.Errorf("Run took %v: it waited for what is left", took)
			}
			if res.Code != tt.code || res.Left != tt.left || res.Reaped == tt.left || string(res.Stdout) != "out\n" || res.Truncated {
				t.Errorf("result %+v, want code %d, left %t, and the output", res, tt.code, tt.left)
			}
			if s := survivors(t, mark); (s != nil) != tt.left {
				t.Errorf("still there: %q, want some: %t", s, tt.left)
			}
		})
	}
}

// writer writes more than a pipe holds to both streams, after it was left, and notes when
// it has done so.
const writer = `{ trap 'echo pipe > FILE.broken' PIPE
read go < FILE.fifo; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; echo done > FILE.done; exec sleep MARK; } & echo $! >> FILE; `

func TestWhatIsLeftCanWrite(t *testing.T) {
	c, _, pids := leaver(t, "mkfifo FILE.fifo; echo before; "+writer)
	res := run(t, c)
	if !res.Left || string(res.Stdout) != "before\n" {
		t.Fatalf("%+v", res)
	}
	if err := os.WriteFile(pids+".fifo", []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "it has written everything", func() bool { return exists(pids + ".done") })
	if exists(pids + ".broken") {
		t.Error("it got a SIGPIPE")
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// Output that a busy writer adds all the time does not keep Run, and what the program
// wrote is there.
func TestRunEndsThoughTheOutputDoesNot(t *testing.T) {
	c, _, _ := leaver(t, "yes MARK & echo $! >> FILE; i=0; while [ $i -lt 500 ]; do echo own $i >&2; i=$((i+1)); done")
	res := run(t, c)
	if !res.Left || !strings.HasSuffix(string(res.Stderr), "own 499\n") {
		t.Errorf("left %t, stderr ends %q", res.Left, res.Stderr[max(0, len(res.Stderr)-100):])
	}
}

// A slow writer of the caller has not read everything when the program has ended: the
// rest of what it wrote is taken from the pipe.
func TestOutputOfTheProgramIsComplete(t *testing.T) {
	c, _, files := leaver(t, "sleep MARK & echo $! >> FILE; echo first; until [ -e FILE.read ]; do sleep 0.01; done; echo second")
	w := &slowWriter{begun: files + ".read"}
	c.Stdout = w
	if res := run(t, c); !res.Left || res.Truncated || w.text != "first\nsecond\n" {
		t.Errorf("%+v, output %q", res, w.text)
	}
}

// slowWriter takes its time for the first line, less than Run gives to one that blocks.
type slowWriter struct{ begun, text string }

func (w *slowWriter) Write(p []byte) (int, error) {
	if w.text += string(p); !exists(w.begun) {
		err := os.WriteFile(w.begun, nil, 0o600)
		<-time.After(300 * time.Millisecond) // the program ends meanwhile
		return len(p), err
	}
	return len(p), nil
}

// A descriptor that starhost was given without being asked ends with it: its caller may
// wait for the end of that.
func TestWhatIsLeftHoldsNoForeignFile(t *testing.T) {
	c, _, _ := leaver(t, "sleep MARK & echo $! >> FILE")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	inherited, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD, 100)
	if err != nil {
		t.Fatal(err)
	}
	res := run(t, c)
	err = errors.Join(w.Close(), unix.Close(inherited), r.SetReadDeadline(time.Now().Add(5*time.Second)))
	if n, end := r.Read(make([]byte, 1)); !res.Left || err != nil || n != 0 || !errors.Is(end, io.EOF) {
		t.Errorf("%+v, %v, read %d, %v; want the end of the pipe", res, err, n, end)
	}
}

// The keeper of those that are left ends when nobody can write any more; it shows
// nothing, and the orphans then have another parent.
func TestKeeperEndsWithTheLastWriter(t *testing.T) {
	c, mark, pids := leaver(t, "echo $PPID >> FILE.keeper; (sleep MARK & echo $! >> FILE); (sleep MARK >/dev/null 2>&1 & echo $! >> FILE)")
	run(t, c)
	keeper, left := numbers(pids + ".keeper")[0], numbers(pids)
	if p, err := procstate.Read(left[1]); err != nil || p.Parent != keeper {
		t.Fatalf("%+v, %v; want a child of %d", p, err, keeper)
	}
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(keeper) + "/fd/*")
	for _, file := range files {
		to, err := os.Readlink(file)
		known := to == os.DevNull
		for _, own := range []string{"pipe:", "anon_inode:", "/sys/fs/cgroup/"} { // the last are the Go runtime's
			known = known || strings.HasPrefix(to, own)
		}
		if err == nil && !known {
			t.Errorf("the keeper holds %s", to)
		}
	}
	if dir, err := os.Readlink("/proc/" + strconv.Itoa(keeper) + "/cwd"); err == nil && dir != "/" {
		t.Errorf("the keeper is in %s", dir)
	}
	if err := syscall.Kill(left[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the keeper is gone", func() bool { return !exists("/proc/" + strconv.Itoa(keeper)) })
	if p, err := procstate.Read(left[1]); err != nil || p.Parent == keeper || p.Parent == os.Getpid() {
		t.Errorf("%+v, %v; want it alive, with another parent", p, err)
	}
	if s := survivors(t, mark); len(s) != 1 {
		t.Errorf("still there: %q, want one", s)
	}
}

func TestNothingIsLeftWhenTheContextEnds(t *testing.T) {
	c, mark, _ := leaver(t, "trap 'exit 0' TERM; setsid sleep MARK & echo $! >> FILE; echo ready; while :; do sleep 0.01; done")
	c.Grace = 10 * time.Second
	res, _, _, err := runUntilReady(t, c)
	if !errors.Is(err, context.Canceled) || res.Left || res.Code != 0 || !res.Reaped {
		t.Errorf("%+v, %v; want code 0 and nothing left", res, err)
	}
	if s := survivors(t, mark); s != nil {
		t.Errorf("still there: %q", s)
	}
}

// What is left outlives its host, and a host that dies before its program leaves nothing.
func TestWhatIsLeftWhenTheHostIsKilled(t *testing.T) {
	for _, runs := range []bool{false, true} {
		t.Run("the program runs "+strconv.FormatBool(runs), func(t *testing.T) {
			end := "kill -KILL $HOST; sleep MARK"
			if !runs {
				end = "exit 0"
			}
			_, mark, pids := leaver(t, "")
			text := strings.NewReplacer("MARK", mark, "FILE", pids).Replace("mkfifo FILE.fifo; setsid sh -c 'read go < FILE.fifo; echo more; echo late > FILE.done; exec sleep MARK' & echo $! >> FILE; " + end)
			host := exec.Command(os.Args[0])
			host.Env = append(os.Environ(), hostEnv+"="+text, leaveEnv+"=1")
			stdout, err := host.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			_, _ = bufio.NewReader(stdout).ReadString('\n') // to its death, or the word that it has left something
			_ = host.Process.Kill()
			_ = host.Wait()
			if runs {
				waitUntil(t, "the tree is gone", func() bool { return survivors(t, mark) == nil })
				return
			}
			if err := os.WriteFile(pids+".fifo", []byte("go\n"), 0); err != nil {
				t.Fatal(err)
			}
			waitUntil(t, "it goes on", func() bool { return exists(pids + ".done") })
		})
	}
}
