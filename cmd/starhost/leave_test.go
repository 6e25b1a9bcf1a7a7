//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// leavingPair is a workload of legacy.star whose scripts leave processes.
type leavingPair struct {
	*command
	mark string // stands in the command line of all of them
}

// newLeavingPair writes the pair. In its scripts and in more, DIR is the folder and MARK the
// mark; a script writes the pids of what it leaves to DIR/pids, which are killed in the end.
func newLeavingPair(t *testing.T, pre, post, more string) *leavingPair {
	t.Helper()
	testfs.RequireRoot(t)
	m := mark()
	c := newSupervised(t, "")
	p := &leavingPair{c, m}
	in := strings.NewReplacer("DIR", c.dir, "MARK", m).Replace
	write(t, c.config, in("[workload \"orders\"]\nworkload_name = legacy\nrequire = crash\nfs_freeze = snapshot\n"+more+
		"[settings \"orders\"]\nprescript = DIR/pre\npostscript = DIR/post\n"))
	for name, text := range map[string]string{"pre": pre, "post": post} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte("#!/bin/sh\n"+in(text)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, pid := range strings.Fields(p.text("pids")) {
			if n, err := strconv.Atoi(pid); err == nil && n > 1 && survivors(t, m) != nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
		for end := time.Now().Add(5 * time.Second); survivors(t, m) != nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("still there at the end of the test: %q", survivors(t, m))
				return
			}
		}
	})
	return p
}

// text is what a file of the folder holds, in one line.
func (p *leavingPair) text(name string) string {
	text, _ := os.ReadFile(filepath.Join(p.dir, name))
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ", ")
}

// lockingPre leaves a client that holds the lock, fed by somebody who only keeps its
// input open; unlockingPost ends both, and may be run twice.
const (
	lockingPre = `echo pre >> DIR/log
mkfifo DIR/fifo
nohup mariadb --no-defaults -n -u root -S SOCKET --init-command='SET @mark = MARK' < DIR/fifo > DIR/said &
echo $! >> DIR/pids
sleep MARK > DIR/fifo &
echo $! >> DIR/pids
echo "FLUSH TABLES WITH READ LOCK; SELECT 'locked';" > DIR/fifo
until grep -q locked DIR/said; do sleep 0.02; done
`
	unlockingPost = `[ -e DIR/pids ] || exit 0
for pid in $(cat DIR/pids); do kill -0 $pid && echo alive >> DIR/log; kill $pid; done
rm DIR/pids
`
)

// insert is a row that somebody else writes, and that does not wait for long.
const insert = "SET STATEMENT lock_wait_timeout = 1 FOR INSERT INTO test.leave_rows VALUES (1)"

// TestPairHoldsItsLockInTheBackground: a client that the prescript has left in the background
// holds the lock until the post-script ends it, also while nobody of starhost is its parent.
func TestPairHoldsItsLockInTheBackground(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir})
	db := server.DB(t)
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS test", "CREATE TABLE test.leave_rows (id INT)"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	pair := func(t *testing.T) *leavingPair {
		return newLeavingPair(t, strings.ReplaceAll(lockingPre, "SOCKET", server.Socket), unlockingPost, "")
	}
	goesOn := func(t *testing.T, p *leavingPair) {
		t.Helper()
		if got := p.text("log"); got != "pre, alive, alive" {
			t.Errorf("log %s, want both alive in the post-script", got)
		}
		eventually(t, 5*time.Second, "others write", func() bool { _, err := db.Exec(insert); return err == nil })
	}
	t.Run("pre and post", func(t *testing.T) {
		p := pair(t)
		p.run("pre").want(t, run.ExitDone)
		if _, err := db.Exec(insert); err == nil {
			t.Error("after pre others can write")
		}
		p.run("post").want(t, run.ExitDone)
		goesOn(t, p)
	})
	t.Run("run", func(t *testing.T) {
		p := pair(t)
		p.run("run", "--", "sh", "-c", fmt.Sprintf("! mariadb --no-defaults -u root -S %s -e '%s'", server.Socket, insert)).want(t, run.ExitDone)
		goesOn(t, p)
	})
	t.Run("the supervisor is killed", func(t *testing.T) {
		p := pair(t)
		p.run("pre").want(t, run.ExitDone)
		for _, pid := range p.supervisors() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		eventually(t, 10*time.Second, "the watchdog runs the post-script", func() bool { return p.text("log") == "pre, alive, alive" })
		goesOn(t, p)
		p.run("post") // takes the report
	})
}

// beats leaves a daemon that writes more than a pipe holds for each beat, and counts them.
const beats = `setsid sh -c 'n=0; while :; do head -c 70000 /dev/zero; head -c 70000 /dev/zero >&2; n=$((n+1)); echo $n > DIR/beat.new; mv DIR/beat.new DIR/beat; sleep 0.02; : MARK; done' &
echo $! >> DIR/pids
`

// TestPairLeavesADaemon: what the post-script starts runs, and writes, when all of starhost
// has ended.
func TestPairLeavesADaemon(t *testing.T) {
	for name, ways := range map[string][][]string{
		"run":          {{"run", "--", "true"}},
		"pre and post": {{"pre"}, {"post"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newLeavingPair(t, "echo pre >> DIR/log\n", beats+"echo post >> DIR/log\n", "")
			for _, args := range ways {
				if got := p.run(args...).want(t, run.ExitDone); got.took > 10*time.Second {
					t.Errorf("%v took %v", args, got.took)
				}
			}
			eventually(t, 5*time.Second, "all of starhost has ended", func() bool { return len(p.supervisors()) == 0 })
			before, _ := strconv.Atoi(p.text("beat"))
			eventually(t, 10*time.Second, "the daemon beats", func() bool {
				now, err := strconv.Atoi(p.text("beat"))
				return err == nil && now > before+5
			})
			if got := p.text("log"); got != "pre, post" {
				t.Errorf("log %s", got)
			}
		})
	}
}

// TestPairThatFailsLeavesNothing: whatever a prescript has left is killed before the
// post-script runs, unless it ended with 0.
func TestPairThatFailsLeavesNothing(t *testing.T) {
	const post = "for pid in $(cat DIR/pids); do kill -0 $pid && echo alive >> DIR/log; done; echo post >> DIR/log\n"
	const child = "setsid sleep MARK & echo $! >> DIR/pids\n"
	for _, tt := range []struct{ name, end, more string }{
		{"exit status 1", "exit 1\n", ""},
		{"killed", "kill -KILL $$\n", ""},
		{"time is over", "sleep MARK\n", "prescript_timeout = 1\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newLeavingPair(t, child+tt.end, post, tt.more)
			p.run("run", "--", "true").want(t, run.ExitDone) // the crash that is required
			if got := p.text("log"); got != "post" {
				t.Errorf("log %s, want the post-script alone", got)
			}
			if left := survivors(t, p.mark); left != nil {
				t.Errorf("still there: %q", left)
			}
		})
	}
	t.Run("supervisor killed", func(t *testing.T) {
		p := newLeavingPair(t, child+"echo pre >> DIR/log; sleep MARK\n", "echo post >> DIR/log\n", "")
		cmd := p.process("run", "--", "true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "the prescript runs", func() bool { return p.text("log") == "pre" })
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		eventually(t, 10*time.Second, "everything is killed", func() bool { return survivors(t, p.mark) == nil })
		eventually(t, 10*time.Second, "the watchdog runs the post-script", func() bool { return p.text("log") == "pre, post" })
		eventually(t, 10*time.Second, "the watchdog ends", func() bool { return p.run("recover").exit == run.ExitNothing })
	})
}
