package worlds_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/postgres"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/scripttest/worlds"
)

func TestAgreePostgres(t *testing.T) {
	covers(t, "postgres.star", postgresSequences)
	for _, major := range []int{14, 15, 18} {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			s := testdb.PostgresMajor(t, major, testdb.Options{Args: []string{"-c", "fsync=on", "-c", "max_connections=100"}})
			preparePostgres(t, s, major)
			subject{major, ""}.agrees(t, s)

			// What is on now is a server with an archive, one that writes little log, then a standby.
			again(t, s, "ALTER SYSTEM SET archive_mode = on", "ALTER SYSTEM SET archive_command = 'true'")
			subject{major, "archiving"}.agrees(t, s)
			again(t, s, "ALTER SYSTEM RESET ALL", "ALTER SYSTEM SET wal_level = minimal", "ALTER SYSTEM SET max_wal_senders = 0")
			subject{major, "minimal"}.agrees(t, s)
			again(t, s, "ALTER SYSTEM RESET ALL")
			if err := os.WriteFile(filepath.Join(s.Dir, "standby.signal"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			again(t, s)
			subject{major, "standby"}.agrees(t, s)
		})
	}
}

// again makes statements and starts the server again.
func again(t *testing.T, s *testdb.Server, statements ...string) {
	t.Helper()
	admin := s.Pgx(t)
	for _, q := range statements {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop(t)
	s.Start(t)
}

// spaceOf is the directory of a tablespace, which the server makes as its own user.
func spaceOf(s *testdb.Server) string { return filepath.Join(filepath.Dir(s.Dir), "space1") }

// users are the roles of the sequences beside the superuser, with what they are granted and
// what the world is told of it; until and since are majors.
var users = []struct {
	name         string
	since, until int
	grant        string
	privileges   []string
}{
	{"plain", 0, 99, "", nil},
	{"keeper", 0, 99, "pg_read_all_settings", []string{"pg_read_all_settings"}},
	{"keeper", 15, 99, "pg_checkpoint", []string{"pg_checkpoint"}},
	{"watcher", 0, 99, "pg_monitor", []string{"pg_monitor"}},
	{"caller", 0, 99, "EXECUTE ON FUNCTION pg_switch_wal(), pg_create_restore_point(text)", []string{"pg_switch_wal", "pg_create_restore_point"}},
	{"caller", 0, 14, "EXECUTE ON FUNCTION pg_start_backup(text, bool, bool), pg_stop_backup(bool, bool)", []string{"pg_start_backup", "pg_stop_backup"}},
	{"caller", 15, 99, "EXECUTE ON FUNCTION pg_backup_start(text, bool), pg_backup_stop(bool)", []string{"pg_backup_start", "pg_backup_stop"}},
}

func preparePostgres(t *testing.T, s *testdb.Server, major int) {
	statements := []string{
		"COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; mkdir " + spaceOf(s) + "'", "CREATE TABLESPACE space1 LOCATION '" + spaceOf(s) + "'",
		"CREATE ROLE plain LOGIN", "CREATE ROLE keeper LOGIN", "CREATE ROLE watcher LOGIN", "CREATE ROLE caller LOGIN", "CREATE TABLE other (id int)",
	}
	for _, u := range users {
		if u.grant != "" && u.since <= major && major <= u.until {
			statements = append(statements, "GRANT "+u.grant+" TO "+u.name)
		}
	}
	admin := s.Pgx(t)
	for _, q := range statements {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

// subject is a real server as the sequences name it.
type subject struct {
	major int
	on    string // "", "archiving", "minimal" or "standby"
}

func (s subject) means(on string) bool {
	return on == s.on || s.on == "" && (on == "14" && s.major == 14 || on == "15+" && s.major >= 15)
}

// options of the world of a sequence.
func (s subject) options(server *testdb.Server, seq sequence) action.Value {
	options := action.Dict(
		action.Entry{Key: "in_recovery", Value: action.Bool(s.on == "standby")},
		action.Entry{Key: "tablespaces", Value: strs(spaceOf(server))},
		action.Entry{Key: "data_directory", Value: action.String(server.Dir)},
	)
	if s.on == "archiving" {
		options = options.With("archive_mode", action.String("on")).With("archive_command", action.String("true"))
	}
	if seq.user != "" {
		var privileges []string
		for _, u := range users {
			if u.name == seq.user && u.since <= s.major && s.major <= u.until {
				privileges = append(privileges, u.privileges...)
			}
		}
		options = options.With("privileges", strs(privileges...))
	}
	for i, key := range seq.options.Keys() {
		options = options.With(key, seq.options.Items()[i])
	}
	return options
}

func (s subject) agrees(t *testing.T, server *testdb.Server) {
	for _, seq := range postgresSequences {
		if s.means(seq.on) {
			t.Run(strings.TrimSpace(s.on+" "+seq.name), func(t *testing.T) { s.agreesIn(t, server, seq) })
		}
	}
}

func (s subject) agreesIn(t *testing.T, server *testdb.Server, seq sequence) {
	world, err := worlds.New(fmt.Sprint("postgres-", s.major), s.options(server, seq))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{world: world}
	var admin *pgx.Conn
	connect := func() {
		config := driver.Config{Driver: "postgres", User: cmp.Or(seq.user, "postgres"), Socket: server.Socket, Database: "postgres"}
		if p.real, err = postgres.Connect(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		admin = server.Pgx(t)
	}
	connect()
	defer func() { _ = p.real.Close() }()
	before := settingsAt(t, admin)
	p.held = func(t *testing.T) []string {
		held := postgresHeld(t, admin, s.major, before)
		if strings.HasPrefix(seq.name, "backup mode") && backups(t, p, admin, s.major) {
			held = append(held, "backup mode")
		}
		slices.Sort(held)
		return held
	}
	p.settle = func(query string) func() {
		switch {
		case strings.Contains(query, "pg_reload_conf"):
			return reloaded(t, admin)
		case strings.Contains(query, "pg_switch_wal") && s.on == "archiving":
			return func() { archived(t, admin) }
		}
		return func() {}
	}
	p.special = map[string]func() (string, string){
		"commit": func() (string, string) { return fmt.Sprint(p.world.Commit()), fmt.Sprint(insert(t, admin)) },
		"restart": func() (string, string) {
			started := p.world.Identity().Started
			p.world.Restart()
			p.forget()
			_ = p.real.Close()
			server.Stop(t)
			server.Start(t)
			connect()
			return fmt.Sprint(p.world.Identity().Started.After(started)), "true"
		},
	}
	p.agree(t, seq.steps)
}

func strs(list ...string) action.Value {
	var values []action.Value
	for _, s := range list {
		values = append(values, action.String(s))
	}
	return action.List(values...)
}

// insert writes a row; the log has to move.
func insert(t *testing.T, admin *pgx.Conn) bool {
	var moved bool
	err := admin.QueryRow(t.Context(), "WITH row AS (INSERT INTO other VALUES (1) RETURNING id) SELECT true FROM row").Scan(&moved)
	return err == nil && moved
}

func settingsAt(t *testing.T, admin *pgx.Conn) map[string]string {
	t.Helper()
	rows, err := admin.Query(t.Context(), `SELECT s.name, current_setting(s.name),
		coalesce((SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name AND f.sourcefile LIKE '%auto.conf'), '')
		FROM pg_settings s WHERE s.name NOT IN ('application_name', 'transaction_read_only')`)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	var name, value, file string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value, &file}, func() error {
		settings[name] = value
		if file != "" {
			settings[name] = file
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return settings
}

// postgresHeld looks from outside.
func postgresHeld(t *testing.T, admin *pgx.Conn, major int, before map[string]string) []string {
	t.Helper()
	var held []string
	for name, value := range settingsAt(t, admin) {
		if value != before[name] {
			held = append(held, fmt.Sprintf("setting %s = %s, was %s", name, value, before[name]))
		}
	}
	query := `SELECT DISTINCT 'advisory lock ' || CASE objsubid WHEN 1 THEN (classid::bigint << 32 | objid::bigint)::text ELSE classid || ', ' || objid END
			FROM pg_locks WHERE locktype = 'advisory' AND granted
		UNION SELECT 'open transaction' FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
		UNION SELECT 'paused replay' WHERE CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END`
	if major == 14 {
		query += " UNION SELECT 'exclusive backup mode' WHERE pg_is_in_backup()"
	}
	rows, err := admin.Query(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	more, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return append(held, more...)
}

// backups reports whether a session is in backup mode. The server tells nobody but the
// session itself, which cannot begin a second one; in a transaction it is not asked.
func backups(t *testing.T, p *pair, admin *pgx.Conn, major int) (any bool) {
	t.Helper()
	start, stop := "SELECT pg_backup_start('probe', true)", "SELECT pg_backup_stop(false)"
	if major == 14 {
		start, stop = "SELECT pg_start_backup('probe', true, false)", "SELECT pg_stop_backup(false, false)"
	}
	for name, session := range p.open {
		var state string
		if err := admin.QueryRow(t.Context(), "SELECT state FROM pg_stat_activity WHERE pid::text = $1", session.ID()).Scan(&state); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(state, "idle in transaction") {
			any = any || p.marked[name]
			continue
		}
		r := session.Do(t.Context(), start, nil)
		p.marked[name] = r.Err != nil && r.Err.Code.Text() == "55000"
		if r.Err == nil {
			session.Do(t.Context(), stop, nil)
		}
		any = any || p.marked[name]
	}
	return any
}
