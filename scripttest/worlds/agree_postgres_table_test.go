package worlds_test

import "github.com/starhost/starhost/action"

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
	spacesQuery   = "SELECT pg_tablespace_location(oid) AS path FROM pg_tablespace"
	databaseQuery = "SELECT datname FROM pg_database WHERE datname = $1"
	standbyQuery  = "SELECT pg_is_in_recovery() AS yes"
	flushQuery    = "SELECT pg_current_wal_flush_lsn()::text AS lsn, false AS in_recovery, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline"
	// Rights, and the archive.
	mayQuery     = "SELECT has_function_privilege($1::text, 'execute') AS yes"
	waitingQuery = "SELECT name FROM pg_ls_archive_statusdir() WHERE name = $1"
	failedQuery  = "SELECT last_failed_wal FROM pg_stat_archiver"
	replayQuery  = "SELECT pg_last_wal_replay_lsn()::text AS lsn, true AS in_recovery, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline"
)

// The subjects of on: "" is a primary of every major, "14" one of 14, "15+" one since 15, "minimal" one
// that writes little log.
var postgresSequences = []sequence{
	{name: "script", steps: []string{
		"main| " + serverQuery, "main| " + spacesQuery, "main| CHECKPOINT", "=main| " + standbyQuery, "main| " + flushQuery, "commit",
		"main| " + serverQuery, "main| " + standbyQuery, "main| " + flushQuery, "main end",
	}},
	{name: "paths", steps: []string{"=main| " + spacesQuery, "=main| SELECT spcname, pg_tablespace_location(oid) AS path FROM pg_tablespace WHERE oid > 9999 OR oid = 1664", "=main| SHOW data_directory"}},
	{name: "databases", steps: []string{"=main| " + databaseQuery + " <- postgres", "=main| " + databaseQuery + " <- shop", "=main| SELECT datname FROM pg_database"}},
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
		"=main| SELECT spcname FROM pg_tablespace WHERE oid = 1663", "main| SELECT * FROM pg_tablespace", "main| SELECT * FROM pg_control_system()", "=main| SELECT pg_control_version, catalog_version_no FROM pg_control_system()", "main| SELECT * FROM pg_control_checkpoint()",
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
	{name: "a server that was restarted", steps: []string{
		"a| ALTER SYSTEM SET wal_log_hints = on", "a| ALTER SYSTEM SET max_wal_size = '2GB'", "a| SELECT pg_advisory_lock(3)", "a| BEGIN", "restart", "=a| SHOW wal_log_hints", "=a| SHOW max_wal_size", "a| COMMIT",
		"a| ALTER SYSTEM RESET ALL", "a| SELECT pg_reload_conf()", "restart", "=a| SHOW wal_log_hints", "main| " + serverQuery,
	}},
	{name: "a server that was restarted in backup mode", on: "14", steps: []string{"a| SELECT pg_start_backup('x', true)", "restart", "=a| SELECT pg_is_in_backup()"}},
	{name: "a server that only reads", steps: []string{
		"a| ALTER SYSTEM SET default_transaction_read_only = on", "commit", "a| SELECT pg_reload_conf()", "commit", "a| CHECKPOINT", "a| SELECT pg_is_in_recovery()", "a| ALTER SYSTEM RESET default_transaction_read_only", "a| SELECT pg_reload_conf()", "commit",
	}},
	{name: "little log", on: "minimal", options: action.Dict(action.Entry{Key: "wal_level", Value: action.String("minimal")}), steps: []string{
		"=a| SHOW wal_level", "a| SELECT pg_backup_start('x', true)", "a| SELECT pg_start_backup('x', true, false)", "a| SELECT pg_start_backup('x', true)", "a| SELECT pg_create_restore_point('x')", "a| SELECT pg_switch_wal()", "a| CHECKPOINT", "commit",
	}},
	{name: "settings without rights", user: "plain", steps: []string{
		"a| SHOW data_directory", "a| SELECT current_setting('data_directory') AS d", "=a| SHOW fsync", "a| SET log_min_duration_statement = 0", "a| ALTER SYSTEM SET lock_timeout = '1s'", "a| SELECT pg_reload_conf()", "a| SET fsync = on",
		"=a| SELECT name FROM pg_settings WHERE name = 'data_directory'",
		"a| SELECT pg_switch_wal()", "a| SELECT pg_switch_wal(), nothing", "a| SELECT pg_create_restore_point('x')", "a| SELECT pg_is_in_recovery() AS yes", "a| SELECT pg_current_wal_lsn()", "a| SELECT * FROM pg_stat_archiver", "a| SELECT system_identifier FROM pg_control_system()",
		"a| SELECT pg_wal_replay_pause()", "a| SELECT pg_no_such_statement FROM pg_tablespace",
	}},
	{name: "settings of a monitor", user: "watcher", steps: []string{"=a| SHOW data_directory", "a| " + serverQuery, "a| CHECKPOINT", "a| SELECT pg_switch_wal()", "a| ALTER SYSTEM RESET ALL"}},
	{name: "backup mode of a user who may", on: "15+", user: "caller", steps: []string{
		"a| SELECT pg_backup_start('x', true)", "a| SELECT pg_switch_wal()", "a| SELECT pg_create_restore_point('x')", "a| SELECT lsn FROM pg_backup_stop(false)", "a| SHOW data_directory", "a| SELECT pg_reload_conf()",
	}},
	{name: "backup mode of a user who may, of 14", on: "14", user: "caller", steps: []string{
		"a| SELECT pg_start_backup('x', true, false)", "a| SELECT pg_switch_wal()", "a| SELECT lsn FROM pg_stop_backup(false, false)", "a| SELECT pg_reload_conf()",
	}},
	{name: "transactions", steps: []string{
		"a| BEGIN", "=a| SELECT 1 AS one", "a| BEGIN", "a| COMMIT", "a| COMMIT", "a| ROLLBACK", "a| START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", "a| END WORK", "a| BEGIN TRANSACTION", "a| ABORT",
		"a| BEGIN", "a| SET lock_timeout = '1s'", "a| SET LOCAL statement_timeout = '7s'", "=a| SHOW statement_timeout", "=a| SHOW lock_timeout", "a| COMMIT", "=a| SHOW statement_timeout", "=a| SHOW lock_timeout",
		"a| BEGIN", "a| SET lock_timeout = '9s'", "a| ROLLBACK", "=a| SHOW lock_timeout", "a| SET LOCAL lock_timeout = '3s'", "=a| SHOW lock_timeout",
		"a| BEGIN", "a| SET fsync = off", "a| SHOW fsync", "a| COMMIT", "=a| SHOW fsync", "a| BEGIN", "a| SELECT nothing", "a| SELECT 1", "a| BEGIN", "commit", "a| END", "a| BEGIN", "a| CHECKPOINT", "commit", "a| ALTER SYSTEM SET lock_timeout = 1", "a| ROLLBACK",
		"a| BEGIN", "a| SELECT 1, 2", "a| SELECT 1", "a| DISCARD ALL", "a| ROLLBACK", "a| BEGIN", "b| SELECT 1", "a end", "b| SELECT 1",
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
	{name: "backup mode of the script", on: "15+", steps: []string{
		"main| SELECT current_setting('server_version_num')::int AS number", "=main| " + mayQuery + " <- pg_backup_start(text,boolean)", "=main| " + mayQuery + " <- pg_backup_stop(boolean)", "=main| " + mayQuery + " <- pg_ls_archive_statusdir()", "=main| SELECT current_setting('wal_segment_size') AS size",
		"main| SET statement_timeout = 0", "main| SET idle_session_timeout = '100s'", "main| SELECT pg_backup_start($1, true)::text AS lsn <- starhost", "commit", "=main| " + waitingQuery + " <- 0.ready", "=main| " + failedQuery,
		"main| SELECT lsn::text AS lsn, labelfile, spcmapfile FROM pg_backup_stop(false)", "main| SELECT lsn::text AS lsn, labelfile, spcmapfile FROM pg_backup_stop(false)", "main| SELECT pg_switch_wal()::text AS lsn",
		"main| SELECT has_function_privilege('pg_start_backup(text, boolean, boolean)', 'execute') AS yes", "main| SELECT has_function_privilege('nothing()', 'execute') AS yes",
	}},
	{name: "backup mode of the script, of 14", on: "14", steps: []string{
		"=main| " + mayQuery + " <- pg_start_backup(text,boolean,boolean)", "main| SELECT pg_start_backup($1, true, false)::text AS lsn <- starhost", "commit", "main| SELECT lsn::text AS lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)",
		"main| SELECT lsn::text AS lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)", "main| SELECT pg_start_backup($1, true, false)::text AS lsn <- starhost", "main| SELECT pg_stop_backup(false, false)", "main| " + mayQuery + " <- pg_backup_stop(boolean)",
	}},
	{name: "backup mode of a standby", on: "standby", steps: []string{
		"=main| SELECT has_function_privilege('pg_switch_wal()', 'execute') AS yes", "main| SELECT pg_switch_wal()::text AS lsn", "=main| " + waitingQuery + " <- 0.ready",
	}},
	{name: "the archive", on: "archiving", steps: []string{
		"=main| " + failedQuery, "main| SELECT pg_switch_wal()::text AS lsn", "main| SELECT last_archived_wal, last_failed_wal FROM pg_stat_archiver", "=main| " + failedQuery, "=main| " + waitingQuery + " <- 000000010000000000000001.ready",
	}},
	{name: "rights to the archive", user: "plain", steps: []string{"=a| " + mayQuery + " <- pg_ls_archive_statusdir()", "a| " + waitingQuery + " <- 0.ready", "=a| SELECT has_function_privilege('version()', 'EXECUTE') AS yes"}},
	{name: "rights of a monitor to the archive", user: "watcher", steps: []string{"=a| " + mayQuery + " <- pg_ls_archive_statusdir()", "=a| " + waitingQuery + " <- 0.ready"}},
	{name: "rights to half a backup", on: "15+", user: "caller", steps: []string{"=a| " + mayQuery + " <- pg_backup_stop(boolean)", "=a| " + mayQuery + " <- pg_ls_archive_statusdir()"}},
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
		"b| BEGIN", "b| SELECT pg_advisory_lock(6)", "b| ROLLBACK", "c| SET lock_timeout = 50", "c| SELECT pg_advisory_lock(6)", "c| SET lock_timeout = 0", "c| SET statement_timeout = 50", "c| SELECT pg_advisory_lock(6)", "c| SET statement_timeout = 0", "b| DISCARD ALL", "c| SELECT pg_advisory_lock(6)",
		"c| SELECT pg_cancel_backend(1)", "c| SELECT pg_terminate_backend(999999) AS done",
	}},
}
