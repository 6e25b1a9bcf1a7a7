//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testcaller"
	"github.com/starhost/starhost/internal/testdb"
)

// pair is what a caller runs before and after its snapshot.
type pair struct {
	name          string
	before, after []string
}

// times are what calls of a pair took: both together, and from the end of the first to
// the end of the second, which is what a database waits for at least.
type times struct{ whole, held time.Duration }

// calls makes both calls of a pair, one after the other.
func (p pair) calls(b *testing.B, env []string) (took times) {
	b.Helper()
	start := time.Now()
	p.call(b, env, p.before)
	held := time.Now()
	p.call(b, env, p.after)
	return times{time.Since(start), time.Since(held)}
}

func (p pair) call(b *testing.B, env, argv []string) {
	b.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	if err := cmd.Run(); err != nil { // its streams are /dev/null, as an agent's are
		b.Fatalf("%s: %v: %v", p.name, argv, err)
	}
}

// report reports the times of each pair, and their ratios to those of the first.
func report(b *testing.B, pairs []pair, sums []times) {
	b.Helper()
	n := float64(b.N)
	for i, p := range pairs {
		b.ReportMetric(sums[i].whole.Seconds()*1000/n, p.name+"-ms/both")
		b.ReportMetric(sums[i].held.Seconds()*1000/n, p.name+"-ms/held")
		if i > 0 {
			b.ReportMetric(sums[0].whole.Seconds()/sums[i].whole.Seconds(), "both/"+p.name)
			b.ReportMetric(sums[0].held.Seconds()/sums[i].held.Seconds(), "held/"+p.name)
		}
	}
}

// shipped builds the command as it is shipped: our test program takes several times as
// long to begin.
func shipped(b *testing.B) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "starhost")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", build.Args, err, out)
	}
	return path
}

func hookPair(name, path string) pair {
	return pair{name, []string{path, "freeze"}, []string{path, "thaw"}}
}

// What our hook costs the agent of QEMU where there is nothing to do, beside a hook that
// is a shell script, and beside the script of the agent's package that calls a folder of
// hooks.
func BenchmarkHookOfNothing(b *testing.B) {
	package_ := testcaller.Require(b, "qemu-guest-agent")
	c := newCommand(b, "[workload]\nworkload_name = custom\nscript = idle.star\n")
	write(b, filepath.Join(c.dir, "idle.star"), fmt.Sprintf(idle, "pass", "pass"))
	link, shell := filepath.Join(c.dir, "starhost-qemu-ga"), filepath.Join(c.dir, "hook.sh")
	if err := os.Symlink(shipped(b), link); err != nil {
		b.Fatal(err)
	}
	stock := filepath.Join(c.dir, "fsfreeze-hook")
	text, err := os.ReadFile(package_.Path("etc/qemu/fsfreeze-hook"))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.Mkdir(stock+".d", 0o700); err != nil {
		b.Fatal(err)
	}
	const nothing = "#!/bin/sh\ncase $1 in freeze | thaw) exit 0 ;; esac\nexit 1\n"
	for path, text := range map[string]string{
		shell: nothing, stock + ".d/50-nothing": nothing,
		stock: strings.ReplaceAll(string(text), "/var/log/", c.dir+"/"),
	} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			b.Fatal(err)
		}
	}
	pairs := []pair{hookPair("starhost", link), hookPair("sh", shell), hookPair("stock", stock)}
	env := append(os.Environ(), c.hookEnv()...)
	sums := make([]times, len(pairs))
	for b.Loop() {
		for i, p := range pairs {
			took := p.calls(b, env)
			sums[i].whole += took.whole
			sums[i].held += took.held
		}
	}
	report(b, pairs, sums)
}

// fifoBefore takes a lock by a client in the background that reads a FIFO, as samples for
// the agent of QEMU do, and waits for it; fifoAfter gives it back.
const (
	fifoBefore = `mkfifo $1/in
mariadb --no-defaults --socket=$2 --user=root --unbuffered --skip-column-names <$1/in >$1/out 2>&1 &
exec 3>$1/in
echo "FLUSH TABLES WITH READ LOCK; SELECT 'held';" >&3
until grep -q held $1/out; do sleep 0.005; done
sleep 3600 >$1/in &
echo $! >$1/keeper
`
	fifoAfter = `echo "UNLOCK TABLES; SELECT 'free';" >$1/in
until grep -q free $1/out; do sleep 0.005; done
kill $(cat $1/keeper)
rm $1/*
`
)

// How long a writer of MariaDB waits for starhost pre and starhost post, beside a pair of
// shell scripts that hold the lock by a client in the background. There is no snapshot in
// between.
func BenchmarkPrePost(b *testing.B) {
	server := testdb.MariaDB(b, testdb.Options{})
	o := observe(b, server)
	c := newCommand(b, configFor("mariadb", "mysql", server.Socket, "fs_freeze = caller\n"))
	fifo := filepath.Join(c.dir, "fifo")
	if err := os.Mkdir(fifo, 0o700); err != nil {
		b.Fatal(err)
	}
	shell := func(text string) []string { return []string{"sh", "-ec", text, "sh", fifo, server.Socket} }
	program := shipped(b)
	pairs := []pair{
		{"starhost", []string{program, "pre"}, []string{program, "post"}},
		{"fifo", shell(fifoBefore), shell(fifoAfter)},
	}
	env := append(os.Environ(), c.hookEnv()...)
	w := startWaiter(b, o)
	sums := make([]times, len(pairs))
	for b.Loop() {
		for i, p := range pairs {
			w.longest()
			sums[i].whole += p.calls(b, env).whole
			sums[i].held += w.longest()
		}
	}
	report(b, pairs, sums)
}

// waiter commits all the time, and knows for how long it had to wait for one.
type waiter struct {
	mu   sync.Mutex
	most time.Duration
	n    int
	b    *testing.B
}

func startWaiter(b *testing.B, o *observer) *waiter {
	b.Helper()
	w := &waiter{b: b}
	ctx, cancel := context.WithCancel(b.Context())
	var ended sync.WaitGroup
	b.Cleanup(func() { cancel(); ended.Wait() })
	ended.Go(func() {
		for ctx.Err() == nil {
			start := time.Now()
			if _, err := o.db.ExecContext(ctx, "INSERT INTO test.probe VALUES ()"); err != nil && ctx.Err() == nil {
				b.Errorf("the writer: %v", err)
				return
			}
			w.mu.Lock()
			w.most = max(w.most, time.Since(start))
			w.n++
			w.mu.Unlock()
		}
	})
	return w
}

// longest returns the longest wait since the last call, after another commit.
func (w *waiter) longest() time.Duration {
	w.b.Helper()
	count := func() int { w.mu.Lock(); defer w.mu.Unlock(); return w.n }
	n := count()
	eventually(w.b, 20*time.Second, "the writer goes on", func() bool { return count() > n+1 })
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.most = 0 }()
	return w.most
}
