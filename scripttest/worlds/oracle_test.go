package worlds_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// oracleSays are statements on one session of a new instance, one after the other, each with
// what is answered: a first value, a code, "done" or "waits".
var oracleSays = []struct {
	name    string
	options []action.Entry
	steps   [][2]string
}{
	{"backup mode", nil, [][2]string{
		{"SELECT COUNT(*) FROM v$backup WHERE status = 'ACTIVE'", "0"},
		{"ALTER DATABASE END BACKUP", "ORA-01142"},
		{"ALTER DATABASE BEGIN BACKUP", "done"},
		{"SELECT COUNT(*) FROM sys.v_$backup WHERE status = 'ACTIVE' AND change# > 4815162", "4"},
		{"alter database  begin /* again */ backup", "ORA-01146"},
		{"ALTER DATABASE END BACKUP", "done"},
		{"ALTER DATABASE END BACKUP", "ORA-01142"},
	}},
	{"suspended", nil, [][2]string{
		{"ALTER DATABASE BEGIN BACKUP", "done"},
		{"ALTER SYSTEM SUSPEND", "done"},
		{"SELECT database_status FROM v$instance", "SUSPENDED"},
		{"SELECT COUNT(*) FROM v$backup", "waits"},
		{"ALTER DATABASE END BACKUP", "waits"},
		{"ALTER SYSTEM RESUME", "done"},
		{"ALTER SYSTEM RESUME", "done"},
		{"ALTER DATABASE END BACKUP", "done"},
	}},
	{"no archived logs", []action.Entry{option("log_mode", action.String("NOARCHIVELOG"))}, [][2]string{
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-00258"},
		{"ALTER SYSTEM SWITCH LOGFILE", "done"},
		{"ALTER DATABASE BEGIN BACKUP", "ORA-01123"},
	}},
	{"a hanging archiver", []action.Entry{option("archiver_hangs", action.Bool(true))}, [][2]string{
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "waits"},
		{"SELECT status FROM v$archive_dest", "ERROR"},
	}},
	{"a standby", []action.Entry{option("open_mode", action.String("READ ONLY"))}, [][2]string{
		{"ALTER DATABASE BEGIN BACKUP", "ORA-16000"},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-16000"},
	}},
	{"mounted", []action.Entry{option("status", action.String("MOUNTED"))}, [][2]string{
		{"SELECT open_mode FROM v$database", "MOUNTED"},
		{"ALTER DATABASE BEGIN BACKUP", "ORA-01109"},
		{"ALTER DATABASE END BACKUP", "ORA-01142"},
		{"ALTER DATABASE OPEN", "done"},
		{"ALTER DATABASE OPEN", "ORA-01531"},
	}},
	{"not mounted", []action.Entry{option("status", action.String("STARTED"))}, [][2]string{
		{"SELECT dbid FROM v$database", "ORA-01507"},
		{"SELECT status FROM v$instance", "STARTED"},
		{"SELECT dummy FROM dual", "X"},
		{"ALTER DATABASE END BACKUP", "ORA-01507"},
	}},
	{"a pluggable database", nil, [][2]string{
		{"ALTER SESSION SET CONTAINER = pdb1", "done"},
		{"SELECT sys_context('userenv', 'con_name') FROM dual", "PDB1"},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "ORA-65040"},
	}},
	{"privileges", []action.Entry{option("privileges", action.List(action.String("SELECT")))}, [][2]string{
		{"ALTER DATABASE END BACKUP", "ORA-01031"},
		{"CALL sys.dbms_system.ksdwrt(2, 'x')", "ORA-06576"},
		{"CALL dbms_application_info.set_action('x')", "done"},
	}},
	{"expressions", nil, [][2]string{
		{"SELECT name || CHR(9) || NVL(NULL, 'x') || NULL FROM v$database", "ORCL\tx"},
		{"SELECT CASE WHEN dbid = 1 THEN TO_NUMBER('a') WHEN cdb = 'YES' THEN 2 ELSE 3 END FROM v$database", "2"},
		{"SELECT TO_NUMBER('a') FROM dual", "ORA-01722"},
		{"SELECT 1", "ORA-00923"},
		{"SELECT no_such_column FROM dual", "unknown"},
		{"FLUSH TABLES", "unknown"},
	}},
	{"files and logs", []action.Entry{option("offline", action.List(action.String("/u02/oradata/ORCL/users01.dbf"))), option("threads", action.Int(2))}, [][2]string{
		{"ALTER DATABASE BEGIN BACKUP", "ORA-01128"},
		{"SELECT status FROM v$backup WHERE file# = 4", "OFFLINE NORMAL"},
		{"ALTER SYSTEM ARCHIVE LOG CURRENT", "done"},
		{"SELECT name FROM v$archived_log WHERE thread# = 2", "/u03/fra/ORCL/archivelog/1_2_120.arc"},
		{"SELECT sequence# FROM v$log WHERE thread# = 2 AND status = 'CURRENT'", "121"},
		{"SELECT COUNT(*) FROM gv$instance", "2"},
		{"ALTER DATABASE BACKUP CONTROLFILE TO '/b/c.ctl' REUSE", "done"},
		{"ALTER DATABASE BACKUP CONTROLFILE TO TRACE", "done"},
		{"ALTER DATABASE BACKUP CONTROLFILE TO 'c.ctl'", "ORA-01580"},
	}},
	{"a block", nil, [][2]string{
		{"BEGIN FOR x IN (SELECT dbid FROM v$database WHERE dbid = 1) LOOP EXECUTE IMMEDIATE 'ALTER DATABASE END BACKUP'; END LOOP; END;", "done"},
		{"BEGIN FOR x IN (SELECT dbid FROM v$database) LOOP EXECUTE IMMEDIATE 'ALTER DATABASE END BACKUP'; END LOOP; END;", "ORA-01142"},
		{"BEGIN FOR x IN (SELECT dbid FROM v$database) LOOP NULL; END LOOP; END;", "unknown"},
		{"BEGIN NULL; END;", "unknown"},
	}},
}

func TestOracleSays(t *testing.T) {
	for _, tt := range oracleSays {
		t.Run(tt.name, func(t *testing.T) {
			world := newWorld(t, "oracle-19c", tt.options...)
			id := world.Connect()
			for _, step := range tt.steps {
				if got := oracleSaid(world.Do(id, step[0], nil)); got != step[1] {
					t.Errorf("%s: %s, want %s", step[0], got, step[1])
				}
			}
		})
	}
}

func oracleSaid(a worlds.Answer) string {
	switch {
	case a.Unknown:
		return "unknown"
	case a.Waits:
		return "waits"
	case a.Message != "":
		code, _, _ := strings.Cut(a.Message, ":")
		return code
	case a.Rows == nil || len(a.Rows.Rows) == 0:
		return "done"
	}
	v := a.Rows.Rows[0][0]
	if v.Kind() == action.StringKind {
		return v.Text()
	}
	return v.String()
}

// A crash leaves backup mode, and then the database mounted until it is ended; it ends a
// suspension.
func TestOracleRestart(t *testing.T) {
	world := newWorld(t, "oracle-19c")
	id := world.Connect()
	started := world.Identity().Started
	do(t, world, id, "ALTER DATABASE BEGIN BACKUP")
	do(t, world, id, "ALTER SYSTEM SUSPEND")
	world.Restart()
	if world.Alive(id) || !slices.Equal(world.Held(), []string{"backup mode"}) || world.Identity().Started.Equal(started) {
		t.Errorf("alive %v, held %q", world.Alive(id), world.Held())
	}
	id = world.Connect()
	for _, step := range [][2]string{
		{"ALTER DATABASE OPEN", "ORA-10873"}, {"ALTER DATABASE END BACKUP", "done"}, {"ALTER DATABASE OPEN", "done"}, {"SELECT open_mode FROM v$database", "READ WRITE"},
	} {
		if got := oracleSaid(world.Do(id, step[0], nil)); got != step[1] {
			t.Errorf("%s: %s, want %s", step[0], got, step[1])
		}
	}
}

// The backup of somebody else is not held, but to end it is a wrong that is.
func TestOracleBackupOfOthers(t *testing.T) {
	world := newWorld(t, "oracle-19c", option("race", action.Bool(true)))
	id := world.Connect()
	if got := oracleSaid(world.Do(id, "ALTER DATABASE BEGIN BACKUP", nil)); got != "ORA-01146" || len(world.Held()) > 0 {
		t.Errorf("%s, held %q", got, world.Held())
	}
	do(t, world, id, "ALTER DATABASE END BACKUP")
	if held := world.Held(); !slices.Equal(held, []string{"the end of somebody else's backup"}) || !world.Drop(held[0]) || len(world.Held()) > 0 {
		t.Errorf("held %q", held)
	}
}

// What sqlplus prints, and its exit code.
func TestSqlplus(t *testing.T) {
	const set = "SET HEADING OFF PAGESIZE 0 FEEDBACK OFF\n"
	const strict = "WHENEVER SQLERROR EXIT FAILURE\n" + set + "CONNECT / AS SYSDBA\n"
	home := map[string]string{"ORACLE_HOME": "/u01/app/oracle/product/19", "ORACLE_SID": "ORCL"}
	for _, tt := range []struct {
		name, user, stdin string
		env               map[string]string
		code              int
		out               string // all of it
	}{
		{"rows", "oracle", strict + "SELECT '=' || CHR(9) || name,\n  dbid FROM v$database;\nEXIT SUCCESS\n", home, 0, "=\tORCL 1565012345\n"},
		{"a long number", "oracle", strict + "SELECT 12345678901 AS n FROM dual;\n", home, 0, "##########\n"},
		{"an error", "oracle", strict + "ALTER DATABASE END BACKUP;\nEXIT SUCCESS\n", home, 1, "ALTER DATABASE END BACKUP;\n*\nERROR at line 1:\nORA-01142: cannot end online backup - none of the files are in backup\n\n\n"},
		{"an error that is gone over", "oracle", set + "CONNECT / AS SYSDBA\nALTER DATABASE END BACKUP;\nEXIT\n", home, 0, "ALTER DATABASE END BACKUP;\n*\nERROR at line 1:\nORA-01142: cannot end online backup - none of the files are in backup\n\n\n"},
		{"no logon", "oracle", set + "SELECT 1 AS a FROM dual;\n", home, 0, "SP2-0640: Not connected\n"},
		{"a stranger", "nobody", strict + "SELECT 1 AS a FROM dual;\nEXIT SUCCESS\n", home, 0, "ERROR:\nORA-01017: invalid username/password; logon denied\n\n\nSP2-0640: Not connected\n"},
		{"no instance", "oracle", strict + "SELECT 1 AS a FROM dual;\n", map[string]string{"ORACLE_HOME": home["ORACLE_HOME"], "ORACLE_SID": "X"}, 1, "Connected to an idle instance.\nSELECT 1 AS a FROM dual;\n*\nERROR at line 1:\nORA-01034: ORACLE not available\nProcess ID: 0\nSession ID: 0 Serial number: 0\n\n\n"},
		{"a variable", "oracle", strict + "DEFINE failed = 1\nCOLUMN failed NEW_VALUE failed\nSELECT 7 AS failed FROM dual;\nEXIT failed\n", home, 7, "         7\n"},
		{"a variable that is not set", "oracle", "DEFINE failed = 1\nCOLUMN failed NEW_VALUE failed\nSELECT 0 AS failed FROM dual;\nEXIT failed\n", home, 1, "SP2-0640: Not connected\n"},
		{"a block", "oracle", strict + "BEGIN\n  FOR x IN (SELECT dbid FROM v$database) LOOP\n    EXECUTE IMMEDIATE 'ALTER DATABASE END BACKUP';\n  END LOOP;\nEND;\n/\nEXIT\n", home, 1, "BEGIN\n*\nERROR at line 1:\nORA-01142: cannot end online backup - none of the files are in backup\nORA-06512: at line 2\n\n\n"},
		{"no home", "oracle", strict, nil, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world := newWorld(t, "oracle-19c").(worlds.Programs)
			got := world.Run(worlds.Program{User: tt.user, Argv: []string{"/x/sqlplus", "-S", "-L", "-R", "2", "/nolog"}, Stdin: tt.stdin, Env: tt.env})
			if got.Unknown || got.Waits || got.Code != tt.code || got.Stdout != tt.out || world.Alive("41") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSqlplusIsNotUnderstood(t *testing.T) {
	world := newWorld(t, "oracle-19c").(worlds.Programs)
	env := map[string]string{"ORACLE_HOME": "/u01/app/oracle/product/19", "ORACLE_SID": "ORCL"}
	for _, p := range []worlds.Program{
		{User: "oracle", Argv: []string{"/x/rman"}},
		{User: "oracle", Argv: []string{"/x/sqlplus", "/ as sysdba"}},
		{User: "oracle", Argv: []string{"/x/sqlplus", "-S", "-L", "-R", "2", "/nolog"}, Env: env, Stdin: "CONNECT / AS SYSDBA\nSELECT 1 AS a FROM dual;\n"}, // with a heading
		{User: "oracle", Argv: []string{"/x/sqlplus", "-S", "-L", "-R", "2", "/nolog"}, Env: env, Stdin: "CONNECT / AS SYSDBA\nCREATE TABLE t (a INT);\n"},
	} {
		if got := world.Run(p); !got.Unknown {
			t.Errorf("%q: %+v", p.Argv, got)
		}
	}
	do(t, world, world.Connect(), "ALTER SYSTEM SUSPEND")
	if got := world.Run(worlds.Program{User: "oracle", Argv: []string{"/x/sqlplus", "-S", "-L", "-R", "2", "/nolog"}, Env: env, Stdin: "CONNECT / AS SYSDBA\nALTER DATABASE END BACKUP;\n"}); !got.Waits {
		t.Errorf("%+v", got)
	}
}
