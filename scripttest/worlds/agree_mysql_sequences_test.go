package worlds_test

import "github.com/starhost/starhost/action"

// mysqlSequences has every statement of mysql.star; TestMySQLStatementsCovered sees to it.
var mysqlSequences = []mysqlSequence{
	{name: "script with stages", only: "mariadb-10.11", steps: preflight + stageLock + "a: FLUSH NO_WRITE_TO_BINLOG BINARY LOGS\n" + redo + askPosition + askReplica + askMore + verify + "a: BACKUP STAGE END\n" + verify},
	{name: "script with FTWRL", only: "mysql-5.6", steps: preflight + flushLock + "a: FLUSH NO_WRITE_TO_BINLOG BINARY LOGS\n" + redo + askPosition + askReplica + askMore + verify + "a: UNLOCK TABLES\n" + verify},
	{name: "script with FTWRL on MariaDB", only: "mariadb-10.11", steps: preflight + "a: FLUSH TABLES WITH READ LOCK\n" + redo + askPosition + verify + "a: UNLOCK TABLES\n" + verify},
	{name: "script without a binary log", withoutBinlog: true, steps: preflight + "a: FLUSH TABLES WITH READ LOCK\n" + redo + askPosition + verify + "a: SHOW BINARY LOGS\na: SELECT @@log_bin, @@log_bin_basename\na ends"},
	{name: "script on a replica", replica: true, steps: "a: STOP SLAVE\n" + askReplica + "a: STOP REPLICA\na: FLUSH TABLES WITH READ LOCK\n" + askReplica},
	{
		name: "appliers of MariaDB", only: "mariadb-10.11", replica: true,
		steps: `
			a: STOP SLAVE
			a: STOP SLAVE '' SQL_THREAD
			a: SHOW ALL SLAVES STATUS
			a: STOP SLAVE '' SQL_THREAD
			a: START SLAVE '' SQL_THREAD
			a: SHOW ALL SLAVES STATUS
			a: START SLAVE '' SQL_THREAD
			a: STOP SLAVE 'west' SQL_THREAD
			a: START SLAVE 'west' SQL_THREAD
			a: STOP SLAVE SQL_THREAD FOR CHANNEL 'west'
			a: START REPLICA SQL_THREAD FOR CHANNEL ''
			a: STOP SLAVE
		`,
	},
	{
		name: "applier of MySQL", only: "mysql-5.6", replica: true,
		steps: `
			a: STOP SLAVE
			a: START SLAVE SQL_THREAD
			a: ~SHOW SLAVE STATUS
			a: STOP SLAVE SQL_THREAD
			a: SHOW SLAVE STATUS
			a: STOP SLAVE SQL_THREAD FOR CHANNEL ''
			a: START SLAVE SQL_THREAD
			a: START SLAVE SQL_THREAD
			a: STOP SLAVE
		`,
	},
	{name: "no replica", steps: "a: STOP SLAVE SQL_THREAD\na: START SLAVE SQL_THREAD\na: SELECT UNIX_TIMESTAMP()"},
	{name: "no Galera node", steps: "a: SELECT @@wsrep_desync\na: SET GLOBAL wsrep_desync = ON\na: SET GLOBAL wsrep_desync = OFF\n"},
	{name: "databases", steps: "a: SHOW DATABASES"},
	{name: "redo is lossy", set: map[string]action.Value{"innodb_flush_log_at_trx_commit": action.Int(2)}, steps: redo + lossyRedo + "a: FLUSH TABLES WITH READ LOCK\n" + lossyRedo},
	{name: "redo is not flushed", set: map[string]action.Value{"innodb_flush_log_at_trx_commit": action.Int(0)}, steps: redo + lossyRedo},
	{
		name: "read-only", set: map[string]action.Value{"read_only": action.Int(1)},
		steps: verify + "a: FLUSH TABLES WITH READ LOCK\n" + verify + "a: UNLOCK TABLES\n" + verify,
	},
	{
		name: "read-only and no administrator", grants: []string{"RELOAD ON *.*", "CREATE ON mysql.*"}, set: map[string]action.Value{"read_only": action.Int(1)},
		steps: verify + "a: FLUSH TABLES WITH READ LOCK\n" + verify + "a: UNLOCK TABLES\n" + verify,
	},
	{
		name: "no privileges", grants: []string{"USAGE ON *.*"},
		steps: preflight + stageLock + redo + askReplica + askMore + verify + `
			a: FLUSH TABLES WITH READ LOCK
			a: FLUSH TABLES
			a: FLUSH LOGS
			a: BACKUP STAGE END
			a: UNLOCK TABLES
			a: SHOW BINARY LOGS
			a: SET GLOBAL innodb_flush_log_at_trx_commit = 1
			a: SET GLOBAL read_only = 1
			a: SET GLOBAL sync_binlog = 1
			a: STOP SLAVE
			a: ` + askLong + `0
			a: KILL 4000000
		`,
	},
	{
		name: "RELOAD only", grants: []string{"RELOAD ON *.*"},
		steps: "a: SHOW GRANTS\n" + stageLock + "a: BACKUP STAGE END\na: FLUSH TABLES WITH READ LOCK\n" + redo + verify + askPosition,
	},
	{name: "PROCESS only", grants: []string{"PROCESS ON *.*"}, steps: "a: SHOW GRANTS\n" + redo + askTablespaces + stageLock},
	{name: "CREATE in mysql only", grants: []string{"CREATE ON mysql.*"}, steps: "a: SHOW GRANTS FOR CURRENT_USER\n" + verify},
	{name: "SUPER only", grants: []string{"SUPER ON *.*"}, steps: "a: SHOW GRANTS FOR CURRENT_USER()\n" + lossyRedo + askPosition + askReplica + "a: SET GLOBAL read_only = ON\na: SET GLOBAL read_only = OFF"},
	{
		name: "read lock is shared",
		steps: `
			a: FLUSH TABLES WITH READ LOCK
			a: FLUSH TABLES WITH READ LOCK
			b: FLUSH TABLES WITH READ LOCK
			a: UNLOCK TABLES
			a: UNLOCK TABLES
			a: CREATE DATABASE IF NOT EXISTS mysql
			b: CREATE DATABASE IF NOT EXISTS mysql
			b: BEGIN
			b: COMMIT
			b: CREATE DATABASE IF NOT EXISTS mysql
			b ends
			a: CREATE DATABASE IF NOT EXISTS mysql
		`,
	},
	{
		name: "flushes under a read lock",
		steps: `
			a: FLUSH TABLES WITH READ LOCK
			a: FLUSH TABLES
			a: FLUSH LOGS
			a: FLUSH ENGINE LOGS
			b: FLUSH TABLES
			b: FLUSH LOGS
			b: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS
			b: SET GLOBAL read_only = 1
			a: SET GLOBAL innodb_flush_log_at_trx_commit = 2
			b: SET GLOBAL read_only = 0
			b: SET GLOBAL innodb_flush_log_at_trx_commit = 1
			a: KILL 4000000
		`,
	},
	{
		name: "stages go forward", only: "mariadb-10.11",
		steps: `
			a: BACKUP STAGE END
			a: BACKUP STAGE FLUSH
			a: BACKUP STAGE NOWHERE
			a: BACKUP STAGE START
			a: BACKUP STAGE START
			a: CREATE DATABASE IF NOT EXISTS mysql
			a: FLUSH TABLES WITH READ LOCK
			b: BACKUP STAGE START
			b: BACKUP STAGE END
			b: FLUSH TABLES WITH READ LOCK
			b: BACKUP STAGE START
			b: UNLOCK TABLES
			a: BACKUP STAGE FLUSH
			a: BACKUP STAGE START
			a: BACKUP STAGE BLOCK_DDL
			b: FLUSH TABLES
			b: CREATE DATABASE IF NOT EXISTS mysql
			a: SET GLOBAL read_only = 1
			a: BACKUP STAGE BLOCK_COMMIT
			b: FLUSH TABLES
			b: FLUSH TABLES WITH READ LOCK
			b: UNLOCK TABLES
			a: UNLOCK TABLES
			a: SET GLOBAL innodb_flush_log_at_trx_commit = 2
			a: SET GLOBAL innodb_flush_log_at_trx_commit = 1
			a: BACKUP STAGE END
			a: BACKUP STAGE END
			a: BACKUP STAGE START
			a: BACKUP STAGE BLOCK_COMMIT
			a ends
			b: FLUSH TABLES WITH READ LOCK
			c: BACKUP STAGE START
			c: BACKUP STAGE BLOCK_COMMIT
			b ends
			c ends
		`,
	},
	{
		name: "a long write", busy: "UPDATE app.long_one SET n = n + SLEEP(60)",
		steps: "a: " + askLong + "0\na: FLUSH TABLES WITH READ LOCK\na: SET GLOBAL read_only = 1\n" + stageLock + verify + "a: BACKUP STAGE END\na: FLUSH TABLES",
	},
	{
		name: "a long read", busy: "SELECT SLEEP(60) FROM app.long_one",
		steps: "a: " + askLong + "0\na: FLUSH TABLES\na: FLUSH TABLES WITH READ LOCK\na: CREATE DATABASE IF NOT EXISTS mysql\na: UNLOCK TABLES\na: SET GLOBAL read_only = 1\na: SET GLOBAL read_only = 0\n" + stageLock,
	},
	{name: "a long read without a table", busy: "SELECT SLEEP(60)", steps: "a: " + askLong + "0\na: FLUSH TABLES WITH READ LOCK"},
	{name: "others' statements without PROCESS", grants: []string{"RELOAD ON *.*"}, busy: "SELECT SLEEP(60)", steps: "a: " + askLong + "0"},
	{
		name: "variables",
		steps: `
			a: SELECT @@global.innodb_flush_log_at_trx_commit
			a: SELECT @@GLOBAL.innodb_flush_log_at_trx_commit = 1
			a: SELECT @@lock_wait_timeout, @@global.wait_timeout AS w
			a: SELECT @@session.lock_wait_timeout, @@local.lock_wait_timeout
			a: SELECT @@session.innodb_flush_log_at_trx_commit
			a: SELECT @@version, @@read_only, @@datadir, @@hostname, @@server_id, @@autocommit
			a: SELECT @@log_bin, @@global.log_bin_basename, @@relay_log_basename, @@version_comment, @@port, @@socket
			a: SELECT @@innodb_data_home_dir, @@innodb_data_file_path, @@innodb_undo_directory, @@innodb_log_group_home_dir
			a: SELECT @@general_log, @@slow_query_log, @@sync_binlog, @@innodb_flush_log_at_timeout
			a: SELECT @@server_uuid
			a: SELECT @@gtid_mode
			a: SELECT @@gtid_executed
			a: SELECT @@gtid_slave_pos
			a: SELECT @@super_read_only
			a: SELECT @@wsrep_on
			a: SELECT @@aria_log_dir_path
			a: SELECT @@rocksdb_datadir
			a: SET SESSION lock_wait_timeout = 10
			a: SET lock_wait_timeout = 10
			a: SET SESSION innodb_flush_log_at_trx_commit = 1
			a: SET read_only = 1
			a: SET GLOBAL hostname = 'x'
			a: SET GLOBAL super_read_only = 1
			a: SET GLOBAL lock_wait_timeout = 'x'
			a: SET GLOBAL lock_wait_timeout = 33
			a: SET GLOBAL lock_wait_timeout = DEFAULT
			a: SET GLOBAL innodb_flush_log_at_trx_commit = 7
			a: SET GLOBAL innodb_flush_log_at_trx_commit = '2'
			a: SET @@global.innodb_flush_log_at_trx_commit = 2
			a: SET GLOBAL innodb_flush_log_at_trx_commit := 0
			a: SET GLOBAL innodb_flush_log_at_trx_commit = DEFAULT
			a: SET GLOBAL read_only = ON
			a: SELECT @@read_only
			a: SET GLOBAL read_only = 'off'
			a: SET GLOBAL read_only = 2
			a: SET GLOBAL read_only = 'nonsense'
			a: SET GLOBAL read_only = TRUE
			a: SET GLOBAL read_only = FALSE
			a: SET GLOBAL read_only = 1, innodb_flush_log_at_trx_commit = 2
			a: SET GLOBAL read_only = 0, hostname = 'x'
			a: SET GLOBAL read_only = 0, innodb_flush_log_at_trx_commit = 1
			a: SET SESSION wait_timeout = 'x'
			a: SET SESSION wait_timeout = -1
			a: SET SESSION wait_timeout = 3.5
			a: SET NAMES utf8mb4
			a: SHOW VARIABLES LIKE 'wait_timeout'
			a: SHOW GLOBAL VARIABLES LIKE 'READ_ONLY'
			a: SHOW VARIABLES WHERE Variable_name = 'read_only'
			a: SHOW SESSION VARIABLES WHERE variable_name IN ('read_only', 'version') OR variable_name LIKE 'gtid_mode'
			a: SHOW GLOBAL STATUS WHERE Variable_name = 'Uptime'
			a: SHOW STATUS LIKE 'Threads_connected'
		`,
	},
	{
		name: "what people try",
		steps: `
			a: select 1
			a: SELECT 1 AS one, 'it''s' AS two, "x"
			a: SELECT VERSION(), version() AS v
			a: SELECT CONNECTION_ID()
			a: SELECT   CONNECTION_ID( )   AS id ;
			a: SELECT @@hostname AS h, VERSION() AS v, CONNECTION_ID() AS c /* who */
			a: SELECT USER(), CURRENT_USER(), DATABASE()
			a: ~SHOW PROCESSLIST
			a: ~SHOW FULL PROCESSLIST
			a: ~SHOW BINARY LOGS
			a: ~SHOW MASTER LOGS
			a: SHOW BINLOG STATUS
			a: FLUSH BINARY LOGS
			a: FLUSH LOCAL ENGINE LOGS
			a: flush tables
			a: START TRANSACTION
			a: ROLLBACK
			a: DO 0
			a: UNLOCK TABLE
			a: FLUSH TABLE WITH READ LOCK
			a: unlock  tables
			a: LOCK TABLES FOR BACKUP
			a: UNLOCK INSTANCE
			a: START SLAVE
			a: START SLAVE SQL_THREAD
			a: STOP SLAVE SQL_THREAD
			a: STOP REPLICA
			a: CREATE DATABASE IF NOT EXISTS ` + "`mysql`" + `
			a: CREATE SCHEMA IF NOT EXISTS mysql
			a: KILL 4000000
			a: KILL QUERY 4000000
			a: KILL CONNECTION 4000000
		`,
	},
}
