package worlds_test

import "github.com/starhost/starhost/action"

// mysqlPlays are what happens to a world, line by line, and what it answers: "ok", an
// error code, "waits", "unknown", or the rows. Lines without a session are for the server.
var mysqlPlays = []struct {
	name, world string
	options     action.Value
	lines       [][2]string
}{
	{"instance lock and read lock", "mysql-8.4", action.Value{}, [][2]string{
		{"a: LOCK INSTANCE FOR BACKUP", "ok"},
		{"held", "backup lock"},
		{"commit", "true"},
		{"b: CREATE DATABASE IF NOT EXISTS mysql", "waits"},
		{"a: CREATE DATABASE IF NOT EXISTS mysql", "ok"},
		{"a: BACKUP STAGE START", "1064"},
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
		{"held", "backup lock, global read lock"},
		{"commit", "false"},
		{"a: CREATE DATABASE IF NOT EXISTS mysql", "1223"},
		{"a: UNLOCK TABLES", "ok"},
		{"held", "backup lock"},
		{"a: UNLOCK INSTANCE", "ok"},
		{"a: UNLOCK INSTANCE", "ok"},
		{"held", ""},
	}},
	{"statements of 8.4", "mysql-8.4", action.Value{}, [][2]string{
		{"a: SHOW MASTER STATUS", "1064"},
		{"a: SHOW SLAVE STATUS", "1064"},
		{"a: SHOW BINARY LOG STATUS", `[["binlog.000003",1337,"","","8a94f357-aab4-11df-86ab-c80aa9429562:1-12"]]`},
		{"a: SELECT filename AS path FROM information_schema.innodb_sys_tablespaces", "1109"},
		{"a: SELECT path AS path FROM information_schema.innodb_datafiles", `[["mysql.ibd"],["./sys/sys_config.ibd"]]`},
		{"a: SHOW GLOBAL STATUS WHERE variable_name IN ('Innodb_lsn_current', 'Innodb_redo_log_current_lsn')", `[["Innodb_redo_log_current_lsn","1626000"]]`},
		{"a: SHOW REPLICA STATUS", `[]`},
		{"a: STOP SLAVE", "1064"},
	}},
	{"no BACKUP_ADMIN", "mysql-8.4", grants("RELOAD, PROCESS ON *.*"), [][2]string{
		{"a: LOCK INSTANCE FOR BACKUP", "1227"},
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
	}},
	{"lock ends with its session", "mysql-5.6", action.Value{}, [][2]string{
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
		{"b: FLUSH TABLES WITH READ LOCK", "ok"},
		{"a ends", "ok"},
		{"held", "global read lock"},
		{"commit", "false"},
		{"b: KILL 42", "1317"},
		{"held", ""},
		{"commit", "true"},
	}},
	{"killed by another", "mariadb-10.11", action.Value{}, [][2]string{
		{"a: BACKUP STAGE START", "ok"},
		{"b: KILL QUERY 41", "ok"},
		{"held", "backup stage START"},
		{"b: KILL 41", "ok"},
		{"b: KILL 41", "1094"},
		{"held", ""},
	}},
	{"stages", "mariadb-10.11", action.Value{}, [][2]string{
		{"a: BACKUP STAGE START", "ok"},
		{"a: BACKUP STAGE BLOCK_DDL", "ok"},
		{"commit", "true"},
		{"b: BACKUP STAGE START", "waits"},
		{"a: BACKUP STAGE BLOCK_COMMIT", "ok"},
		{"held", "backup stage BLOCK_COMMIT"},
		{"commit", "false"},
		{"a: BACKUP STAGE FLUSH", "4147"},
		{"drop backup stage BLOCK_COMMIT", "true"},
		{"drop backup stage BLOCK_COMMIT", "false"},
		{"a: BACKUP STAGE END", "4146"},
	}},
	{"globals are held until they are given back", "mariadb-10.11", set("innodb_flush_log_at_trx_commit", action.Int(2)), [][2]string{
		{"a: SET GLOBAL innodb_flush_log_at_trx_commit = 1", "ok"},
		{"a: SET GLOBAL read_only = ON", "ok"},
		{"held", "global innodb_flush_log_at_trx_commit = 1, was 2, global read_only = ON, was OFF"},
		{"a ends", "ok"},
		{"drop global read_only = ON, was OFF", "true"},
		{"b: SET GLOBAL innodb_flush_log_at_trx_commit = 2", "ok"},
		{"held", ""},
		{"b: SET GLOBAL read_only = 1", "ok"},
		{"restart", "ok"},
		{"held", ""},
		{"c: SELECT CONNECTION_ID() AS id", `[[43]]`},
	}},
	{"what an administrator sets is not held", "mysql-5.6", action.Value{}, [][2]string{
		{"a: SET GLOBAL sync_binlog = 1", "ok"},
		{"set sync_binlog 0", "ok"},
		{"held", ""},
		{"a: SELECT @@global.sync_binlog AS n", `[[0]]`},
	}},
	{"redo of MariaDB", "mariadb-10.11", set("innodb_flush_log_at_trx_commit", action.Int(0)), [][2]string{
		{"a: SHOW GLOBAL STATUS LIKE 'Innodb_lsn_flushed'", `[["Innodb_lsn_flushed","1625660"]]`},
		{"commit", "true"},
		{"a: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", "ok"}, // does nothing
		{"a: SHOW GLOBAL STATUS LIKE 'Innodb_lsn_flushed'", `[["Innodb_lsn_flushed","1625660"]]`},
		{"a: SET GLOBAL innodb_flush_log_at_trx_commit = 1", "ok"},
		{"a: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", "ok"},
		{"a: SHOW GLOBAL STATUS LIKE 'Innodb_lsn_flushed'", `[["Innodb_lsn_flushed","1626500"]]`},
	}},
	{"redo of MySQL", "mysql-5.6", set("innodb_flush_log_at_trx_commit", action.Int(0)), [][2]string{
		{"a: SHOW ENGINE INNODB STATUS", `[["InnoDB","","\nINNODB MONITOR OUTPUT\n---\nLOG\n---\nLog sequence number 1626000\nLog flushed up to   1625660\n"]]`},
		{"a: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", "ok"},
		{"a: SHOW ENGINE INNODB STATUS", `[["InnoDB","","\nINNODB MONITOR OUTPUT\n---\nLOG\n---\nLog sequence number 1626000\nLog flushed up to   1626000\n"]]`},
	}},
	{"the position moves", "mariadb-10.11", action.Value{}, [][2]string{
		{"a: SHOW MASTER STATUS", `[["binlog.000003",1337,"",""]]`},
		{"commit", "true"},
		{"a: SHOW MASTER STATUS", `[["binlog.000003",1637,"",""]]`},
		{"a: SELECT @@global.gtid_binlog_pos AS value", `[["0-1-13"]]`},
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
		{"commit", "false"},
		{"a: SHOW MASTER STATUS", `[["binlog.000003",1637,"",""]]`},
	}},
	{"no binary log", "mysql-5.6", set("binlog", action.Bool(false)), [][2]string{
		{"a: SHOW MASTER STATUS", `[]`},
		{"a: SHOW GLOBAL VARIABLES LIKE 'log_bin'", `[["log_bin","OFF"]]`},
		{"a: SELECT @@global.gtid_executed AS value", `[[""]]`},
	}},
	{"long statements", "mysql-5.6", set("long_queries", action.List(
		long(7, 60, "UPDATE t SET n = 1"), long(8, 2, "SELECT n FROM t"))), [][2]string{
		{"a: " + askLong + "5", `[[7,"app",60,"UPDATE t SET n = 1"]]`},
		{"a: FLUSH TABLES WITH READ LOCK", "waits"},
		{"held", ""},
		{"a: KILL 7", "ok"},
		{"a: FLUSH TABLES WITH READ LOCK", "waits"},
		{"held", "global read lock"}, // as MySQL keeps it
		{"a: UNLOCK TABLES", "ok"},
		{"set long_queries []", "ok"},
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
	}},
	{"long statements of MariaDB", "mariadb-10.11", set("long_queries", action.List(long(8, 60, "SELECT n FROM t"))), [][2]string{
		{"a: FLUSH TABLES WITH READ LOCK", "ok"},
	}},
	{"read-only", "mariadb-10.11", action.Dict(
		action.Entry{Key: "read_only", Value: action.Bool(true)}, action.Entry{Key: "grants", Value: grants("RELOAD, CREATE ON *.*").Get("grants")}), [][2]string{
		{"a: CREATE DATABASE IF NOT EXISTS mysql", "1290"},
		{"commit", "false"},
		{"held", ""},
	}},
	{"super-read-only", "mysql-8.4", action.Value{}, [][2]string{
		{"a: SET GLOBAL super_read_only = ON", "ok"},
		{"a: CREATE DATABASE IF NOT EXISTS mysql", "1290"},
		{"commit", "false"},
	}},
	{"Galera", "mariadb-10.11", set("galera", action.String("Donor/Desynced")), [][2]string{
		{"a: SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'", `[["wsrep_local_state_comment","Donor/Desynced"]]`},
		{"a: SHOW GLOBAL VARIABLES LIKE 'wsrep_on'", `[["wsrep_on","ON"]]`},
	}},
	{"replica", "mysql-8.4", set("replica", action.Bool(true)), [][2]string{
		{"a: STOP REPLICA SQL_THREAD", "ok"},
		{"held", "replica SQL thread stopped"},
		{"a: START REPLICA", "ok"},
		{"held", ""},
	}},
	{"variables of a test", "mysql-8.4", set("variables", action.Dict(action.Entry{Key: "Max_Connections", Value: action.Int(151)})), [][2]string{
		{"a: SELECT @@global.max_connections AS n", `[[151]]`},
		{"a: SHOW VARIABLES LIKE 'max_connections'", `[["max_connections","151"]]`},
		{"a: SET GLOBAL max_connections = 200", "ok"},
		{"held", "global max_connections = 200, was 151"},
	}},
	{"what it does not know it says", "mariadb-10.11", action.Value{}, [][2]string{
		{"a: SELECT @@global.max_connections", "unknown"},
		{"a: SHOW GLOBAL VARIABLES LIKE 'innodb%'", "unknown"},
		{"a: SHOW GLOBAL STATUS LIKE 'Threads_running'", "unknown"},
		{"a: SELECT 1 FROM t", "unknown"},
		{"a: SELECT 1 + 1", "unknown"},
		{"a: SELECT ? AS v", "unknown"},
		{"a: SET @x = 1", "unknown"},
		{"a: SET GLOBAL read_only = 1, @x = 1", "unknown"},
		{"a: DO SLEEP(1)", "unknown"},
		{"a: INSERT INTO t VALUES (1)", "unknown"},
		{"a: LOCK TABLES t READ", "unknown"},
		{"a: FLUSH TABLES t WITH READ LOCK", "unknown"},
		{"a: /*! UNLOCK TABLES */", "unknown"},
		{"a: SELECT 'open", "unknown"},
		{"a: NONSENSE", "unknown"},
		{"held", ""},
	}},
	{"spelling", "mysql-5.6", action.Value{}, [][2]string{
		{"a:  flush\n\ttables /* all */ with READ lock ; -- now", "ok"},
		{"held", "global read lock"},
		{"a: unlock Tables # done", "ok"},
		{"held", ""},
		{"a: SELECT 'it''s; \\'--\\'' AS `x`", `[["it's; '--'"]]`},
	}},
}
