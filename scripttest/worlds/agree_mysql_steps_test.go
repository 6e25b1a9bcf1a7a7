package worlds_test

import (
	"strings"

	"github.com/starhost/starhost/action"
)

// mysqlSequence is a sequence of statements, and the state in which the servers are
// when it begins.
type mysqlSequence struct {
	name          string
	only          string   // the world it is for; "" is all
	grants        []string // "RELOAD ON *.*": the sessions are of a user with those; nil is root
	set           map[string]action.Value
	busy          string // a statement of somebody else that runs all the time
	replica       bool
	withoutBinlog bool
	steps         string
}

// mysqlStep is one line of steps: "a: SELECT 1" is a statement of session a, and "a ends"
// is its end. A ~ before the statement says that the number of rows depends on more than
// the statements; "<- 9" after it is its parameter.
type mysqlStep struct {
	line, session string
	query         string // empty is the end of the session
	loose         bool
	params        []action.Value
}

func (s mysqlSequence) list() []mysqlStep {
	var all []mysqlStep
	for line := range strings.Lines(s.steps) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		step := mysqlStep{line: line}
		var ends bool
		if step.session, ends = strings.CutSuffix(line, " ends"); !ends {
			step.session, step.query, _ = strings.Cut(line, ": ")
			step.query, step.loose = strings.CutPrefix(step.query, "~")
			var param string
			if step.query, param, _ = strings.Cut(step.query, " <- "); param != "" {
				step.params = []action.Value{action.Int(int64(param[0] - '0'))}
			}
		}
		all = append(all, step)
	}
	return all
}

const (
	askVariables = "SHOW GLOBAL VARIABLES WHERE variable_name IN ('version', 'hostname', 'server_id', 'server_uuid', 'datadir', 'read_only', 'innodb_data_home_dir', 'innodb_log_group_home_dir', 'innodb_undo_directory', 'aria_log_dir_path', 'rocksdb_datadir', 'log_bin_basename', 'relay_log_basename', 'innodb_data_file_path', 'innodb_flush_log_at_trx_commit')"
	askStatus    = "SHOW GLOBAL STATUS WHERE variable_name IN ('Innodb_lsn_current', 'Innodb_lsn_flushed', 'Innodb_redo_log_current_lsn', 'Innodb_redo_log_flushed_to_disk_lsn')"
	askLong      = "SELECT id, user, time, LEFT(info, 60) AS statement FROM information_schema.processlist WHERE command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID') AND user <> 'system user' AND id <> CONNECTION_ID() AND time >= "
	askGroup     = "SELECT member_role, member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"
	askPosition  = `
		a: SHOW BINARY LOG STATUS
		a: SHOW MASTER STATUS
		a: SELECT @@global.gtid_binlog_pos AS value
		a: SELECT @@global.gtid_current_pos AS value
		a: SELECT @@global.gtid_slave_pos AS value
		a: SELECT @@global.gtid_executed AS value
	`
	preflight = `
		a: ` + askVariables + `
		a: SHOW GRANTS
		a: SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'
		a: SHOW GLOBAL STATUS LIKE 'Innodb_redo_log_enabled'
		a: ` + askGroup + `
	` + askPosition + askTablespaces + `
		a: SET SESSION lock_wait_timeout = ? <- 9
		a: SET SESSION wait_timeout = ? <- 9
		a: LOCK INSTANCE FOR BACKUP
	`
	askTablespaces = `
		a: SELECT filename AS path FROM information_schema.innodb_sys_tablespaces
		a: SELECT path AS path FROM information_schema.innodb_sys_datafiles
		a: SELECT path AS path FROM information_schema.innodb_datafiles
	`
	askReplica = `
		a: SHOW ALL SLAVES STATUS
		a: SHOW REPLICA STATUS
		a: SHOW SLAVE STATUS
	`
	askMore = `
		a: SELECT * FROM performance_schema.log_status
		a: XA RECOVER
	`
	redo = `
		a: ` + askStatus + `
		a: SHOW ENGINE INNODB STATUS
		a: SELECT @@global.innodb_flush_log_at_trx_commit AS value
		a: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS
	`
	lossyRedo = `
		a: SELECT @@global.innodb_flush_log_at_trx_commit AS value
		a: SET GLOBAL innodb_flush_log_at_trx_commit = 1
		a: FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS
		a: SELECT @@global.innodb_flush_log_at_trx_commit = 1
		a: SET GLOBAL innodb_flush_log_at_trx_commit = ? <- 2
	`
	flushLock = `
		a: BACKUP STAGE START
		a: ` + askLong + `5
		a: FLUSH TABLES WITH READ LOCK
	`
	stageLock = `
		a: BACKUP STAGE START
		a: BACKUP STAGE FLUSH
		a: BACKUP STAGE BLOCK_DDL
		a: BACKUP STAGE BLOCK_COMMIT
	`
	verify = "a: CREATE DATABASE IF NOT EXISTS mysql\n"
)
