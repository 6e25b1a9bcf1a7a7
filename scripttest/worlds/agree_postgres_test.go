package worlds_test

import (
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

// What postgres.star asks.
const (
	serverQuery = `SELECT current_setting('server_version') AS version,
		current_setting('data_directory') AS data_directory,
		current_setting('fsync') AS fsync,
		current_setting('full_page_writes') AS full_page_writes,
		current_setting('synchronous_commit') AS synchronous_commit,
		current_setting('wal_level') AS wal_level,
		current_setting('archive_mode') AS archive_mode,
		pg_postmaster_start_time()::text AS started,
		(SELECT system_identifier::text FROM pg_control_system()) AS system_identifier`
	spacesQuery  = "SELECT pg_tablespace_location(oid) AS path FROM pg_tablespace"
	standbyQuery = "SELECT pg_is_in_recovery() AS yes"
	flushQuery   = "SELECT pg_current_wal_flush_lsn()::text AS lsn, false AS in_recovery, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline"
	replayQuery  = "SELECT pg_last_wal_replay_lsn()::text AS lsn, true AS in_recovery, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline"
)

// The subjects of on: "" is a primary of every major, "14" one of 14, "15+" one since 15.
var postgresSequences = []sequence{
	{name: "script", steps: []string{
		"main| " + serverQuery, "main| " + spacesQuery, "main| CHECKPOINT", "=main| " + standbyQuery, "main| " + flushQuery, "commit",
		"main| " + serverQuery, "main| " + standbyQuery, "main| " + flushQuery, "main end",
	}},
	{name: "script on a standby", on: "standby", steps: []string{
		"main| " + serverQuery, "main| " + spacesQuery, "main| CHECKPOINT", "=main| " + standbyQuery, "main| " + replayQuery,
		"main| " + flushQuery,
	}},
	{name: "script of the documented user", user: "keeper", steps: []string{
		"main| " + serverQuery, "main| " + spacesQuery, "main| CHECKPOINT", "main| " + standbyQuery, "main| " + flushQuery,
	}},
	{name: "script without rights", user: "plain", steps: []string{
		"main| " + serverQuery, "main| " + spacesQuery, "main| CHECKPOINT", "main| " + standbyQuery, "main| " + flushQuery,
	}},
	{name: "script in a transaction that is aborted", steps: []string{
		"main| BEGIN", "main| CHECKPOINT", "main| FLUSH TABLES", "main| CHECKPOINT",
		"main| " + serverQuery, "main| " + spacesQuery, "main| " + standbyQuery, "main| " + flushQuery, "main| " + replayQuery, "main| ROLLBACK", "main| " + standbyQuery,
	}},
	{name: "statements that do not parse", steps: []string{
		"main| FLUSH TABLES WITH READ LOCK", "main| SELECT 'x", "main| SELECT (1", "main| SELECT 1)", "main| /* no end", "main| SELEC 1",
		"main| ", "main| -- nothing", "main| ;", "=main| select 1 as x /* one */ ; -- two",
	}},
	{name: "select lists", steps: []string{
		"=main| SELECT 1", "=main| SELECT 1 AS a, 'b' AS b, NULL AS c, true AS d, false e", "main| SELECT 1, 2", "=main| SELECT true",
		"main| SELECT version()", "main| SELECT pg_catalog.version() AS v", "main| SELECT version() v", `main| SELECT version() AS "V W"`,
		"=main| SELECT current_setting('fsync')", "=main| SELECT current_setting('fsync')::bool", "=main| SELECT current_setting('fsync')::bool AS x, current_setting('max_connections')::int",
		"=main| SELECT (SELECT current_setting('fsync'))", "=main| SELECT (SELECT 1 AS one)", "=main| SELECT '1'::int, 1::text", "=main| SELECT CAST('7' AS bigint) AS n",
		"=main| SELECT 'x'::int", "=main| SELECT 'maybe'::bool", "=main| SELECT true::text AS a, 1::bool AS b, '1'::numeric AS c",
		"=main| SELECT current_setting('fsync') = 'on' AS yes", "=main| SELECT NOT pg_is_in_recovery() AS yes", "=main| SELECT 1 = 1 AND 2 < 1 OR 3 >= 3 AS yes, 1 <> 2 AS no, 'a' || 'b' AS ab",
		"=main| SELECT NULL IS NULL AS a, 1 IS NOT NULL AS b, NULL = 1 AS c, NOT NULL::bool AS d", "=main| SELECT coalesce(NULL, 'x') AS c, coalesce(current_setting('starhost.x', true), 'none')",
		"=main| SELECT current_setting('starhost.none', true) AS c", "main| SELECT current_setting('starhost.none')", "main| SELECT pg_backend_pid()", "main| SELECT current_user",
		"=main| SELECT current_database()", "main| SELECT pg_postmaster_start_time()", "=main| SELECT $1::text AS a <- x", "=main| SELECT current_setting($1) AS a, $2::int AS b <- fsync 7",
		"main| SELECT nothing", "main| SELECT nothing FROM pg_tablespace", "main| SELECT pg_sleep(0)", "=main| SELECT count(*) FROM pg_tablespace", "=main| SELECT count(*) AS n FROM pg_tablespace AS t WHERE t.spcname <> 'pg_global'",
		"=main| SELECT spcname FROM pg_tablespace WHERE oid = 1663", "main| SELECT * FROM pg_tablespace", "main| SELECT * FROM pg_control_system()", "main| SELECT * FROM pg_control_checkpoint()",
		"=main| SELECT timeline_id, prev_timeline_id, full_page_writes FROM pg_control_checkpoint()", "main| SELECT pg_control_system()", "main| SELECT * FROM pg_stat_archiver",
		"=main| SELECT archived_count, last_archived_wal FROM pg_stat_archiver", "main| SELECT * FROM pg_is_in_recovery()", "=main| SELECT pg_is_in_recovery FROM pg_is_in_recovery()",
		"=main| SELECT name FROM pg_settings WHERE name = 'fsync'", "=main| SELECT context FROM pg_settings WHERE name = 'wal_level'", "=main| SELECT spcname FROM pg_tablespace WHERE spcname = $1 <- pg_default",
		"=main| SELECT current_setting('server_version_num')::int >= 140000 AS new",
	}},
	{name: "settings of a session", steps: []string{
		"=a| SHOW fsync", "=a| SHOW wal_level", "=a| SHOW archive_command", "=a| SHOW full_page_writes", "=a| SHOW synchronous_commit", "=a| SHOW data_checksums", "=a| SHOW max_wal_size", "=a| SHOW checkpoint_timeout", "=a| SHOW search_path",
		"=a| SHOW wal_keep_size", "=a| SHOW archive_timeout", "=a| SHOW hot_standby", "=a| SHOW work_mem", "=a| SHOW log_min_duration_statement", "=a| SHOW autovacuum", "=a| SHOW archive_mode", "=a| SHOW port", "=a| SHOW max_connections",
		"=a| SHOW synchronous_standby_names", "=a| SHOW default_transaction_read_only", "=a| SHOW wal_log_hints",
		"a| SET statement_timeout = 5000", "=a| SHOW statement_timeout", "=b| SHOW statement_timeout", "a| SET statement_timeout TO '1500ms'", "=a| SHOW statement_timeout", "a| SET lock_timeout = '2min'", "=a| SHOW LOCK_TIMEOUT",
		"a| SET work_mem = '64MB'", "=a| SHOW work_mem", "a| SET work_mem = 1024", "=a| SHOW work_mem", "a| SET lock_timeout = 'many'", "a| SET lock_timeout = -1", "a| SET log_min_duration_statement = -1", "=a| SHOW log_min_duration_statement",
		"a| SET synchronous_commit = off", "=a| SHOW synchronous_commit", "a| SET synchronous_commit = 'remote_apply'", "a| SET synchronous_commit = maybe", "a| RESET synchronous_commit", "=a| SHOW synchronous_commit",
		"a| SET SESSION idle_session_timeout = '10min'", "=a| SHOW idle_session_timeout", "a| SET idle_session_timeout TO DEFAULT", "=a| SHOW idle_session_timeout",
		"a| SET fsync = off", "a| SET wal_level = minimal", "a| SET server_version = '1'", "a| SET data_directory = '/x'", "a| SET full_page_writes TO off", "a| RESET fsync",
		"a| SET starhost.mark = 'x'", "=a| SHOW starhost.mark", "b| SHOW starhost.mark", "=a| SELECT set_config('starhost.mark', 'y', false)", "=a| SELECT current_setting('starhost.mark') AS mark",
		"a| SET default_transaction_read_only = yes", "=a| SHOW default_transaction_read_only", "a| SET default_transaction_read_only = sometimes", "a| RESET ALL", "=a| SHOW default_transaction_read_only",
		"a| SET search_path = pg_catalog", "=a| SHOW search_path", `a| SET search_path TO "$user", public`, "=a| SHOW search_path", "a| DISCARD ALL", "=a| SHOW search_path",
	}},
	{name: "settings without rights", user: "plain", steps: []string{
		"a| SHOW data_directory", "a| SELECT current_setting('data_directory') AS d", "=a| SHOW fsync", "a| SET log_min_duration_statement = 0", "a| ALTER SYSTEM SET lock_timeout = '1s'", "a| SELECT pg_reload_conf()", "a| SET fsync = on",
		"=a| SELECT name FROM pg_settings WHERE name = 'data_directory'",
		"a| SELECT pg_switch_wal()", "a| SELECT pg_create_restore_point('x')", "a| SELECT pg_is_in_recovery() AS yes", "a| SELECT pg_current_wal_lsn()", "a| SELECT * FROM pg_stat_archiver", "a| SELECT system_identifier FROM pg_control_system()",
		"a| SELECT pg_wal_replay_pause()", "a| SELECT pg_no_such_statement FROM pg_tablespace",
	}},
	{name: "transactions", steps: []string{
		"a| BEGIN", "=a| SELECT 1 AS one", "a| BEGIN", "a| COMMIT", "a| COMMIT", "a| ROLLBACK", "a| START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", "a| END WORK", "a| BEGIN TRANSACTION", "a| ABORT",
		"a| BEGIN", "a| SET lock_timeout = '1s'", "a| SET LOCAL statement_timeout = '7s'", "=a| SHOW statement_timeout", "=a| SHOW lock_timeout", "a| COMMIT", "=a| SHOW statement_timeout", "=a| SHOW lock_timeout",
		"a| BEGIN", "a| SET lock_timeout = '9s'", "a| ROLLBACK", "=a| SHOW lock_timeout", "a| SET LOCAL lock_timeout = '3s'", "=a| SHOW lock_timeout",
		"a| BEGIN", "a| SET fsync = off", "a| SHOW fsync", "a| COMMIT", "=a| SHOW fsync", "a| BEGIN", "a| SELECT nothing", "a| SELECT 1", "a| BEGIN", "commit", "a| END", "a| BEGIN", "a| CHECKPOINT", "commit", "a| ALTER SYSTEM SET lock_timeout = 1", "a| ROLLBACK",
		"a| BEGIN", "a| DISCARD ALL", "a| ROLLBACK", "a| BEGIN", "b| SELECT 1", "a end", "b| SELECT 1",
	}},
	{name: "ALTER SYSTEM", steps: []string{
		"a| ALTER SYSTEM SET lock_timeout = '1min'", "=a| SHOW lock_timeout", "a| SELECT pg_reload_conf()", "b| SELECT 1", "=c| SHOW lock_timeout", "a| ALTER SYSTEM RESET lock_timeout", "a| SELECT pg_reload_conf()",
		"a| ALTER SYSTEM SET full_page_writes TO off", "a| ALTER SYSTEM SET full_page_writes TO DEFAULT", "a| ALTER SYSTEM SET wal_level = logical", "a| SELECT pg_reload_conf()", "=a| SHOW wal_level", "a| ALTER SYSTEM SET data_directory = '/x'",
		"a| ALTER SYSTEM SET server_version = '1'", "a| ALTER SYSTEM SET lock_timeout = 'x'", "a| ALTER SYSTEM SET archive_mode = maybe", "a end", "b| ALTER SYSTEM RESET ALL", "b| ALTER SYSTEM SET full_page_writes = off", "b| SELECT pg_reload_conf()", "commit",
		"b| ALTER SYSTEM RESET ALL", "b| SELECT pg_reload_conf()",
	}},
	{name: "the log", steps: []string{
		"a| SELECT pg_switch_wal()", "a| SELECT pg_switch_wal() AS lsn", "a| SELECT pg_current_wal_lsn(), pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn()", "a| SELECT pg_last_wal_receive_lsn()", "=a| SELECT pg_is_in_recovery()",
		"a| SELECT pg_walfile_name(pg_current_wal_lsn()) AS file", "=a| SELECT pg_walfile_name('0/3000000')", "=a| SELECT pg_walfile_name('1/FF000001')", "=a| SELECT pg_wal_lsn_diff('0/3000000', '0/2FFFFFF') AS d", "a| SELECT pg_wal_lsn_diff('x', '0/1')",
		"=a| SELECT '0/A'::pg_lsn < '0/15'::pg_lsn AS yes", "=a| SELECT '0/A'::pg_lsn", "a| SELECT 'x'::pg_lsn", "a| SELECT pg_create_restore_point('before')", "a| SELECT pg_create_restore_point('before') AS lsn", "commit",
		"a| SELECT pg_wal_replay_pause()", "a| SELECT pg_wal_replay_resume()", "a| SELECT pg_is_wal_replay_paused()", "=a| SELECT pg_last_wal_replay_lsn() AS lsn", "a| SELECT pg_current_xlog_location()", "a| SELECT pg_switch_xlog()",
	}},
	{name: "the log of a standby", on: "standby", steps: []string{
		"a| SELECT pg_switch_wal()", "a| SELECT pg_current_wal_lsn()", "a| SELECT pg_last_wal_replay_lsn()", "=a| SELECT pg_last_wal_receive_lsn()", "a| SELECT pg_create_restore_point('x')", "a| SELECT pg_walfile_name('0/1')",
		"a| SELECT pg_wal_replay_pause()", "a| SELECT pg_is_wal_replay_paused()", "a end", "=b| SELECT pg_is_wal_replay_paused()", "b| SELECT pg_wal_replay_resume()", "=b| SELECT pg_is_wal_replay_paused() AS yes",
		"b| BEGIN", "b| CHECKPOINT", "b| SELECT 1", "b| COMMIT", "b| SELECT pg_advisory_lock(1)",
	}},
	{name: "backup mode", on: "15+", steps: []string{
		"a| SELECT pg_backup_stop(false)", "a| SELECT pg_backup_start('snap', true)", "a| SELECT pg_backup_start('snap', fast => true)", "b| SELECT pg_backup_start('other', true) AS lsn", "commit", "a| SELECT * FROM pg_backup_stop(false)",
		"a| SELECT * FROM pg_backup_stop(false)", "b| SELECT labelfile, spcmapfile FROM pg_backup_stop(wait_for_archive => false)", "a| SELECT pg_backup_start('x', true)", "a| SELECT pg_backup_stop(false)", "a| SELECT pg_start_backup('x', true, false)", "a| SELECT pg_stop_backup(false)", "a| SELECT pg_is_in_backup()",
		"a| SELECT pg_backup_start('x', true)", "a end", "c| SELECT pg_backup_start('x', true)", "c| BEGIN", "c| SELECT nothing", "c| ROLLBACK", "c| SELECT lsn FROM pg_backup_stop()",
	}},
	{name: "backup mode without rights", on: "15+", user: "plain", steps: []string{"a| SELECT pg_backup_start('x', true)", "a| SELECT pg_backup_stop()"}},
	{name: "backup mode of 14", on: "14", steps: []string{
		"a| SELECT pg_stop_backup(false)", "a| SELECT pg_start_backup('snap', true, false)", "a| SELECT pg_start_backup('snap', true, false)", "b| SELECT pg_start_backup('other', true, false) AS lsn", "commit", "a| SELECT * FROM pg_stop_backup(false)",
		"a| SELECT pg_stop_backup(false)", "b| SELECT labelfile, spcmapfile FROM pg_stop_backup(false, false)", "a| SELECT pg_backup_start('x', true)", "a| SELECT pg_backup_stop(false)", "=a| SELECT pg_is_in_backup()",
		"a| SELECT pg_start_backup('x', true)", "b| SELECT pg_start_backup('y', true)", "=b| SELECT pg_is_in_backup()", "b| SELECT pg_stop_backup(false)", "a end", "b| SELECT pg_stop_backup()", "b| SELECT pg_stop_backup()",
		"b| SELECT pg_start_backup('x', true)", "b| SELECT * FROM pg_stop_backup(true, false)", "c| SELECT pg_start_backup('x', true, false)", "c| SELECT pg_stop_backup()", "c| SELECT pg_stop_backup(false)",
		"c| SELECT pg_start_backup('x', true, false)", "c| SELECT pg_start_backup('x', true)",
	}},
	{name: "backup mode of 14 without rights", on: "14", user: "plain", steps: []string{"a| SELECT pg_start_backup('x', true)", "a| SELECT pg_stop_backup()", "a| SELECT pg_stop_backup(false)", "=a| SELECT pg_is_in_backup()"}},
	{name: "advisory locks", steps: []string{
		"a| SELECT pg_advisory_lock(42)", "=b| SELECT pg_try_advisory_lock(42) AS got", "w| SELECT pg_advisory_lock(42)", "w end", "=b| SELECT pg_advisory_unlock(42)", "=a| SELECT pg_try_advisory_lock(42)", "=a| SELECT pg_advisory_unlock(42)", "=a| SELECT pg_advisory_unlock(42)", "=a| SELECT pg_advisory_unlock(42)",
		"a| SELECT pg_advisory_lock(1, 2)", "a| SELECT pg_advisory_lock(7)", "a| SELECT pg_advisory_unlock_all()", "a| SELECT pg_advisory_lock_shared(3)", "=b| SELECT pg_try_advisory_lock_shared(3)", "=a| SELECT pg_try_advisory_lock(3)", "=b| SELECT pg_advisory_unlock_shared(3)", "=a| SELECT pg_try_advisory_lock(3)",
		"=a| SELECT pg_advisory_unlock(3)", "a end", "b| BEGIN", "b| SELECT pg_advisory_xact_lock(5)", "=c| SELECT pg_try_advisory_xact_lock(5)", "=b| SELECT pg_advisory_unlock(5)", "b| ROLLBACK", "=c| SELECT pg_try_advisory_xact_lock(5)",
		"b| BEGIN", "b| SELECT pg_advisory_lock(6)", "b| ROLLBACK", "c| SET lock_timeout = 50", "c| SELECT pg_advisory_lock(6)", "c| SET lock_timeout = 0", "c| SET statement_timeout = 50", "c| SELECT pg_advisory_lock(6)", "b| DISCARD ALL", "c| SELECT pg_advisory_lock(6)",
		"c| SELECT pg_cancel_backend(1)", "c| SELECT pg_terminate_backend(999999) AS done",
	}},
}

func TestAgreePostgres(t *testing.T) {
	covers(t, "postgres.star", postgresSequences)
	for _, major := range []int{14, 15, 18} {
		t.Run(strconv.Itoa(major), func(t *testing.T) {
			s := testdb.PostgresMajor(t, major, testdb.Options{Args: []string{"-c", "fsync=on", "-c", "max_connections=100"}})
			preparePostgres(t, s, major)
			postgresAgrees(t, s, major, false)
			s.Stop(t)
			if err := os.WriteFile(filepath.Join(s.Dir, "standby.signal"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			s.Start(t)
			postgresAgrees(t, s, major, true)
		})
	}
}

func preparePostgres(t *testing.T, s *testdb.Server, major int) {
	admin := s.Pgx(t)
	roles := "pg_read_all_settings"
	if major >= 15 {
		roles += ", pg_checkpoint"
	}
	for _, q := range []string{
		"CREATE ROLE plain LOGIN", "CREATE ROLE keeper LOGIN", "GRANT " + roles + " TO keeper", "CREATE TABLE other (id int)",
	} {
		if _, err := admin.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

func postgresAgrees(t *testing.T, s *testdb.Server, major int, standby bool) {
	for _, seq := range postgresSequences {
		if !meant(seq.on, major, standby) {
			continue
		}
		t.Run(seq.name, func(t *testing.T) {
			config := driver.Config{Driver: "postgres", User: seq.user, Socket: s.Socket, Database: "postgres"}
			options := action.Dict(action.Entry{Key: "in_recovery", Value: action.Bool(standby)})
			switch seq.user {
			case "":
				config.User = "postgres"
			case "keeper":
				options = options.With("privileges", strs("pg_read_all_settings", "pg_checkpoint"))
			case "plain":
				options = options.With("privileges", action.List())
			}
			for i, key := range seq.options.Keys() {
				options = options.With(key, seq.options.Items()[i])
			}
			world, err := worlds.New(fmt.Sprint("postgres-", major), options)
			if err != nil {
				t.Fatal(err)
			}
			server, err := postgres.Connect(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			admin := s.Pgx(t)
			p := &pair{world: world, real: server, commit: func(t *testing.T) bool { return insert(t, admin) }}
			before := settingsAt(t, admin)
			p.held = func(t *testing.T) []string {
				held := postgresHeld(t, admin, major, before)
				if strings.HasPrefix(seq.name, "backup mode") && backups(t, p, admin, major) {
					held = append(held, "backup mode")
				}
				slices.Sort(held)
				return held
			}
			p.agree(t, seq.steps)
		})
	}
}

func strs(list ...string) action.Value {
	var values []action.Value
	for _, s := range list {
		values = append(values, action.String(s))
	}
	return action.List(values...)
}

func meant(on string, major int, standby bool) bool {
	switch on {
	case "standby":
		return standby
	case "14":
		return !standby && major == 14
	case "15+":
		return !standby && major >= 15
	}
	return !standby
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
		FROM pg_settings s WHERE s.name <> 'application_name'`)
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
