package worlds

import (
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
)

// myErrors are the refusals, each with its SQLSTATE and its words.
var myErrors = map[int]struct{ state, text string }{
	1044: {"42000", "Access denied for user '%s' to database '%s'"},
	1045: {"28000", "Access denied for user '%s' (using password: NO)"},
	1054: {"42S22", "Unknown column '%s' in 'field list'"},
	1064: {"42000", "You have an error in your SQL syntax; check the manual that corresponds to your %s server version for the right syntax to use near '%s' at line 1"},
	1094: {"HY000", "Unknown thread id: %s"},
	1095: {"HY000", "You are not owner of thread %s"},
	1109: {"42S02", "Unknown table '%s' in information_schema"},
	1142: {"42000", "SELECT command denied to user '%s' for table '%s'"},
	1146: {"42S02", "Table 'performance_schema.%s' doesn't exist"},
	1192: {"HY000", "Can't execute the given command because you have active locked tables or an active transaction"},
	1193: {"HY000", "Unknown system variable '%s'"},
	1200: {"HY000", "The server is not configured as slave; fix in config file or with CHANGE MASTER TO"},
	1210: {"HY000", "WSREP (galera) not started"},
	1223: {"HY000", "Can't execute the query because you have a conflicting read lock"},
	1227: {"42000", "Access denied; you need (at least one of) the %s privilege(s) for this operation"},
	1229: {"HY000", "Variable '%s' is a GLOBAL variable and should be set with SET GLOBAL"},
	1231: {"42000", "Variable '%s' can't be set to the value of '%s'"},
	1232: {"42000", "Incorrect argument type to variable '%s'"},
	1238: {"HY000", "Variable '%s' is a %s variable"},
	1290: {"HY000", "The %s server is running with the --read-only option so it cannot execute this statement"},
	1317: {"70100", "Query execution was interrupted"},
	1381: {"HY000", "You are not using binary logging"},
	1401: {"XAE03", "XAER_RMERR: Fatal error occurred in the transaction branch - check your data for consistency"},
	1617: {"HY000", "There is no master connection '%s'"},
	1927: {"70100", "Connection was killed"},
	2006: {"HY000", "Server has gone away"},
	3074: {"HY000", "Replication channel '%s' does not exist."},
	4145: {"HY000", "Can't execute the command as you have a BACKUP STAGE active"},
	4146: {"HY000", `You must start backup with "BACKUP STAGE START"`},
	4147: {"HY000", "Backup stage '%s' is same or before current backup stage '%s'"},
	4149: {"HY000", "Unknown backup stage: '%s'. Stage should be one of START, FLUSH, BLOCK_DDL, BLOCK_COMMIT or END"},
}

// refuse is that error, in the form in which the driver hands it on.
func (s *mysqlServer) refuse(code int, args ...any) Answer {
	e := myErrors[code]
	return Answer{Code: action.Int(int64(code)), Message: fmt.Sprintf("%d (%s): %s", code, e.state, fmt.Sprintf(e.text, args...))}
}

// lacks refuses for want of privileges. MySQL 5.6 has another error for its replicas.
func (s *mysqlServer) lacks(needs string) Answer {
	if needs == "replicate" && s.product.bit == mySQL56 {
		return s.refuse(1045, s.user())
	}
	return s.refuse(1227, strings.Join(s.product.needs[needs], ", "))
}
