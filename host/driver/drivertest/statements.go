package drivertest

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

func testIdentity(t *testing.T, s Subject) {
	id := connect(t, s).Identity()
	if id.Product == "" || id.Version == "" || id.Server == "" || id.Address == "" || !id.Local {
		t.Errorf("incomplete identity of a local server: %+v", id)
	}
	if s.Process != nil && (time.Since(id.Started) > time.Hour || time.Until(id.Started) > driver.StartTolerance) {
		t.Errorf("started %s, but it was just started", id.Started)
	}
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var recorded driver.Identity
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	if again := connect(t, s).Identity(); !again.SameLife(recorded) {
		t.Errorf("another connection finds %+v, the first one recorded %s", again, text)
	}
}

func testPinned(t *testing.T, s Subject) {
	server := connect(t, s)
	a, b := open(t, server), open(t, server)
	if a.ID() == b.ID() || a.ID() == "" {
		t.Errorf("two sessions with the ids %q and %q", a.ID(), b.ID())
	}
	do(t, a, s.Remark)
	for range 3 {
		if got, _ := one(t, do(t, a, s.Recall)).AsInt(); got != 7 {
			t.Errorf("the session has forgotten its state: %d", got)
		}
		if got, _ := one(t, do(t, b, s.Recall)).AsInt(); got == 7 {
			t.Error("the state of one session is seen in another one")
		}
	}
}

func testValues(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	for _, c := range s.Values {
		rows := do(t, session, c.Query)
		if got := one(t, rows); !got.Equal(c.Want) {
			t.Errorf("%s: got %s %s, want %s %s", c.Query, got.Kind(), got, c.Want.Kind(), c.Want)
		}
	}
}

func testResults(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	if rows := do(t, session, s.Remark); rows != nil && len(rows.Columns) > 0 {
		t.Errorf("%s: got rows %+v, want none", s.Remark, rows)
	}
	rows := do(t, session, s.Rows(0))
	if rows == nil || len(rows.Rows) != 0 || len(rows.Columns) != 1 || rows.Columns[0] != "n" {
		t.Errorf("empty result: got %+v, want a column n and no rows", rows)
	}
	if rows := do(t, session, s.Rows(3)); len(rows.Rows) != 3 {
		t.Errorf("got %d rows, want 3", len(rows.Rows))
	}
	r := session.Do(t.Context(), s.Twice, nil)
	check(t, r, action.Applied, action.KindScript, false)
	if r.Err != nil && !strings.Contains(r.Err.Message, "alias") {
		t.Errorf("%q does not say what to do", r.Err)
	}
	do(t, session, s.Recall)
}

func testBounds(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	if rows := do(t, session, s.Rows(driver.MaxRows)); len(rows.Rows) != driver.MaxRows {
		t.Errorf("got %d rows, want %d", len(rows.Rows), driver.MaxRows)
	}
	for _, query := range []string{s.Rows(driver.MaxRows + 1), s.Rows(1 << 30), s.Wide} {
		var r action.Result
		within(t, 5*time.Second, query, func() { r = session.Do(t.Context(), query, nil) })
		if r.Err == nil || r.Err.Kind != action.KindScript || r.Err.Lost || r.Rows != nil {
			t.Errorf("%s: got rows %v, error %+v; want a fault of the script", query, r.Rows != nil, r.Err)
		}
		if got := one(t, do(t, session, s.Rows(1))); got.IsNone() {
			t.Errorf("after %s the session answers %s", query, got)
		}
	}
}

func testRefusals(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	r := session.Do(t.Context(), "SELEC 1", nil)
	check(t, r, action.NotApplied, action.KindRefused, false)
	if r.Err != nil {
		mark := s.SyntaxMark
		if mark == "" {
			mark = strings.Trim(s.SyntaxCode.String(), `"`)
		}
		if !r.Err.Code.Equal(s.SyntaxCode) || !strings.HasPrefix(r.Err.Message, mark) {
			t.Errorf("got code %s, message %q; want code %s, in front of the message too", r.Err.Code, r.Err, s.SyntaxCode)
		}
	}
	before := one(t, do(t, session, s.Recall))
	if r := session.Do(t.Context(), s.Multi, nil); r.Err == nil || r.State != action.NotApplied || r.Err.Lost {
		t.Errorf("two statements: got state %s, error %v", r.State, r.Err)
	}
	if r := session.Do(t.Context(), "SELECT 1\x00; "+s.Remark, nil); r.Err == nil || r.State != action.NotApplied {
		t.Errorf("a NUL byte: got state %s, error %v", r.State, r.Err)
	}
	if after := one(t, do(t, session, s.Recall)); !after.Equal(before) {
		t.Error("the second of two statements was made")
	}
}

func testParameters(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	for _, text := range []string{
		"", "plain", "it's", `say "so"`, `back\slash`, `\`, `\'; DROP TABLE held; --`, "new\nline\r\n\ttab",
		"Zürich 東京 🐘", "?", "$1", "`tick`", "%s", "-- no comment", "/* nor */", " spaces ", "\x1a\b",
	} {
		want := action.String(text)
		if text == "" && s.EmptyIsNone {
			want = action.Value{}
		}
		if got := one(t, do(t, session, s.Echo, action.String(text))); !got.Equal(want) {
			t.Errorf("sent %q, got %s", text, got)
		}
	}
	if got := one(t, do(t, session, s.Echo, action.Value{})); !got.IsNone() {
		t.Errorf("sent None, got %s", got)
	}
	for _, p := range []action.Value{action.List(), action.Dict(), action.Secret("password")} {
		r := session.Do(t.Context(), s.Echo, []action.Value{p})
		check(t, r, action.NotApplied, action.KindScript, false)
	}
	for _, params := range [][]action.Value{nil, {action.Int(1), action.Int(2)}} {
		if r := session.Do(t.Context(), s.Echo, params); r.Err == nil || r.State != action.NotApplied || r.Err.Lost {
			t.Errorf("%d parameters for one place: state %s, error %v", len(params), r.State, r.Err)
		}
	}
	do(t, session, s.Recall)
}

func testSerial(t *testing.T, s Subject) {
	session := open(t, connect(t, s))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if r := session.Do(t.Context(), s.Rows(5), nil); r.Err != nil || len(r.Rows.Rows) != 5 {
					t.Errorf("got %+v", r)
				}
			}
		})
	}
	all.Wait()
}

func testSecrets(t *testing.T, s Subject) {
	const wrong = "x-Wr0ng-PassW0rd-x"
	s.Config.Password = wrong
	server, err := s.Connect(t.Context(), s.Config)
	if err == nil {
		_ = server.Close()
		t.Fatal("connected with a wrong password")
	}
	if strings.Contains(err.Error(), wrong) {
		t.Errorf("the error tells the password: %v", err)
	}
	if !strings.Contains(err.Error(), s.Config.User) {
		t.Errorf("the error does not tell the user: %v", err)
	}
}
