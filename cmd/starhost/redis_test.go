//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
)

// redisObserver looks at a Redis server and its filesystem from outside.
type redisObserver struct {
	t      testing.TB
	server *testdb.Server
	fs     *testfs.FS
}

func observeRedis(t testing.TB) *redisObserver {
	t.Helper()
	fs := testfs.New(t, "ext4", 200)
	return &redisObserver{t, testdb.Redis(t, testdb.Options{Dir: fs.Dir, Args: []string{"--appendonly", "yes", "--requirepass", password}}), fs}
}

// free fails the test unless somebody can write.
func (o *redisObserver) free(what string) {
	o.t.Helper()
	conn := o.server.Redis(o.t, password)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(deadline()))
	if _, err := conn.Do("SET", "probe", what); err != nil {
		o.t.Errorf("%s: Redis: a write: %v", what, err)
	}
}

func (o *redisObserver) nothingHeld(what string) {
	o.t.Helper()
	if err := testfs.CanWrite(o.t, o.fs.Dir, deadline()); err != nil {
		o.t.Errorf("%s: %v", what, err)
	}
	o.free(what)
	if o.t.Failed() {
		o.t.FailNow()
	}
}

// Whoever dies or is stopped while a Redis is held, or is about to be, at every other
// record of the journal: soon after writers do not wait.
func TestKillRedis(t *testing.T) {
	t.Parallel()
	o := observeRedis(t)
	m := &matrix{command: newCommand(t, redisConfig(o.server, "")), workloads: []string{"orders"}, mounts: []string{o.fs.Dir}, free: []func(string){o.free}, rows: map[string]*row{}}
	defer m.print()
	m.undisturbed()
	all := deaths()
	from := slices.IndexFunc(m.records, func(r journal.Record) bool { return r.Action != nil && r.Action.Hold == "pause" })
	if from < 0 {
		t.Fatal("the run has no pause")
	}
	_, every := os.LookupEnv(tortureEnv)
	for i, r := range m.records[from:] {
		if !every && i%2 == 1 {
			continue // the others are as near as it takes: each death comes once
		}
		death := all[i/2%len(all)]
		held, struck := m.die(fmt.Sprint(r.N), death[0], death[1])
		m.note("at a record", death, held, struck)
	}
}

// Every kind of fault when writes are paused, and one at each action from then on: soon
// after writers do not wait, and the report says what happened.
func TestFaultsOfRedis(t *testing.T) {
	t.Parallel()
	o := observeRedis(t)
	f := &faults{command: newCommand(t, redisConfig(o.server, "")), observer: o}
	f.clean = f.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	actions := slices.DeleteFunc(slices.Clone(f.clean.Members[0].Actions), func(a run.ActionReport) bool { return a.State == "" })
	pause := slices.IndexFunc(actions, func(a run.ActionReport) bool { return a.Hold == "pause" })
	for n := pause; n < len(actions); n++ {
		for i, kind := range faultKinds {
			if n > pause && (kind == "timeout" || i != n%len(faultKinds)) {
				continue // a program that runs out of its time is an answer to the script
			}
			f.at(n+1, kind)
		}
	}
}
