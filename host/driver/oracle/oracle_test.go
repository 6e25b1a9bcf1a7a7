package oracle_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/drivertest"
	"github.com/starhost/starhost/host/driver/oracle"
	"github.com/starhost/starhost/internal/tns"
)

const password = `it's a "secret"`

func listen(t testing.TB, cfg tns.Config) *tns.Listener {
	t.Helper()
	if cfg.World == nil {
		cfg.World = newToy()
	}
	cfg.Users = map[string]string{"KEEPER": password}
	l, err := tns.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func config(l *tns.Listener) driver.Config {
	return driver.Config{
		Driver: "oracle", User: "keeper", Password: password, Host: l.Host(), Port: l.Port(), Database: "ORCL",
		RunID: "01J0000000000000000000TEST", Params: map[string]string{"privilege": "sysbackup"},
	}
}

// process stops and kills the stand-in as if it were a process.
type process struct{ l *tns.Listener }

func (p process) Pause(testing.TB)  { p.l.Pause() }
func (p process) Resume(testing.TB) { p.l.Resume() }
func (p process) Kill(testing.TB)   { p.l.Stop() }

func (p process) Start(t testing.TB) {
	if err := p.l.Start(); err != nil {
		t.Error(err)
	}
}

func running(l *tns.Listener) func(t testing.TB, id string, statement bool) bool {
	return func(_ testing.TB, id string, statement bool) bool {
		for _, s := range l.Sessions() {
			if s.ID == id {
				return !statement || s.Running != ""
			}
		}
		return false
	}
}

func TestConformance(t *testing.T) {
	world := newToy()
	world.values = map[string]action.Value{}
	for _, c := range values {
		world.values[c.Query] = c.Want
	}
	l := listen(t, tns.Config{World: world})
	drivertest.Run(t, drivertest.Subject{
		Connect: oracle.Connect,
		Config:  config(l),
		Block:   sleep,
		Remark:  remark,
		Recall:  recall,
		Rows:    numbers,
		Wide:    "SELECT RPAD('x', 4000, 'x') AS t FROM DUAL CONNECT BY LEVEL <= 3000",
		Echo:    "SELECT :1 AS v FROM DUAL",
		Twice:   "SELECT 1 AS a, 2 AS a FROM DUAL",
		Multi:   "SELECT 1 FROM DUAL; " + remark,
		Values:  values,
		Create:  "CREATE TABLE held (n NUMBER)",
		Lock:    []string{"LOCK TABLE held IN EXCLUSIVE MODE"},
		Write:   "UPDATE held SET n = n + 1",
		Unlock:  "COMMIT",

		SyntaxCode:  action.Int(900),
		SyntaxMark:  "ORA-00900",
		EmptyIsNone: true,
		Running:     running(l),
		Kill:        func(t testing.TB, id string) { l.Kill(id) },
		Process:     process{l},
		Users:       true,
	})
}

// values are types that the stand-in can play; it chooses the type by the look of the value.
var values = []drivertest.ValueCase{
	{Query: "SELECT 42 AS v FROM DUAL", Want: action.Int(42)},
	{Query: "SELECT 0 AS v FROM DUAL", Want: action.Int(0)},
	{Query: "SELECT -1700 AS v FROM DUAL", Want: action.Int(-1700)},
	{Query: "SELECT -9223372036854775808 AS v FROM DUAL", Want: action.Int(-1 << 63)},
	{Query: "SELECT 18446744073709551615 AS v FROM DUAL", Want: action.Uint(1<<64 - 1)},
	{Query: "SELECT 12345678901234567890.12 AS v FROM DUAL", Want: action.String("12345678901234567890.12")},
	{Query: "SELECT -0.05 AS v FROM DUAL", Want: action.String("-0.05")},
	{Query: "SELECT 1.5d AS v FROM DUAL", Want: action.Float(1.5)},
	{Query: "SELECT -2.25d AS v FROM DUAL", Want: action.Float(-2.25)},
	{Query: "SELECT DATE '2024-02-29' AS v FROM DUAL", Want: action.String("2024-02-29 00:00:00")},
	{Query: "SELECT TO_DATE('1999-12-31 23:59:58') AS v FROM DUAL", Want: action.String("1999-12-31 23:59:58")},
	{Query: "SELECT TIMESTAMP '2024-02-29 01:02:03.456' AS v FROM DUAL", Want: action.String("2024-02-29 01:02:03.456")},
	{Query: "SELECT NULL AS v FROM DUAL", Want: action.Value{}},
	{Query: "SELECT 'Zürich 🐘' AS v FROM DUAL", Want: action.String("Zürich 🐘")},
	{Query: "SELECT RPAD('x', 4000, 'x') AS v FROM DUAL", Want: action.String(strings.Repeat("x", 4000))},
	{Query: "SELECT HEXTORAW('00FF41') AS v FROM DUAL", Want: action.Bytes([]byte{0, 0xff, 'A'})},
}

// TestParameters has values of every kind go there and back.
func TestParameters(t *testing.T) {
	t.Parallel()
	session := open(t, connect(t, config(listen(t, tns.Config{}))))
	long := action.String(strings.Repeat("ä", 5000))
	for _, c := range []struct{ sent, want action.Value }{
		{action.Int(-5), action.Int(-5)},
		{action.Int(1 << 40), action.Int(1 << 40)},
		{action.Uint(1<<64 - 1), action.Float(1<<64 - 1)}, // the stand-in has no longer integers
		{action.Float(0.25), action.Float(0.25)},
		{action.Float(-1e-7), action.Float(-1e-7)},
		{action.Bool(true), action.Int(1)},
		{action.Bool(false), action.Int(0)},
		{action.Bytes([]byte{0, 0xff}), action.Bytes([]byte{0, 0xff})},
		{action.Bytes(nil), action.Value{}},
		{long, long},
	} {
		r := session.Do(t.Context(), "SELECT :1 AS v FROM DUAL", []action.Value{c.sent})
		if r.Err != nil || !r.Rows.Rows[0][0].Equal(c.want) {
			t.Errorf("sent %s %s: %+v, want %s", c.sent.Kind(), c.sent, r, c.want)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1)} {
		r := session.Do(t.Context(), "SELECT :1 AS v FROM DUAL", []action.Value{action.Float(f)})
		if r.State != action.NotApplied || r.Err == nil || r.Err.Kind != action.KindScript || r.Err.Lost {
			t.Errorf("%v: state %s, fault %+v", f, r.State, r.Err)
		}
	}
}

func connect(t testing.TB, cfg driver.Config) driver.Server {
	t.Helper()
	server, err := oracle.Connect(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func open(t testing.TB, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(context.Background(), "main")
	if err != nil {
		t.Fatal(err)
	}
	return session
}
