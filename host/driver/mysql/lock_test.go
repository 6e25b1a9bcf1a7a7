package mysql_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/internal/testdb"
)

// TestQueuedGlobalLock is what the driver is for: FLUSH TABLES WITH READ LOCK
// behind a long write, given up in time, is gone from the server and blocks nobody.
func TestQueuedGlobalLock(t *testing.T) {
	s, o := serve(t)
	server := connect(t, s)
	slow, locker, writer := openOn(t, server), openOn(t, server), openOn(t, server)
	do(t, writer, "CREATE TABLE work AS SELECT seq AS n FROM seq_1_to_3")
	do(t, writer, "CREATE TABLE other (n int)")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	updated := inFlight(ctx, slow, "UPDATE work SET n = n + SLEEP(10)")
	await(t, "the update runs", func() bool { return o.running(t, slow.ID(), true) })

	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	locked := inFlight(ctx, locker, "FLUSH TABLES WITH READ LOCK")
	const queued = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'FLUSH%'"
	await(t, "the lock is waited for", func() bool { return o.count(t, queued+" AND state LIKE 'Waiting%'") == 1 })
	giveUp()
	if r := <-locked; r.State != action.Unknown || r.Err == nil || r.Err.Kind != action.KindTimeout || r.Err.Lost {
		t.Errorf("the lock: %s %+v", r.State, r.Err)
	}
	await(t, "nothing waits for the lock", func() bool { return o.count(t, queued) == 0 })
	begin := time.Now()
	do(t, writer, "INSERT INTO other VALUES (1)")
	if took := time.Since(begin); took > time.Second {
		t.Errorf("a writer was blocked for %s", took)
	}
	stop()
	if r := <-updated; r.Err == nil {
		t.Error("the update was not interrupted")
	}
	// The session that gave up can have the lock now, and give it back.
	do(t, locker, "FLUSH TABLES WITH READ LOCK")
	if r := locker.Do(t.Context(), "CREATE DATABASE IF NOT EXISTS app", nil); r.State != action.NotApplied || !r.Err.Code.Equal(action.Int(1223)) {
		t.Errorf("a change under the lock: %s %v, want 1223", r.State, r.Err)
	}
	do(t, locker, "UNLOCK TABLES")
}

// TestEndReleasesLock has a lock given back by the end of its session alone.
func TestEndReleasesLock(t *testing.T) {
	s, _ := serve(t)
	server := connect(t, s)
	locker, writer := openOn(t, server), openOn(t, server)
	do(t, writer, "CREATE TABLE t (n int)")
	do(t, locker, "FLUSH TABLES WITH READ LOCK")
	if err := server.End(t.Context(), locker.ID()); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	do(t, writer, "INSERT INTO t VALUES (1)")
	if took := time.Since(begin); took > 500*time.Millisecond {
		t.Errorf("the lock lasted %s longer than its session", took)
	}
}

// TestEmergencySessionKilled has an administrator end the emergency session.
func TestEmergencySessionKilled(t *testing.T) {
	s, o := serve(t)
	server := connect(t, s)
	session := openOn(t, server)
	id := o.count(t, "SELECT id FROM information_schema.processlist WHERE user = 'keeper' AND id <> ?", session.ID())
	o.exec(t, "KILL "+strconv.Itoa(id))
	await(t, "it is gone", func() bool { return !o.running(t, strconv.Itoa(id), false) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	r := session.Do(ctx, "SELECT SLEEP(30)", nil)
	if r.Err == nil || r.Err.Kind != action.KindTimeout || r.Err.Lost {
		t.Errorf("timeout without the emergency session: %+v, want that another one was opened", r.Err)
	}
	if err := server.End(t.Context(), session.ID()); err != nil {
		t.Errorf("End: %v", err)
	}
}

func inFlight(ctx context.Context, session driver.Session, query string) <-chan action.Result {
	out := make(chan action.Result, 1)
	go func() { out <- session.Do(ctx, query, nil) }()
	return out
}

// TestGivenUpLockIsKept is why a lock wait timeout of a flush certifies nothing: MySQL
// keeps the read lock when it has given up waiting for tables.
func TestGivenUpLockIsKept(t *testing.T) {
	s := testdb.MySQL56(t, testdb.Options{})
	o := look(t, s)
	o.exec(t, "CREATE DATABASE app")
	o.exec(t, "CREATE USER keeper@localhost IDENTIFIED BY '"+`it\'s a "secret"\\`+"'")
	o.exec(t, "GRANT ALL ON *.* TO keeper@localhost")
	server := connect(t, s)
	slow, locker := openOn(t, server), openOn(t, server)
	do(t, locker, "CREATE TABLE work (n int)")
	do(t, locker, "INSERT INTO work VALUES (1)")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read := inFlight(ctx, slow, "SELECT SLEEP(30) FROM work")
	await(t, "the read runs", func() bool { return o.running(t, slow.ID(), true) })

	do(t, locker, "SET SESSION lock_wait_timeout = 1")
	r := locker.Do(t.Context(), "FLUSH TABLES WITH READ LOCK", nil)
	if r.State != action.Unknown || r.Err == nil || !r.Err.Code.Equal(action.Int(1205)) {
		t.Errorf("the lock: %s %v, want that nobody knows", r.State, r.Err)
	}
	if r := locker.Do(t.Context(), "CREATE DATABASE IF NOT EXISTS app", nil); r.Err == nil || !r.Err.Code.Equal(action.Int(1223)) {
		t.Errorf("the lock was not kept: %v", r.Err)
	}
	do(t, locker, "UNLOCK TABLES")
	do(t, locker, "CREATE DATABASE IF NOT EXISTS app")
	stop()
	<-read
}
