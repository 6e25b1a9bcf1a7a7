package mysqlwire_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/mysql"
	"github.com/starhost/starhost/internal/mysqlwire"
	"github.com/starhost/starhost/scripttest/worlds"
)

func world(t *testing.T, name string, options action.Value) worlds.Server {
	t.Helper()
	w, err := worlds.New(name, options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func start(t *testing.T, o mysqlwire.Options) *mysqlwire.Server {
	t.Helper()
	return mysqlwire.Start(t, world(t, "mysql-8.4", action.Value{}), o)
}

const password = `it's "secret"\`

func dial(t *testing.T, s *mysqlwire.Server, user, password string) (driver.Server, error) {
	t.Helper()
	cfg := driver.Config{Driver: "mysql", User: user, Password: driver.Password(password), Socket: s.Socket, RunID: "test", ConnectTimeout: 5 * time.Second}
	if host, port, err := net.SplitHostPort(s.Address); err == nil {
		cfg.Host = host
		cfg.Port, _ = strconv.Atoi(port)
	}
	server, err := mysql.Connect(t.Context(), cfg)
	if err == nil {
		t.Cleanup(func() { _ = server.Close() })
	}
	return server, err
}

func connect(t *testing.T, s *mysqlwire.Server) driver.Server {
	t.Helper()
	server, err := dial(t, s, "root", "")
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func open(t *testing.T, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(t.Context(), "main")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func do(t *testing.T, session driver.Session, query string) *action.Rows {
	t.Helper()
	r := session.Do(t.Context(), query, nil)
	if r.Err != nil {
		t.Fatalf("%s: %v", query, r.Err)
	}
	return r.Rows
}

// Whoever has the password gets in by each way, at first and when the server has its hash,
// and nobody else.
func TestLogon(t *testing.T) {
	for name, o := range map[string]mysqlwire.Options{
		"caching_sha2_password on a unix socket": {Password: password},
		"caching_sha2_password on a network":     {Password: password, TCP: true},
		"mysql_native_password":                  {Password: password, Native: true},
		"no password":                            {},
		"no password, native":                    {Native: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.User = "keeper"
			s := start(t, o)
			for _, round := range []string{"first", "second"} {
				for _, wrong := range [][2]string{{"keeper", "guess"}, {"stranger", o.Password}} {
					_, err := dial(t, s, wrong[0], wrong[1])
					if err == nil || !strings.Contains(err.Error(), "1045 (28000): Access denied for user '"+wrong[0]+"'@'localhost'") {
						t.Errorf("%s time, %q: %v, want 1045", round, wrong, err)
					}
				}
				server, err := dial(t, s, "keeper", o.Password)
				if err != nil {
					t.Fatalf("%s time: %v", round, err)
				}
				if got := do(t, open(t, server), "SELECT VERSION() AS v").Rows[0][0].Text(); got != "8.4.6" {
					t.Errorf("version %s", got)
				}
			}
		})
	}
}

// The identity of a life is that of the world.
func TestIdentity(t *testing.T) {
	for _, name := range []string{"mysql-8.0", "mysql-8.4", "mysql-9"} {
		w := world(t, name, action.Value{})
		want := w.Identity()
		s := mysqlwire.Start(t, w, mysqlwire.Options{})
		got := connect(t, s).Identity()
		want.Address = "unix:" + s.Socket
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		s.Do(func(w worlds.Server) { w.Restart() })
		if again := connect(t, s).Identity(); again.SameLife(got) || again.Server != got.Server {
			t.Errorf("%s: after a restart %+v", name, again)
		}
	}
}

func TestStatements(t *testing.T) {
	server := connect(t, start(t, mysqlwire.Options{}))
	session := open(t, server)
	for query, want := range map[string]string{
		"SELECT 1 AS n, 'Zürich' AS s, NULL AS nothing, 1.5 AS f": `[[1,"Zürich",null,1.5]]`,
		"SHOW GLOBAL VARIABLES LIKE 'innodb_data_home_dir'":       `[["innodb_data_home_dir",""]]`,
		"SHOW REPLICA STATUS":                     `[]`,
		"SHOW BINARY LOG STATUS":                  `[["binlog.000003",1337,"","","8a94f357-aab4-11df-86ab-c80aa9429562:1-12"]]`,
		"LOCK INSTANCE FOR BACKUP":                "null",
		"SET SESSION lock_wait_timeout = 9":       "null",
		"SHOW MASTER STATUS":                      "1064",
		"SET GLOBAL hostname = 'x'":               "1238",
		"SELECT @@global.gtid_binlog_pos AS x":    "1193",
		"SELECT @@session.lock_wait_timeout AS x": `[[31536000]]`,
	} {
		session := session
		if strings.HasPrefix(query, "SELECT @@session") {
			session = open(t, server)
		}
		r := session.Do(t.Context(), query, nil)
		got := "null"
		switch {
		case r.Err != nil:
			got = r.Err.Code.String()
		case r.Rows != nil:
			var rows []action.Value
			for _, row := range r.Rows.Rows {
				rows = append(rows, action.List(row...))
			}
			got = action.List(rows...).String()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
	r := session.Do(t.Context(), "SHOW MASTER STATUS", nil)
	if want := "1064 (42000): You have an error in your SQL syntax"; r.State != action.NotApplied || !strings.HasPrefix(r.Err.Message, want) {
		t.Errorf("%s %v, want %s", r.State, r.Err, want)
	}
}

// A statement that waits is made when it can be, given up when its time is over, and ended
// by KILL QUERY: the connection stays.
func TestWaits(t *testing.T) {
	s := start(t, mysqlwire.Options{})
	server := connect(t, s)
	holder, waiter := open(t, server), open(t, server)
	const probe = "CREATE DATABASE IF NOT EXISTS mysql"
	do(t, holder, "FLUSH TABLES WITH READ LOCK")

	done := make(chan action.Result, 1)
	go func() { done <- waiter.Do(t.Context(), probe, nil) }()
	do(t, holder, "UNLOCK TABLES")
	if r := <-done; r.Err != nil {
		t.Errorf("after the lock: %v", r.Err)
	}

	do(t, holder, "FLUSH TABLES WITH READ LOCK")
	do(t, waiter, "SET SESSION lock_wait_timeout = 1")
	if r := waiter.Do(t.Context(), probe, nil); r.Err == nil || !r.Err.Code.Equal(action.Int(1205)) {
		t.Errorf("for too long: %v, want 1205", r.Err)
	}
	do(t, waiter, "SET SESSION lock_wait_timeout = 100")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := waiter.Do(ctx, probe, nil); r.Err == nil || r.Err.Kind != action.KindTimeout || r.Err.Lost {
		t.Errorf("without time: %+v, want a timeout and the connection", r.Err)
	}
	do(t, waiter, "SELECT 1 AS n")
	if !slices.ContainsFunc(s.Asked(), func(q string) bool { return strings.HasPrefix(q, "KILL QUERY ") }) {
		t.Errorf("nobody was killed: %q", s.Asked())
	}
}

// What ends a session: its end at the server, an administrator, the network, silence.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(*mysqlwire.Server, driver.Server, driver.Session){
		"End": func(_ *mysqlwire.Server, server driver.Server, c driver.Session) {
			_ = server.End(context.Background(), c.ID())
		},
		"KILL": func(s *mysqlwire.Server, _ driver.Server, c driver.Session) {
			s.Do(func(w worlds.Server) { w.Disconnect(c.ID()) })
		},
		"cut": func(s *mysqlwire.Server, _ driver.Server, _ driver.Session) { s.Cut() },
		"silence": func(_ *mysqlwire.Server, _ driver.Server, c driver.Session) {
			c.Do(context.Background(), "SET SESSION wait_timeout = 1", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, mysqlwire.Options{})
			server := connect(t, s)
			session := open(t, server)
			do(t, session, "FLUSH TABLES WITH READ LOCK")
			end(s, server, session)
			select {
			case <-session.Lost():
			case <-time.After(10 * time.Second):
				t.Fatal("the session is still there")
			}
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			deadline := time.Now().Add(10 * time.Second)
			for held := []string{""}; len(held) > 0; <-tick.C {
				s.Do(func(w worlds.Server) { held = w.Held() })
				if time.Now().After(deadline) {
					t.Fatalf("held: %q", held)
				}
			}
		})
	}
}

// A paused server answers nobody, and everybody when it goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	s := start(t, mysqlwire.Options{})
	server := connect(t, s)
	session := open(t, server)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := session.Do(ctx, "SELECT 1 AS n", nil); r.Err == nil || r.Err.Kind != action.KindTimeout {
		t.Errorf("%+v, want a timeout", r.Err)
	}
	s.Resume()
	do(t, open(t, connect(t, s)), "SELECT 1 AS n")
}

// Faults of a statement: whether it was made is for the world to say.
func TestFaults(t *testing.T) {
	for fault, made := range map[mysqlwire.Fault]bool{mysqlwire.CutBefore: false, mysqlwire.CutAfter: true, mysqlwire.Hang: true} {
		s := start(t, mysqlwire.Options{Fault: func(_ *mysqlwire.Server, query string) mysqlwire.Fault {
			if strings.HasPrefix(query, "SET GLOBAL") {
				return fault
			}
			return mysqlwire.None
		}})
		session := open(t, connect(t, s))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		r := session.Do(ctx, "SET GLOBAL sync_binlog = 7", nil)
		cancel()
		if r.Err == nil || r.State != action.Unknown {
			t.Errorf("fault %d: %s %v, want that nobody knows", fault, r.State, r.Err)
		}
		s.Do(func(w worlds.Server) {
			if held := w.Held(); (len(held) == 1) != made {
				t.Errorf("fault %d: held %q", fault, held)
			}
		})
	}
}
