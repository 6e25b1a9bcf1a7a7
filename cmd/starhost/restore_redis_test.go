//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// redisConfig is a workload of redis.star on a server with the password of the tests.
func redisConfig(server *testdb.Server, settings string) string {
	return fmt.Sprintf("[workload \"orders\"]\nworkload_name = redis\nsecret.redis = PASSWORD_FILE\n[settings \"orders\"]\nsocket = %s\nsecret = redis\n%s", server.Socket, settings)
}

// redisWriter counts up a list in the server until stop is called. What a client waits
// for while writes are paused was not acknowledged.
func redisWriter(t *testing.T, server *testdb.Server) (a *acks, stop func()) {
	t.Helper()
	conn := server.Redis(t, password)
	a = &acks{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pace := time.NewTicker(500 * time.Microsecond) // it leaves the processors to others
		defer pace.Stop()
		for id := 1; ; id++ {
			<-pace.C
			if _, err := conn.Do("RPUSH", "commits", strconv.Itoa(id)); err != nil {
				return
			}
			a.add()
		}
	}()
	eventually(t, 20*time.Second, "the writer is busy", func() bool { return a.count() >= 300 })
	return a, func() {
		_ = conn.Close()
		<-done
	}
}

// A snapshot of the disk of a busy Redis has every write that was acknowledged before
// writes were paused, and none that was acknowledged after. That of a server that keeps dumps alone,
// whose writers go on, has what was acknowledged before the dump.
func TestRestoredRedis(t *testing.T) {
	for _, test := range []struct {
		name, settings string
		args           []string
		paused         bool
	}{
		{"aof", "", []string{"--appendonly", "yes"}, true},
		{"rdb", "", []string{"--save", "3600 1"}, false},
		{"rdb paused", "pause = on\n", []string{"--save", "3600 1"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fs := testfs.New(t, "ext4", 200)
			server := testdb.Redis(t, testdb.Options{Dir: fs.Dir, Args: append(test.args, "--requirepass", password)})
			a, stop := redisWriter(t, server)
			image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
			t.Cleanup(func() { _ = os.Remove(image) })
			c := newCommand(t, redisConfig(server, test.settings))
			asked := time.Now()
			got := c.run("run", "--json", "--", "cp", "--sparse=always", fs.Image, image).want(t, run.ExitDone)
			n := a.count()
			eventually(t, 10*time.Second, "the writer goes on", func() bool { return a.count() > n+20 })
			stop()
			if got.report.Verdict != run.Application {
				t.Errorf("verdict %q", got.report.Verdict)
			}
			from, to := snapshotTimes(t, c, got.report.Run)
			server.Stop(t)
			fs.Unmount(t)

			copied := testfs.MountCopy(t, image, "ext4")
			checkCarried(t, c, copied, got.report.Run)
			list := restoredList(t, copied, test.args)
			before, after := a.around(from, to)
			most := before
			if !test.paused {
				before, _ = a.around(asked, to) // the dump was made after that, and before the snapshot
			}
			t.Logf("%d in the copy, %d acknowledged before the snapshot, %d after", list, before, after)
			if list < before || list > most || after == 0 {
				t.Errorf("the copy has %d; %d were acknowledged before, %d after", list, before, after)
			}
		})
	}
}

// restoredList starts a server on a copy and returns how long the list is, which has
// every number up to that.
func restoredList(t *testing.T, dir string, args []string) int {
	t.Helper()
	conn := testdb.Redis(t, testdb.Options{Dir: dir, Args: args}).Redis(t, "")
	reply, err := conn.Do("LLEN", "commits")
	n, parse := strconv.Atoi(reply)
	if err != nil || parse != nil {
		t.Fatalf("LLEN: %q, %v", reply, err)
	}
	if last, err := conn.Do("LINDEX", "commits", "-1"); err != nil || last != reply {
		t.Errorf("the list has %d members, the last is %q (%v)", n, last, err)
	}
	return n
}
