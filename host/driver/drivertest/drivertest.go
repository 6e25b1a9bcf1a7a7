// Package drivertest is the conformance suite of the database drivers: each MUST of
// [driver.Server] and [driver.Session] as a test against a real server.
//
// A driver's own test calls Run with a Subject, which says in the database's words
// what the suite needs: a statement that blocks, a lock, somebody who looks at the
// server from outside the driver. What a database does not have is left out, and
// with it the tests that need it.
package drivertest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// A Process is a server that the suite may stop, kill and start again.
type Process interface {
	Pause(t testing.TB)  // SIGSTOP
	Resume(t testing.TB) // SIGCONT
	Kill(t testing.TB)   // SIGKILL
	Start(t testing.TB)  // and wait until it is ready
}

// A ValueCase is a query of one row with one column v, and what a script is to see.
type ValueCase struct {
	Query string
	Want  action.Value
}

// A Subject is a driver with a server to try it on.
type Subject struct {
	Connect func(context.Context, driver.Config) (driver.Server, error)
	Config  driver.Config

	Block  string           // does not come back for 30 s
	Remark string           // has no rows; sets a state of the session to 7
	Recall string           // returns that state, or anything else, as an int v
	Rows   func(int) string // that many rows of a column n
	Wide   string           // few rows that are larger than driver.MaxBytes together
	Echo   string           // returns its one parameter as the text v
	Twice  string           // two columns of one name
	Multi  string           // two statements, the second of which would be Remark
	Values []ValueCase      // types

	Create string   // makes a table "held (n int)" with one row 0
	Lock   []string // lock it against writing for as long as the session lasts
	Write  string   // a change that waits for the lock; "" if changes do not wait
	Unlock string   // gives the lock back

	SyntaxCode action.Value // of a syntax error
	SyntaxMark string       // what its message begins with; empty is the code

	EmptyIsNone bool // the database has no empty texts: they are NULL

	// Optional. Running reports, from outside, whether the server has that
	// session; statement says whether it is to be making a statement too.
	Running func(t testing.TB, id string, statement bool) bool
	Kill    func(t testing.TB, id string) // ends a session from outside
	Process Process
	Users   bool // a wrong password is refused; Config.User must have one
}

// Run runs the suite.
func Run(t *testing.T, s Subject) {
	for _, test := range []struct {
		name  string
		needs bool
		run   func(*testing.T, Subject)
	}{
		{"identity", true, testIdentity},
		{"sessions are pinned and independent", true, testPinned},
		{"values", true, testValues},
		{"results", true, testResults},
		{"bounds", true, testBounds},
		{"refusals", true, testRefusals},
		{"parameters", true, testParameters},
		{"one statement at a time", true, testSerial},
		{"timeout", true, testTimeout},
		{"timeout, then at once the next statement", true, testTimeoutStorm},
		{"timeout while waiting for a lock", s.Write != "" && s.Running != nil, testLock},
		{"time was over before", true, testTooLate},
		{"close", true, testClose},
		{"end", true, testEnd},
		{"adopt", s.Running != nil, testAdopt},
		{"killed from outside", s.Kill != nil, testKilled},
		{"secrets", s.Users, testSecrets},
		{"server stopped", s.Process != nil, testStopped},
		{"server killed", s.Process != nil, testServerKilled},
	} {
		if test.needs {
			t.Run(test.name, func(t *testing.T) {
				noLeak(t)
				test.run(t, s)
			})
		}
	}
}

// Time limits: what the interface promises, and what the suite grants a busy
// machine beyond it.
const (
	promised = 750 * time.Millisecond
	closing  = 250 * time.Millisecond
	slack    = 250 * time.Millisecond
	noticed  = time.Second
)

// noLeak fails the test if it leaves goroutines behind, after all its cleanups.
func noLeak(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !eventually(noticed, func() bool { return runtime.NumGoroutine() <= before }) {
			stacks := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(),
				stacks[:runtime.Stack(stacks, true)])
		}
	})
}

// connect connects. When the test ends the server is closed, in time.
func connect(t *testing.T, s Subject) driver.Server {
	t.Helper()
	server, err := s.Connect(t.Context(), s.Config)
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	t.Cleanup(func() {
		within(t, closing+slack, "Close", func() {
			if err := server.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	})
	return server
}

func open(t *testing.T, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(t.Context(), "main")
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return session
}

// do makes a statement that has to work.
func do(t *testing.T, session driver.Session, query string, params ...action.Value) *action.Rows {
	t.Helper()
	r := session.Do(t.Context(), query, params)
	if r.Err != nil || r.State != action.Applied {
		t.Fatalf("%s: state %s, error %v", query, r.State, r.Err)
	}
	return r.Rows
}

// one returns the only value of a result.
func one(t *testing.T, rows *action.Rows) action.Value {
	t.Helper()
	if rows == nil || len(rows.Rows) != 1 || len(rows.Rows[0]) != 1 {
		t.Fatalf("got %+v, want one row with one value", rows)
	}
	return rows.Rows[0][0]
}

func lost(session driver.Session) bool {
	select {
	case <-session.Lost():
		return true
	default:
		return false
	}
}

// waitLost fails unless the session is lost soon, without being asked.
func waitLost(t *testing.T, session driver.Session) {
	t.Helper()
	if runtime.GOOS != "linux" {
		session.Do(t.Context(), "SELECT 1", nil)
	}
	select {
	case <-session.Lost():
	case <-time.After(noticed):
		t.Errorf("the session was not noticed to be lost after %s", noticed)
	}
}

// within fails if f takes longer than limit.
func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > limit {
		t.Errorf("%s took %s, at most %s are allowed", what, took, limit)
	}
}

// eventually polls until ok or limit.
func eventually(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// inFlight starts a statement and waits until the server has it; its result is
// delivered. Cancel ends its context.
func inFlight(t *testing.T, s Subject, session driver.Session, query string) (reply <-chan action.Result, cancel func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out := make(chan action.Result, 1)
	go func() { out <- session.Do(ctx, query, nil) }()
	if s.Running == nil {
		// Nobody can tell that it has begun, but it does so in this process.
		<-time.After(50 * time.Millisecond)
		return out, cancel
	}
	if !eventually(5*time.Second, func() bool { return s.Running(t, session.ID(), true) }) {
		t.Fatalf("the server does not run %s", query)
	}
	return out, cancel
}

// receive returns the result of inFlight, which has to come before limit.
func receive(t *testing.T, reply <-chan action.Result, limit time.Duration) action.Result {
	t.Helper()
	begin := time.Now()
	select {
	case r := <-reply:
		if took := time.Since(begin); took > limit {
			t.Errorf("Do returned after %s, at most %s are allowed", took, limit)
		}
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("Do does not return")
		return action.Result{}
	}
}

// check compares what became of a statement.
func check(t *testing.T, r action.Result, state action.State, kind action.Kind, isLost bool) {
	t.Helper()
	switch {
	case r.State != state:
		t.Errorf("state %s, want %s (error %v)", r.State, state, r.Err)
	case r.Err == nil:
		t.Errorf("no error, want one of kind %s", kind)
	case r.Err.Kind != kind || r.Err.Lost != isLost:
		t.Errorf("error %q: kind %s, lost %v; want kind %s, lost %v", r.Err, r.Err.Kind, r.Err.Lost, kind, isLost)
	}
}
