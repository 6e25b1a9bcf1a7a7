package worlds

import (
	"strings"

	"github.com/starhost/starhost/action"
)

// myBits are products, one bit each.
type myBits uint8

const (
	myMariaDB myBits = 1 << iota
	mySQL56
	mySQL80
	mySQL84
	mySQL9
	myNobody // known to the family, and to none of these

	mySQL8  = mySQL80 | mySQL84 | mySQL9
	myEvery = myMariaDB | mySQL56 | mySQL8
)

// myProduct is what a product is called and asks for.
type myProduct struct {
	bit       myBits
	column    int // in the tables
	name      string
	info      Info
	grants    []string            // of its root
	needs     map[string][]string // one of these privileges, by what for
	trxCommit int64               // the largest innodb_flush_log_at_trx_commit
	lockWait  int64               // the least lock_wait_timeout
	killed    int                 // what a session is told that kills itself
	replicas  []string            // columns of the state of a replica, each with its value
	processes string              // columns of SHOW PROCESSLIST
	databases []string            // as SHOW DATABASES lists them
	own       map[string]string   // variables with another value than the column says
}

var myProducts = []myProduct{
	{
		bit: myMariaDB, column: 0, name: "MariaDB", trxCommit: 3, lockWait: 0, killed: 1927,
		info:   Info{Name: "mariadb-10.11", Database: "mysql", Doc: "MariaDB 10.11, with BACKUP STAGE", Checked: "MariaDB 10.11"},
		grants: []string{"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", "GRANT PROXY ON ``@`%` TO `root`@`localhost` WITH GRANT OPTION"},
		needs: map[string][]string{
			"flush": {"RELOAD"}, "reload": {"RELOAD"}, "process": {"PROCESS"},
			"position": {"SUPER", "BINLOG MONITOR"}, "replica": {"SUPER", "SLAVE MONITOR"}, "replicate": {"SUPER", "REPLICATION SLAVE ADMIN"},
			"set": {"SUPER"}, "set read_only": {"READ_ONLY ADMIN"}, "set sync_binlog": {"SUPER", "BINLOG ADMIN"},
			"write anyway": {"READ_ONLY ADMIN"}, "kill": {"SUPER", "CONNECTION ADMIN"},
		},
		replicas:  strings.Fields(myReplicaColumns + " Master_SSL_Crl= Master_SSL_Crlpath= Using_Gtid=Slave_Pos Gtid_IO_Pos=0-7-99 Replicate_Do_Domain_Ids= Replicate_Ignore_Domain_Ids= Parallel_Mode=optimistic SQL_Delay=0 SQL_Remaining_Delay=NULL Slave_SQL_Running_State= Slave_DDL_Groups=0 Slave_Non_Transactional_Groups=0 Slave_Transactional_Groups=0 Replicate_Rewrite_DB="),
		processes: "Id User Host db Command Time State Info Progress",
		databases: []string{"app", "information_schema", "mysql", "performance_schema", "sys"},
	},
	{
		bit: mySQL56, column: 1, name: "MySQL", trxCommit: 2, lockWait: 1, killed: 1317,
		info:   Info{Name: "mysql-5.6", Database: "mysql", Doc: "MySQL 5.6, with GTIDs", Checked: "MySQL 5.6"},
		grants: []string{"GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION", "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION"},
		needs: map[string][]string{
			"flush": {"RELOAD"}, "reload": {"RELOAD"}, "process": {"PROCESS"},
			"position": {"SUPER", "REPLICATION CLIENT"}, "replica": {"SUPER", "REPLICATION CLIENT"}, "replicate": {"SUPER"},
			"set": {"SUPER"}, "write anyway": {"SUPER"}, "kill": {"SUPER"},
		},
		replicas:  strings.Fields(myReplicaColumns + " " + mySQLReplicaColumns),
		processes: "Id User Host db Command Time State Info",
		databases: []string{"information_schema", "app", "mysql", "performance_schema"},
	},
	mySQL8Product(mySQL80, "mysql-8.0", "8.0.43", "MySQL 8.0, with LOCK INSTANCE FOR BACKUP and the statements that 8.4 has dropped"),
	mySQL8Product(mySQL84, "mysql-8.4", "8.4.6", "MySQL 8.4, with LOCK INSTANCE FOR BACKUP and GTIDs"),
	mySQL8Product(mySQL9, "mysql-9", "9.4.0", "MySQL 9, as 8.4 for all that scripts ask"),
}

// The columns of the state of a replica that all products have, then those of MySQL.
const (
	myReplicaColumns    = `Slave_IO_State=Waiting Master_Host=10.0.0.7 Master_User=replica Master_Port=3306 Connect_Retry=60 Master_Log_File=binlog.000007 Read_Master_Log_Pos=4711 Relay_Log_File=relay.000002 Relay_Log_Pos=823 Relay_Master_Log_File=binlog.000007 Slave_IO_Running=Yes Slave_SQL_Running=Yes Replicate_Do_DB= Replicate_Ignore_DB= Replicate_Do_Table= Replicate_Ignore_Table= Replicate_Wild_Do_Table= Replicate_Wild_Ignore_Table= Last_Errno=0 Last_Error= Skip_Counter=0 Exec_Master_Log_Pos=4711 Relay_Log_Space=1123 Until_Condition=None Until_Log_File= Until_Log_Pos=0 Master_SSL_Allowed=No Master_SSL_CA_File= Master_SSL_CA_Path= Master_SSL_Cert= Master_SSL_Cipher= Master_SSL_Key= Seconds_Behind_Master=0 Master_SSL_Verify_Server_Cert=No Last_IO_Errno=0 Last_IO_Error= Last_SQL_Errno=0 Last_SQL_Error= Replicate_Ignore_Server_Ids= Master_Server_Id=7`
	mySQLReplicaColumns = `Master_UUID=2cbb0f2f-5c1e-11e4-8ed6-0800200c9a66 Master_Info_File=mysql.slave_master_info SQL_Delay=0 SQL_Remaining_Delay=NULL Slave_SQL_Running_State=Waiting Master_Retry_Count=86400 Master_Bind= Last_IO_Error_Timestamp= Last_SQL_Error_Timestamp= Master_SSL_Crl= Master_SSL_Crlpath= Retrieved_Gtid_Set=2cbb0f2f-5c1e-11e4-8ed6-0800200c9a66:1-9 Executed_Gtid_Set=2cbb0f2f-5c1e-11e4-8ed6-0800200c9a66:1-9 Auto_Position=1`
	myAllReplicasFirst  = `Connection_name= Slave_SQL_State=Waiting`
	myAllReplicasLast   = `Retried_transactions=0 Max_relay_log_size=1073741824 Executed_log_entries=9 Slave_received_heartbeats=0 Slave_heartbeat_period=30.000 Gtid_Slave_Pos=0-7-99`
)

func mysqlWorlds() []world {
	var all []world
	for i := range myProducts {
		p := &myProducts[i]
		all = append(all, world{mysqlInfo(p), func(options action.Value) (Server, error) { return newMySQL(p, options) }})
	}
	return all
}

// mySQL8Product is a server of MySQL 8.0 or later. None of them can be had where these
// worlds are made: they rest on the reference manuals of MySQL 8.0, 8.4 and 9, by statement
// ("LOCK INSTANCE FOR BACKUP", "SHOW BINARY LOG STATUS", "STOP REPLICA", "XA RECOVER",
// "The log_status Table", "Privileges Provided by MySQL") and on the list of statements
// that 8.4.0 removed in its release notes.
func mySQL8Product(bit myBits, name, version, doc string) myProduct {
	return myProduct{
		bit: bit, column: 2, name: "MySQL", trxCommit: 2, lockWait: 1, killed: 1317,
		info: Info{Name: name, Database: "mysql", Doc: doc},
		own:  map[string]string{"version": version},
		grants: []string{
			"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, SHUTDOWN, PROCESS, FILE, REFERENCES, INDEX, ALTER, SHOW DATABASES, SUPER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE TABLESPACE, CREATE ROLE, DROP ROLE ON *.* TO `root`@`localhost` WITH GRANT OPTION",
			"GRANT BACKUP_ADMIN,BINLOG_ADMIN,CONNECTION_ADMIN,FLUSH_TABLES,PERSIST_RO_VARIABLES_ADMIN,REPLICATION_SLAVE_ADMIN,SYSTEM_VARIABLES_ADMIN,XA_RECOVER_ADMIN ON *.* TO `root`@`localhost` WITH GRANT OPTION",
			"GRANT PROXY ON ``@`` TO `root`@`localhost` WITH GRANT OPTION",
		},
		needs: map[string][]string{
			"flush": {"RELOAD", "FLUSH_TABLES"}, "reload": {"RELOAD"}, "process": {"PROCESS"}, "backup": {"BACKUP_ADMIN"}, "xa": {"XA_RECOVER_ADMIN"},
			"position": {"SUPER", "REPLICATION CLIENT"}, "replica": {"SUPER", "REPLICATION CLIENT"}, "replicate": {"SUPER", "REPLICATION_SLAVE_ADMIN"},
			"set": {"SUPER", "SYSTEM_VARIABLES_ADMIN"}, "set read_only": {"SUPER", "CONNECTION_ADMIN"}, "write anyway": {"SUPER", "CONNECTION_ADMIN"},
			"kill": {"SUPER", "CONNECTION_ADMIN"},
		},
		replicas: strings.Fields(myReplicaColumns + " " + mySQLReplicaColumns +
			" Replicate_Rewrite_DB= Channel_Name= Master_TLS_Version= Master_public_key_path= Get_Master_public_key=0 Network_Namespace="),
		processes: "Id User Host db Command Time State Info",
		databases: []string{"app", "information_schema", "mysql", "performance_schema", "sys"},
	}
}
