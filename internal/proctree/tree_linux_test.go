package proctree_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/proctree"
)

// slack is what a busy machine may add to a bound of time. The programs of the
// tests would run for ten minutes.
const slack = 2 * time.Second

var markers atomic.Int64

// marker returns an argument for sleep(1) that no other process has.
func marker() string { return fmt.Sprintf("600.%d%04d", os.Getpid(), markers.Add(1)) }

// survivors returns the processes that have the marker in their command line.
func survivors(t *testing.T, marker string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(marker)) {
			found = append(found, file+": "+string(text))
		}
	}
	return found
}

// waitUntil polls, and fails the test after ten seconds.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// trigger is a writer that calls a function when "ready" has been written.
type trigger struct {
	bytes.Buffer
	do func()
}

func (w *trigger) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), "ready") {
		w.do()
	}
	return n, err
}

// runUntilReady runs c until it writes "ready", then ends the context. It
// returns how long Run took from there.
func runUntilReady(t *testing.T, c *proctree.Command) (res proctree.Result, out string, late time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var since time.Time
	w := &trigger{}
	w.do = sync.OnceFunc(func() { since = time.Now(); cancel() })
	c.Stdout = w
	res, err = c.Run(ctx)
	if since.IsZero() {
		t.Fatalf("never ready: %+v, %v", res, err)
	}
	return res, w.String(), time.Since(since), err
}

// trees are scripts that leave processes behind. M is the marker; each calls
// hold when all are there.
var trees = []struct{ name, script string }{
	{"the program alone", "hold"},
	{"child in the background", "sleep M & hold"},
	{"child ignores SIGTERM", "(trap '' TERM HUP INT; sleep M; sleep M) & hold"},
	{"program ignores SIGTERM", "trap '' TERM HUP INT; sleep M & hold"},
	{"own session", "setsid sleep M & hold"},
	{"double fork", "(setsid sh -c 'sleep M & sleep M & exit 0' &); hold"},
	{"daemon of a daemon", "setsid sh -c 'setsid sh -c \"sleep M & sleep M\" & sleep M' & hold"},
	{"grandchild without streams", "(setsid sleep M <&- >&- 2>&- &); hold"},
	{"stopped", "sleep M & kill -STOP $!; hold"},
	{"many", "i=0; while [ $i -lt 40 ]; do setsid sleep M & i=$((i+1)); done; hold"},
}

// script returns the script of a tree with its marker.
func script(tree, hold string) (script, mark string) {
	mark = marker()
	return strings.NewReplacer("M", mark, "hold", hold).Replace(strings.ReplaceAll(tree, "TERM", "15")), mark
}

func TestTreeIsGoneWhenTheProgramEnds(t *testing.T) {
	for _, tt := range trees {
		t.Run(tt.name, func(t *testing.T) {
			text, mark := script(tt.script, "exit 3")
			began := time.Now()
			res := run(t, shell(text))
			if res.Code != 3 || !res.Reaped {
				t.Errorf("result %+v, want code 3 and reaped", res)
			}
			if took := time.Since(began); took > slack {
				t.Errorf("Run took %v: it waited for a descendant", took)
			}
			if s := survivors(t, mark); s != nil {
				t.Errorf("still there: %q", s)
			}
		})
	}
}

func TestTreeIsGoneWhenTheContextEnds(t *testing.T) {
	endless := append(trees[:len(trees):len(trees)], []struct{ name, script string }{
		{"forks all the time", "i=0; while :; do sleep M & setsid sleep M & i=$((i+1)); [ $i = 20 ] && echo ready; done"},
		{"streams closed", "echo ready; exec >&- 2>&-; sleep M"},
		{"stops itself", "echo ready; kill -STOP $$"},
	}...)
	for _, tt := range endless {
		t.Run(tt.name, func(t *testing.T) {
			text, mark := script(tt.script, "echo ready; sleep M; sleep M")
			text = strings.ReplaceAll(text, "M", mark) // those of hold
			res, _, late, err := runUntilReady(t, shell(text))
			for range 2 {
				if res.Reaped || late < 450*time.Millisecond {
					break
				}
				// All the time was used: right on a starved machine, where the
				// keeper goes on without us, but not three times in a row.
				waitUntil(t, "the tree is gone", func() bool { return survivors(t, mark) == nil })
				res, _, late, err = runUntilReady(t, shell(text))
			}
			if !errors.Is(err, context.Canceled) || errors.Is(err, proctree.ErrUnreaped) {
				t.Errorf("error %v, want context canceled alone", err)
			}
			if res.Code != 137 || res.Signal != "SIGKILL" || !res.Reaped {
				t.Errorf("result %+v, want code 137, SIGKILL and reaped", res)
			}
			if late > 500*time.Millisecond+slack {
				t.Errorf("Run returned %v after the context had ended", late)
			}
			if s := survivors(t, mark); s != nil {
				t.Errorf("still there: %q", s)
			}
		})
	}
}

func TestTreeOfAnotherUserIsKilled(t *testing.T) {
	need(t, os.Geteuid() == 0, "root")
	text, mark := script("setsid sleep M & echo ready; sleep M", "")
	c := shell(text)
	c.User = &proctree.User{UID: 65534, GID: 65534}
	if res, _, _, err := runUntilReady(t, c); !res.Reaped || res.Signal != "SIGKILL" {
		t.Errorf("result %+v, error %v", res, err)
	}
	if s := survivors(t, mark); s != nil {
		t.Errorf("still there: %q", s)
	}
}

func TestGrace(t *testing.T) {
	for _, tt := range []struct {
		name, script   string
		grace          time.Duration
		code           int
		out            string
		atLeast, until time.Duration
	}{
		{"used", "trap 'echo bye; exit 5' 15; echo ready; while :; do sleep 0.01; done", 20 * time.Second, 5, "ready\nbye\n", 0, 5 * time.Second},
		{"by a child", "sh -c 'trap \"echo bye; exit\" 15; echo ready; while :; do sleep 0.01; done'; true", 20 * time.Second, 143, "ready\nbye\n", 0, 5 * time.Second},
		{"not used", "trap '' 15; echo ready; sleep M & while :; do wait $!; done", 300 * time.Millisecond, 137, "ready\n", 300 * time.Millisecond, 800*time.Millisecond + slack},
		{"stopped", "echo ready; kill -STOP $$; sleep M", 20 * time.Second, 143, "ready\n", 0, 5 * time.Second},
		{"none", "trap 'echo bye; exit 5' 15; echo ready; sleep M", 0, 137, "ready\n", 0, 500*time.Millisecond + slack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, mark := script(tt.script, "")
			c := shell(text)
			c.Grace = tt.grace
			res, out, late, err := runUntilReady(t, c)
			if !errors.Is(err, context.Canceled) || res.Code != tt.code || out != tt.out || !res.Reaped {
				t.Errorf("code %d, output %q, %v; want %d, %q, context canceled", res.Code, out, err, tt.code, tt.out)
			}
			if late < tt.atLeast || late > tt.until {
				t.Errorf("Run returned %v after the context had ended, want %v to %v", late, tt.atLeast, tt.until)
			}
			if s := survivors(t, mark); s != nil {
				t.Errorf("still there: %q", s)
			}
		})
	}
}

func TestTreeIsGoneWhenTheHostIsKilled(t *testing.T) {
	text, mark := script("(setsid sh -c 'trap \"\" 15; sleep M; sleep M' &); echo $PPID; sleep M", "")
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), hostEnv+"="+text)
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	keeper, convErr := strconv.Atoi(strings.TrimSpace(line))
	if err := errors.Join(err, convErr); err != nil {
		t.Errorf("the host said %q: %v", line, err)
	}
	if survivors(t, mark) == nil {
		t.Error("nothing runs: the test would prove nothing")
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	waitUntil(t, "the tree is gone", func() bool { return survivors(t, mark) == nil })
	waitUntil(t, "the keeper is gone", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", keeper))
		return err != nil || bytes.Contains(text, []byte(") Z "))
	})
}
