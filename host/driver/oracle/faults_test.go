package oracle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/internal/tns"
	"github.com/starhost/starhost/scripttest/worlds"
)

const (
	begin = "ALTER DATABASE BEGIN BACKUP"
	// promised is how long Do may take after its context has ended, with much room for a busy
	// machine.
	promised = 750*time.Millisecond + 2*time.Second
)

// steady is a toy that knows BEGIN BACKUP, and what the server answers to it.
func steady(a worlds.Answer) *toy {
	w := newToy()
	w.answers = map[string]worlds.Answer{begin: a}
	return w
}

// TestOnce has the connection fail at every point of a statement: it is never made again.
func TestOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   tns.Fault
		answer  worlds.Answer
		kind    action.Kind
		applied int // how often the world made it
	}{
		"cut before it was made":          {fault: tns.Cut, kind: action.KindKilled},
		"cut before the answer":           {fault: tns.CutAfter, kind: action.KindKilled, applied: 1},
		"no answer, it was not made":      {fault: tns.Mute, kind: action.KindTimeout},
		"no answer, it was made":          {fault: tns.MuteAfter, kind: action.KindTimeout, applied: 1},
		"the instance is not available":   {answer: refused(1034, "ORA-01034: ORACLE not available"), kind: action.KindKilled, applied: 1},
		"the session was killed":          {answer: refused(28, "ORA-00028: your session has been killed"), kind: action.KindKilled, applied: 1},
		"the server is shutting down":     {answer: refused(1089, "ORA-01089: immediate shutdown in progress"), kind: action.KindKilled, applied: 1},
		"end of file on the way":          {answer: refused(3113, "ORA-03113: end-of-file on communication channel"), kind: action.KindKilled, applied: 1},
		"it never comes back, but breaks": {answer: worlds.Answer{Waits: true}, kind: action.KindTimeout, applied: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := steady(c.answer)
			l := listen(t, tns.Config{World: w})
			if c.fault != 0 {
				l.Plan(c.fault, begin)
			}
			session := open(t, connect(t, config(l)))
			before := len(l.Sessions())
			r := ended(t, l, session, c.kind == action.KindTimeout)
			breaks := c.answer.Waits
			if r.State != action.Unknown || r.Err == nil || r.Err.Kind != c.kind || r.Err.Lost == breaks {
				t.Errorf("state %s, fault %+v; want unknown, %s, lost %t", r.State, r.Err, c.kind, !breaks)
			}
			if n := l.Count(begin); n != 1 {
				t.Errorf("the server has seen it %d times", n)
			}
			made := 0
			l.With(func(worlds.Server) { made = w.made[begin] })
			if made != c.applied {
				t.Errorf("it was made %d times, want %d", made, c.applied)
			}
			if n := len(l.Sessions()); n > before {
				t.Errorf("there are %d sessions, there were %d", n, before)
			}
			if breaks {
				return
			}
			if r := session.Do(t.Context(), recall, nil); r.State != action.NotApplied || r.Err == nil || !r.Err.Lost {
				t.Errorf("the next statement: state %s, fault %+v", r.State, r.Err)
			}
		})
	}
}

// ended is the result of BEGIN BACKUP, whose context ends, if it is to, when the server has it.
func ended(t *testing.T, l *tns.Listener, session driver.Session, cancels bool) action.Result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reply := make(chan action.Result, 1)
	go func() { reply <- session.Do(ctx, begin, nil) }()
	if !soon(func() bool { return l.Count(begin) > 0 }) {
		t.Fatal("the statement does not arrive")
	}
	from := time.Now()
	if cancels {
		cancel()
	}
	r := <-reply
	if took := time.Since(from); took > promised {
		t.Errorf("Do returned after %s", took)
	}
	return r
}

// TestStates has the server's errors sorted by what they certify.
func TestStates(t *testing.T) {
	t.Parallel()
	w := newToy()
	w.answers = map[string]worlds.Answer{}
	l := listen(t, tns.Config{World: w})
	session := open(t, connect(t, config(l)))
	const plsql = "BEGIN x; END;"
	for _, c := range []struct {
		query, text string
		code        int64
		state       action.State
	}{
		{begin, "ORA-01123: cannot start online backup; media recovery not enabled", 1123, action.NotApplied},
		{begin, "ORA-01146: cannot start online backup - file 1 is already in backup", 1146, action.NotApplied},
		{"ALTER DATABASE END BACKUP", "ORA-01142: cannot end online backup - none of the files are in backup", 1142, action.NotApplied},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-00258: manual archiving in NOARCHIVELOG mode must identify log", 258, action.NotApplied},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-00257: archiver error", 257, action.Unknown},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-01013: user requested cancel of current operation", 1013, action.Unknown},
		{"ALTER SYSTEM SWITCH LOGFILE", "ORA-01031: insufficient privileges", 1031, action.NotApplied},
		{"ALTER SYSTEM SUSPEND", "ORA-00600: internal error code, arguments: [x]", 600, action.Unknown},
		{"SELECT x FROM nowhere", "ORA-00942: table or view does not exist", 942, action.NotApplied},
		{plsql, "ORA-06550: line 1, column 7:\nPLS-00201: identifier 'X' must be declared", 6550, action.NotApplied},
		{plsql, "ORA-06550: line 1, column 7:\nPLS-00201: …\nORA-06512: at line 1", 6550, action.Unknown},
		{plsql, "ORA-00942: table or view does not exist", 942, action.Unknown},
		{"/* a */ -- b\n" + plsql, "ORA-00942: table or view does not exist", 942, action.Unknown},
	} {
		query := c.query[strings.LastIndex(c.query, "\n")+1:] // what is sent
		l.With(func(worlds.Server) { w.answers[query] = refused(c.code, c.text) })
		r := session.Do(t.Context(), c.query, nil)
		if r.State != c.state || r.Err == nil || r.Err.Kind != action.KindRefused || r.Err.Lost {
			t.Errorf("%s: %s: state %s, fault %+v; want %s", c.query, c.text, r.State, r.Err, c.state)
			continue
		}
		if code, _ := r.Err.Code.AsInt(); code != c.code || r.Err.Message != strings.ReplaceAll(c.text, "\n", "; ") {
			t.Errorf("%s: code %s, message %q", c.query, r.Err.Code, r.Err.Message)
		}
	}
}

// TestTooManyRows has no more rows fetched than are too many.
func TestTooManyRows(t *testing.T) {
	t.Parallel()
	l := listen(t, tns.Config{})
	session := open(t, connect(t, config(l)))
	r := session.Do(t.Context(), numbers(4*driver.MaxRows), nil)
	if r.State != action.Applied || r.Err == nil || r.Err.Kind != action.KindScript {
		t.Errorf("state %s, fault %+v", r.State, r.Err)
	}
	if n := l.Rows(); n > driver.MaxRows+1000 {
		t.Errorf("%d rows were fetched", n)
	}
}

// TestListenerGone leaves the sessions, and opens no more.
func TestListenerGone(t *testing.T) {
	t.Parallel()
	l := listen(t, tns.Config{})
	server := connect(t, config(l))
	session := open(t, server)
	l.Gone()
	if r := session.Do(t.Context(), recall, nil); r.Err != nil {
		t.Errorf("a session without a listener: %v", r.Err)
	}
	if _, err := server.Open(t.Context(), "late"); err == nil {
		t.Error("a session was opened without a listener")
	}
}

// TestKilledAtNextCall is KILL SESSION, which leaves the socket open until then.
func TestKilledAtNextCall(t *testing.T) {
	t.Parallel()
	l := listen(t, tns.Config{})
	server := connect(t, config(l))
	session, other := open(t, server), open(t, server)
	if r := other.Do(t.Context(), "ALTER SYSTEM KILL SESSION '"+session.ID()+"' IMMEDIATE", nil); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := session.Do(t.Context(), begin, nil); r.State != action.Unknown || r.Err == nil || !r.Err.Lost {
		t.Errorf("state %s, fault %+v", r.State, r.Err)
	}
	if err := server.End(t.Context(), session.ID()); !errors.Is(err, driver.ErrGone) {
		t.Errorf("End: %v", err)
	}
}
