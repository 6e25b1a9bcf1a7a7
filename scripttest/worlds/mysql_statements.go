package worlds

// myStatement is a statement that the family knows. A product that does not know it
// answers with a syntax error.
type myStatement struct {
	pattern  string // as of myWords.match
	products myBits // that know it; 0 is all of them
	needs    string // key into the product's needs; "" is no privilege
	do       func(myCall) Answer
}

// myCall is one statement of a session.
type myCall struct {
	*mysqlServer
	session *mySession
	query   string
	all     myWords // of the statement
	words   myWords // what its pattern left over
}

// myStatements are looked through in order: the first that matches counts.
var myStatements = []myStatement{
	{"FLUSH [NO_WRITE_TO_BINLOG|LOCAL] TABLES|TABLE WITH READ LOCK", 0, "flush", myCall.flushWithReadLock},
	{"FLUSH NO_WRITE_TO_BINLOG|LOCAL TABLES|TABLE", 0, "flush", myCall.flushTables},
	{"FLUSH TABLES|TABLE", 0, "flush", myLogged(myCall.flushTables)},
	{"FLUSH NO_WRITE_TO_BINLOG|LOCAL ENGINE LOGS", 0, "reload", myCall.flushEngine},
	{"FLUSH ENGINE LOGS", 0, "reload", myLogged(myCall.flushEngine)},
	{"FLUSH NO_WRITE_TO_BINLOG|LOCAL [BINARY] LOGS", 0, "reload", myCall.flushLogs},
	{"FLUSH [BINARY] LOGS", 0, "reload", myLogged(myCall.flushLogs)},
	{"UNLOCK TABLES|TABLE", 0, "", myCall.unlock},
	{"LOCK INSTANCE FOR BACKUP", mySQL8, "backup", myCall.lockInstance},
	{"UNLOCK INSTANCE", mySQL8, "", myCall.unlockInstance},
	{"LOCK TABLES FOR BACKUP", myNobody, "", myCall.nothing}, // Percona's
	{"BACKUP STAGE *", myMariaDB, "reload", myCall.backupStage},

	{"CREATE DATABASE|SCHEMA IF NOT EXISTS MYSQL", 0, "", myCall.createDatabase},
	{"START TRANSACTION", 0, "", myCall.nothing},
	{"BEGIN|COMMIT|ROLLBACK", 0, "", myCall.nothing},
	{"DO *", 0, "", myCall.doNumber},
	{"KILL [CONNECTION|QUERY] *", 0, "", myCall.kill},
	{"SET *", 0, "", myCall.set},
	{"SELECT *", 0, "", myCall.selects},

	{"SHOW BINARY LOG STATUS", mySQL84 | mySQL9, "position", myCall.showPosition},
	{"SHOW MASTER STATUS", myMariaDB | mySQL56 | mySQL80, "position", myCall.showPosition},
	{"SHOW BINLOG STATUS", myMariaDB, "position", myCall.showPosition},
	{"SHOW BINARY LOGS", 0, "position", myCall.showLogs},
	{"SHOW MASTER LOGS", myMariaDB | mySQL56 | mySQL80, "position", myCall.showLogs},
	{"SHOW SLAVE STATUS", myMariaDB | mySQL56 | mySQL80, "replica", myCall.showReplica},
	{"SHOW REPLICA STATUS", myMariaDB | mySQL8, "replica", myCall.showReplica},
	{"SHOW ALL SLAVES|REPLICAS STATUS", myMariaDB, "replica", myCall.showReplicas},
	{"STOP SLAVE *", myMariaDB | mySQL56 | mySQL80, "replicate", myCall.stopReplica},
	{"STOP REPLICA *", myMariaDB | mySQL8, "replicate", myCall.stopReplica},
	{"START SLAVE *", myMariaDB | mySQL56 | mySQL80, "replicate", myCall.startReplica},
	{"START REPLICA *", myMariaDB | mySQL8, "replicate", myCall.startReplica},
	{"XA RECOVER", 0, "", myCall.recoverXA},
	{"SHOW ENGINE INNODB STATUS", 0, "process", myCall.showInnoDB},
	{"SHOW DATABASES", 0, "", myCall.showDatabases},
	{"SHOW GRANTS *", 0, "", myCall.showGrants},
	{"SHOW GLOBAL VARIABLES *", 0, "", myCall.showGlobalVariables},
	{"SHOW [SESSION|LOCAL] VARIABLES *", 0, "", myCall.showVariables},
	{"SHOW [GLOBAL|SESSION|LOCAL] STATUS *", 0, "", myCall.showStatus},
	{"SHOW [FULL] PROCESSLIST", 0, "", myCall.showProcesses},
}

func (m myCall) nothing() Answer { return Answer{} }

// myLogged makes a statement that is written to the binary log if it worked.
func myLogged(do func(myCall) Answer) func(myCall) Answer {
	return func(m myCall) Answer {
		a := do(m)
		if a.Code.IsNone() && !a.Waits {
			m.write(130)
		}
		return a
	}
}
