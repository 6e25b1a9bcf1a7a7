//go:build linux

package worlds_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/mysql"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/scripttest/worlds"
)

// realMySQL are the real servers of the family, by the world that stands for them.
var realMySQL = map[string]func(testing.TB, testdb.Options) *testdb.Server{
	"mariadb-10.11": testdb.MariaDB,
	"mysql-5.6":     testdb.MySQL56,
}

// withoutBinlog are the arguments of a server that has none.
var withoutBinlog = map[string][]string{
	"mariadb-10.11": {"--skip-log-bin"},
	"mysql-5.6":     {"--skip-log-bin", "--gtid-mode=OFF", "--skip-log-slave-updates"},
}

// TestMySQLWorldsAgree makes the same statements on a world and on the server that it
// stands for. After each it asks both what a stranger can do.
func TestMySQLWorldsAgree(t *testing.T) {
	for name, start := range realMySQL {
		for _, binlog := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/binlog=%t", name, binlog), func(t *testing.T) {
				var o testdb.Options
				if !binlog {
					o.Args = withoutBinlog[name]
				}
				server := start(t, o)
				admin := server.DB(t)
				for _, statement := range []string{
					// Their tables are in the system tablespace, so that there are as many files as at first.
					"SET GLOBAL innodb_file_per_table = 0",
					"CREATE DATABASE app", "CREATE TABLE app.t (n int)", "CREATE TABLE app.long_one (n int)",
					"INSERT INTO app.long_one VALUES (1)", "CREATE USER writer@localhost", "GRANT ALL ON app.* TO writer@localhost",
				} {
					execute(t, admin, statement)
				}
				for _, s := range mysqlSequences {
					if s.withoutBinlog == binlog || s.only != "" && s.only != name {
						continue
					}
					t.Run(s.name, func(t *testing.T) { newPair(t, name, server, admin, s).run(s) })
				}
			})
		}
	}
}

func execute(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// mysqlPair is a world and the real server, in the same state.
type mysqlPair struct {
	t        *testing.T
	name     string
	world    worlds.Server
	real     driver.Server
	stranger *mysqlProbe // of root
	writer   *mysqlProbe // without special rights
	sessions map[string]mysqlTwins
	first    map[string]string // watched variables of the real server
}

// mysqlTwins are one session on both.
type mysqlTwins struct {
	id   string
	real driver.Session
}

func newPair(t *testing.T, name string, server *testdb.Server, admin *sql.DB, s mysqlSequence) *mysqlPair {
	p := &mysqlPair{t: t, name: name, sessions: map[string]mysqlTwins{}}
	var options []action.Entry
	option := func(name string, value action.Value) {
		options = append(options, action.Entry{Key: name, Value: value})
	}
	option("binlog", action.Bool(!s.withoutBinlog))
	for _, name := range watchedVariables {
		before := global(t, admin, name)
		t.Cleanup(func() { execute(t, admin, fmt.Sprintf("SET GLOBAL %s = %s", name, before)) })
	}
	user := "root"
	if s.grants != nil {
		user = "limited"
		execute(t, admin, "CREATE USER limited@localhost")
		t.Cleanup(func() { execute(t, admin, "DROP USER limited@localhost") })
		for _, grant := range s.grants {
			execute(t, admin, "GRANT "+grant+" TO limited@localhost")
		}
	}
	for name, value := range s.set {
		execute(t, admin, fmt.Sprintf("SET GLOBAL %s = %s", name, value))
		option(name, value)
	}
	if s.replica {
		execute(t, admin, "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_USER='x', MASTER_PORT=1")
		t.Cleanup(func() { execute(t, admin, "STOP SLAVE"); execute(t, admin, "RESET SLAVE ALL") })
		option("replica", action.Bool(true))
	}
	p.real = connect(t, server, user)
	p.stranger = &mysqlProbe{p, connect(t, server, "root"), nil}
	p.writer = &mysqlProbe{p, connect(t, server, "writer"), nil}
	if s.grants != nil {
		var lines []action.Value
		for _, row := range p.must(open(t, p.real), "SHOW GRANTS").Rows {
			lines = append(lines, row[0])
		}
		option("grants", action.List(lines...))
	}
	if s.busy != "" {
		p.busy(server, s.busy)
		option("long_queries", action.List(action.Dict(
			action.Entry{Key: "id", Value: action.Int(7)}, action.Entry{Key: "user", Value: action.String("root")},
			action.Entry{Key: "time", Value: action.Int(60)}, action.Entry{Key: "statement", Value: action.String(s.busy)},
		)))
	}
	var err error
	if p.world, err = worlds.New(name, action.Dict(options...)); err != nil {
		t.Fatal(err)
	}
	p.first = p.watched()
	return p
}

// busy has somebody make a long statement until the test is over.
func (p *mysqlPair) busy(server *testdb.Server, query string) {
	session := open(p.t, connect(p.t, server, "root"))
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		session.Do(ctx, query, nil)
	}()
	p.t.Cleanup(func() { cancel(); <-done })
	deadline := time.After(10 * time.Second)
	for {
		// By its id: that of the sequence before may not have ended yet.
		rows := p.stranger.must("SELECT id FROM information_schema.processlist WHERE state = 'User sleep' AND id = " + session.ID())
		if len(rows.Rows) > 0 {
			return
		}
		select {
		case <-deadline:
			p.t.Fatal("the long statement does not begin")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func connect(t *testing.T, server *testdb.Server, user string) driver.Server {
	t.Helper()
	s, err := mysql.Connect(t.Context(), driver.Config{Driver: "mysql", User: user, Socket: server.Socket, RunID: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t *testing.T, server driver.Server) driver.Session {
	t.Helper()
	session, err := server.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func (p *mysqlPair) must(session driver.Session, query string) *action.Rows {
	p.t.Helper()
	r := session.Do(p.t.Context(), query, nil)
	if r.Err != nil {
		p.t.Fatalf("%s: %v", query, r.Err)
	}
	return r.Rows
}

func global(t *testing.T, db *sql.DB, name string) (value string) {
	t.Helper()
	if err := db.QueryRow("SELECT @@global." + name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func (p *mysqlPair) run(s mysqlSequence) {
	for _, step := range s.list() {
		if p.t.Failed() {
			return // what follows would differ, too
		}
		twins := p.session(step.session)
		if step.query == "" {
			p.world.Disconnect(twins.id)
			if err := p.real.End(p.t.Context(), twins.real.ID()); err != nil {
				p.t.Fatal(err)
			}
		} else {
			p.statement(twins, step)
		}
		if !p.world.Alive(twins.id) {
			delete(p.sessions, step.session)
		}
		if word, _, _ := strings.Cut(step.query, " "); word != "SHOW" && word != "SELECT" { // they hold nothing
			p.compareHeld(step.line)
		}
	}
}

func (p *mysqlPair) session(name string) mysqlTwins {
	if _, ok := p.sessions[name]; !ok {
		p.sessions[name] = mysqlTwins{p.world.Connect(), open(p.t, p.real)}
	}
	return p.sessions[name]
}

// statement makes one on both.
func (p *mysqlPair) statement(twins mysqlTwins, step mysqlStep) {
	want := p.world.Do(twins.id, step.query, step.params)
	got := p.do(twins.real, step.query, step.params, want.Waits)
	if diff := difference(want, got, step.loose); diff != "" {
		p.t.Errorf("%s: %s", step.line, diff)
	}
}

// do makes a statement on the real server, with little time if it is known to wait.
func (p *mysqlPair) do(session driver.Session, query string, params []action.Value, waits bool) action.Result {
	limit := 10 * time.Second
	if waits {
		limit = 60 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	return session.Do(ctx, query, params)
}

// difference says what is not alike in an answer of the world and one of the server.
func difference(world worlds.Answer, real action.Result, loose bool) string {
	switch waited := real.Err != nil && real.Err.Kind == action.KindTimeout; {
	case world.Unknown:
		return "the world does not know it"
	case waited != world.Waits:
		return fmt.Sprintf("the server waits: %t; the world: %t %s", waited, world.Waits, world.Message)
	case waited:
		return ""
	case real.Err != nil:
		if !real.Err.Code.Equal(world.Code) {
			return fmt.Sprintf("the server says %s, the world %q", real.Err.Message, world.Message)
		}
		return ""
	case !world.Code.IsNone():
		return fmt.Sprintf("the server makes it, the world says %q", world.Message)
	case (real.Rows == nil) != (world.Rows == nil):
		return fmt.Sprintf("rows of the server: %v, of the world: %v", real.Rows, world.Rows)
	case real.Rows == nil:
		return ""
	case !slices.Equal(real.Rows.Columns, world.Rows.Columns):
		return fmt.Sprintf("columns of the server: %q, of the world: %q", real.Rows.Columns, world.Rows.Columns)
	case loose:
		return ""
	}
	if a, b := kinds(real.Rows), kinds(world.Rows); a != b {
		return fmt.Sprintf("rows of the server: %s\n%v, of the world: %s\n%v", a, real.Rows.Rows, b, world.Rows.Rows)
	}
	return ""
}

func kinds(rows *action.Rows) string {
	var text strings.Builder
	for _, row := range rows.Rows {
		for i, v := range row {
			fmt.Fprintf(&text, "%s %s, ", rows.Columns[i], v.Kind())
		}
		text.WriteString("\n")
	}
	return text.String()
}
