// Package testdb starts real database servers for tests and ends them.
//
// A server has its own data, its own socket in a directory with a short name (a
// unix socket's path has at most 107 bytes) and no TCP port. It runs as its
// unprivileged user when the test runs as root. It is ended, with all its processes,
// when the test ends, and its directories are removed; if the test failed, what the
// server wrote is logged first.
//
// A test is skipped where the server's programs are not installed, unless CI=true:
// then it fails. Servers are Linux only.
//
// Methods are for the test's goroutines; starting and ending for one at a time.
package testdb

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// Options say what is special about a server. The zero value is a usual one.
type Options struct {
	Binary string   // the server program; "" is the installed one
	Dir    string   // where the data directory is made, on a mount of the test's say; "" is the server's own directory
	Args   []string // more arguments of the server
	Env    []string // more of its environment, LD_LIBRARY_PATH say
}

// Server is a running server, or one that was stopped.
type Server struct {
	Socket string // path of its unix socket
	Dir    string // its data directory
	User   string // a superuser without a password

	restored bool   // the data was there already
	home     string // short-named directory of the socket and the output
	argv     []string
	env      []string
	account  string // unprivileged user of the machine
	stop     os.Signal
	ping     func(context.Context) error
	clean    func() // after the server was killed

	process *process // nil while stopped
}

// Time limits of the servers. They are generous: a test machine can be busy.
const (
	startLimit = 60 * time.Second
	stopLimit  = 30 * time.Second
	pingEvery  = 20 * time.Millisecond
)

// Start starts a stopped server on its data and waits until it can be connected to.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.process != nil {
		t.Fatal("testdb: the server is running already")
	}
	p, err := start(s.argv, s.env, s.account, s.home, s.output())
	if err != nil {
		t.Fatalf("testdb: cannot start %s: %v", s.argv[0], err)
	}
	s.process = p
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		err := s.ping(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.ended:
			s.process = nil
			t.Fatalf("testdb: %s ended at once:\n%s", s.argv[0], s.log())
		case <-ctx.Done():
			t.Fatalf("testdb: %s cannot be connected to: %v\n%s", s.argv[0], err, s.log())
		}
	}
}

// Stop ends the server gracefully. It may be started again.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	s.process.signal(s.stop)
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-s.process.ended:
		s.process = nil
	case <-timer.C:
		s.Kill(t)
		t.Errorf("testdb: %s had to be killed:\n%s", s.argv[0], s.log())
	}
}

// Kill ends the server and its children as kill -9 does. It may be started again.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	s.process.kill()
	<-s.process.ended
	s.process = nil
	if s.clean != nil {
		s.clean()
	}
}

// Pause stops the server and its children as SIGSTOP does.
func (s *Server) Pause(t testing.TB) {
	t.Helper()
	if err := s.process.pause(); err != nil {
		t.Fatalf("testdb: %v", err)
	}
}

// Resume lets a paused server go on.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if s.process != nil {
		s.process.resume()
	}
}

// Pid returns the process id of a running server.
func (s *Server) Pid() int { return s.process.pid() }

func (s *Server) output() string { return filepath.Join(s.home, "output") }

// log returns the end of what the server wrote.
func (s *Server) log() string {
	const most = 8 << 10
	text, _ := os.ReadFile(s.output())
	return string(text[max(0, len(text)-most):])
}

// cleanup ends the server however the test left it.
func (s *Server) cleanup(t testing.TB) {
	if t.Failed() {
		t.Logf("testdb: %s wrote:\n%s", s.argv[0], s.log())
	}
	s.Resume(t)
	s.Stop(t)
	if err := os.RemoveAll(s.home); err != nil {
		t.Errorf("testdb: %v", err)
	}
}

// DB returns a plain pool of connections to a MySQL-like server, for a test to
// look at it from outside. It is closed when the test ends.
func (s *Server) DB(t testing.TB) *sql.DB {
	t.Helper()
	db, err := s.pool()
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *Server) pool() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.Logger = s.User, "unix", s.Socket, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Pgx returns a plain connection to a PostgreSQL server, for a test to look at it
// from outside. It is closed when the test ends.
func (s *Server) Pgx(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := s.connect(t.Context())
	if err != nil {
		t.Fatalf("testdb: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, "host="+filepath.Dir(s.Socket)+" user="+s.User+" dbname=postgres sslmode=disable")
}

// missing skips the test, or fails it where everything has to be there.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("testdb: %s is not there, and CI=true wants every test to run", what)
	}
	t.Skipf("testdb: %s is not there: install it to run this test", what)
}
