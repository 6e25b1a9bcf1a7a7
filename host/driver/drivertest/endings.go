package drivertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// idle fails unless the server soon has nothing of the session's to do.
func idle(t *testing.T, s Subject, id string) {
	t.Helper()
	if s.Running != nil && !eventually(noticed, func() bool { return !s.Running(t, id, true) }) {
		t.Error("the statement is still at the server")
	}
}

// absent fails unless the server soon does not have the session.
func absent(t *testing.T, s Subject, id string) {
	t.Helper()
	if s.Running != nil && !eventually(noticed, func() bool { return !s.Running(t, id, false) }) {
		t.Error("the session is still at the server")
	}
}

func testTimeout(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	do(t, session, s.Remark)
	for range 2 {
		reply, cancel := inFlight(t, s, session, s.Block)
		cancel()
		check(t, receive(t, reply, promised), action.Unknown, action.KindTimeout, false)
		idle(t, s, session.ID())
		if got, _ := one(t, do(t, session, s.Recall)).AsInt(); got != 7 || lost(session) {
			t.Errorf("after the timeout the session has state %d, lost %v", got, lost(session))
		}
	}
}

// testTimeoutStorm has contexts end at all stages of a statement: no interruption
// may hit the statement after it. On a busy machine one may not be confirmed in time, and
// then the session is ended; that is allowed, but not often.
func testTimeoutStorm(t *testing.T, s Subject) {
	server := connect(t, s)
	session := open(t, server)
	ended := 0
	for i := range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%12)*100*time.Microsecond)
		r := session.Do(ctx, s.Rows(1000), nil)
		cancel()
		if r.Err != nil && r.Err.Kind != action.KindTimeout {
			t.Fatalf("attempt %d: %+v", i, r.Err)
		}
		if r.Err != nil && r.Err.Lost {
			if ended++; ended > 3 {
				t.Fatalf("attempt %d: the session was ended for the %dth time: %+v", i, ended, r.Err)
			}
			session = open(t, server)
		}
		do(t, session, s.Recall)
	}
}

func testLock(t *testing.T, s Subject) {
	server := connect(t, s)
	holder, waiter := open(t, server), open(t, server)
	do(t, holder, s.Create)
	for _, query := range s.Lock {
		do(t, holder, query)
	}
	reply, cancel := inFlight(t, s, waiter, s.Write)
	cancel()
	check(t, receive(t, reply, promised), action.Unknown, action.KindTimeout, false)
	idle(t, s, waiter.ID())
	do(t, holder, s.Unlock)
	do(t, waiter, s.Write)
}

func testTooLate(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check(t, session.Do(ctx, s.Remark, nil), action.NotApplied, action.KindTimeout, false)
	if got, _ := one(t, do(t, session, s.Recall)).AsInt(); got == 7 {
		t.Error("a statement was made after its time")
	}
}

func testClose(t *testing.T, s Subject) {
	server := connect(t, s)
	quiet, busy, left := open(t, server), open(t, server), open(t, server)
	within(t, closing+slack, "closing an idle session", func() { _ = quiet.Close() })
	reply, _ := inFlight(t, s, busy, s.Block)
	within(t, closing+slack, "closing a busy session", func() { _ = busy.Close() })
	r := receive(t, reply, promised)
	if r.State != action.Unknown || r.Err == nil || !r.Err.Lost {
		t.Errorf("the statement in flight: state %s, error %v", r.State, r.Err)
	}
	for _, session := range []driver.Session{quiet, busy} {
		absent(t, s, session.ID())
		if !lost(session) {
			t.Error("a closed session is not lost")
		}
		check(t, session.Do(t.Context(), s.Recall, nil), action.NotApplied, action.KindKilled, true)
		if err := session.Close(); err != nil {
			t.Errorf("closing again: %v", err)
		}
	}
	reply, _ = inFlight(t, s, left, s.Block)
	within(t, closing+slack, "Close of the server", func() { _ = server.Close() })
	receive(t, reply, promised)
	absent(t, s, left.ID())
	if _, err := server.Open(t.Context(), "late"); err == nil {
		t.Error("a session was opened after Close")
	}
}

func testEnd(t *testing.T, s Subject) {
	server := connect(t, s)
	quiet, busy := open(t, server), open(t, server)
	reply, _ := inFlight(t, s, busy, s.Block)
	for _, session := range []driver.Session{quiet, busy} {
		if err := server.End(t.Context(), session.ID()); err != nil {
			t.Fatalf("End: %v", err)
		}
		if s.Running != nil && s.Running(t, session.ID(), false) {
			t.Error("End returned while the server still had the session")
		}
		waitLost(t, session)
		if err := server.End(t.Context(), session.ID()); !errors.Is(err, driver.ErrGone) {
			t.Errorf("ending it again: got %v, want %v", err, driver.ErrGone)
		}
	}
	if r := receive(t, reply, promised); r.State != action.Unknown || r.Err == nil {
		t.Errorf("the statement in flight: state %s, error %v", r.State, r.Err)
	}
	if err := server.End(t.Context(), "1"); err == nil || errors.Is(err, driver.ErrGone) {
		t.Errorf("the session of a stranger: got %v, want a refusal", err)
	}
	do(t, open(t, server), s.Recall)
}

func testAdopt(t *testing.T, s Subject) {
	dead, heir := connect(t, s), connect(t, s)
	session := open(t, dead)
	if err := heir.End(t.Context(), session.ID()); err == nil || errors.Is(err, driver.ErrGone) {
		t.Errorf("ended a session that was not adopted: %v", err)
	}
	other := dead.Identity()
	other.Started = other.Started.Add(-time.Minute)
	if err := heir.Adopt(other, session.ID()); !errors.Is(err, driver.ErrGone) {
		t.Errorf("adopting from another life: got %v, want %v", err, driver.ErrGone)
	}
	if err := heir.Adopt(dead.Identity(), session.ID(), "no id"); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	if err := heir.End(t.Context(), "no id"); err == nil || errors.Is(err, driver.ErrGone) {
		t.Errorf("an id that is none: %v", err)
	}
	if err := heir.End(t.Context(), session.ID()); err != nil {
		t.Errorf("End: %v", err)
	}
	waitLost(t, session)
}

func testKilled(t *testing.T, s Subject) {
	server := connect(t, s)
	quiet, busy := open(t, server), open(t, server)
	s.Kill(t, quiet.ID())
	waitLost(t, quiet)
	check(t, quiet.Do(t.Context(), s.Remark, nil), action.NotApplied, action.KindKilled, true)
	reply, _ := inFlight(t, s, busy, s.Block)
	s.Kill(t, busy.ID())
	if r := receive(t, reply, 5*time.Second); r.State != action.Unknown || r.Err == nil {
		t.Errorf("the statement in flight: state %s, error %v", r.State, r.Err)
	}
	waitLost(t, busy)
}

func testStopped(t *testing.T, s Subject) {
	server := connect(t, s)
	busy, quiet := open(t, server), open(t, server)
	reply, cancel := inFlight(t, s, busy, s.Block)
	s.Process.Pause(t)
	resume := func() { s.Process.Resume(t) }
	t.Cleanup(resume) // before Close, which has been shown not to need it
	cancel()
	check(t, receive(t, reply, promised), action.Unknown, action.KindTimeout, true)
	if !lost(busy) {
		t.Error("the session is not lost")
	}
	if lost(quiet) {
		t.Error("an idle session of a stopped server is lost, but nobody can know")
	}
	ctx := sentToStopped(t, s, quiet)
	within(t, promised, "End on a stopped server", func() {
		if err := server.End(ctx, busy.ID()); err == nil || errors.Is(err, driver.ErrGone) {
			t.Errorf("End: got %v, want an error that leaves it open", err)
		}
	})
	fresh := connect2(t, s, 100*time.Millisecond)
	if fresh == nil {
		t.Error("connected to a stopped server")
	}
	resume()
	for _, session := range []driver.Session{busy, quiet} {
		absent(t, s, session.ID())
	}
	// The emergency session has caught up.
	again := open(t, server)
	reply, cancel = inFlight(t, s, again, s.Block)
	cancel()
	check(t, receive(t, reply, promised), action.Unknown, action.KindTimeout, false)
	s.Process.Pause(t)
	within(t, closing+slack, "Close with a stopped server", func() { _ = server.Close() })
}

// sentToStopped makes a statement that a stopped server never answers, and returns the
// context that has ended with it. On a busy machine its time can be over before anything
// was sent; that is certified, and then it gets more time.
func sentToStopped(t *testing.T, s Subject, session driver.Session) context.Context {
	t.Helper()
	for limit := 300 * time.Millisecond; ; limit *= 2 {
		ctx, stop := context.WithTimeout(t.Context(), limit)
		defer stop()
		var r action.Result
		within(t, limit+promised+slack, "Do on a stopped server", func() { r = session.Do(ctx, s.Recall, nil) })
		if r.State != action.NotApplied || limit > 5*time.Second {
			check(t, r, action.Unknown, action.KindTimeout, true)
			return ctx
		}
	}
}

// connect2 returns the error of connecting with a short time limit.
func connect2(t *testing.T, s Subject, limit time.Duration) error {
	t.Helper()
	s.Config.ConnectTimeout = limit
	var err error
	within(t, limit+slack, "Connect", func() {
		var server driver.Server
		if server, err = s.Connect(t.Context(), s.Config); err == nil {
			_ = server.Close()
		}
	})
	return err
}

func testServerKilled(t *testing.T, s Subject) {
	server := connect(t, s)
	quiet, busy := open(t, server), open(t, server)
	reply, _ := inFlight(t, s, busy, s.Block)
	s.Process.Kill(t)
	r := receive(t, reply, 5*time.Second)
	check(t, r, action.Unknown, action.KindKilled, true)
	waitLost(t, quiet)
	waitLost(t, busy)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := server.End(ctx, busy.ID()); err == nil || errors.Is(err, driver.ErrGone) {
		t.Errorf("End while the server is down: got %v, want an error that leaves it open", err)
	}
	// Another life begins late enough to be told apart.
	begun := server.Identity().Started.Add(driver.StartTolerance + time.Second)
	if wait := time.Until(begun); wait > 0 {
		<-time.After(wait)
	}
	s.Process.Start(t)
	if err := server.End(t.Context(), busy.ID()); !errors.Is(err, driver.ErrGone) {
		t.Errorf("End in the next life of the server: got %v, want %v", err, driver.ErrGone)
	}
	if _, err := server.Open(t.Context(), "later"); !errors.Is(err, driver.ErrGone) {
		t.Errorf("Open in the next life of the server: got %v, want %v", err, driver.ErrGone)
	}
}
