package stmt

var oracleCases = cases{
	"read": {
		"SELECT 1 FROM dual", "select file#, status from v$backup where status = 'ACTIVE' -- who",
		"SELECT sys_context('USERENV', 'CON_NAME') AS name FROM dual", "SELECT d.dbid FROM sys.v_$database d",
		"SELECT TO_CHAR(time, 'YYYY-MM-DD HH24:MI:SS') FROM v$backup WHERE change# >= :1 AND change# <= :high",
		"SELECT q'[it's; DROP TABLE t]' FROM dual", "SELECT nQ'!f(1)!' FROM dual", "SELECT q'{a}b}' FROM dual", `SELECT "f(1)" FROM dual`,
		"SELECT 'a\\' FROM dual", "SELECT n'it''s' FROM dual", "SELECT /*+ FULL(t) */ count(*) FROM t", "(SELECT 1 FROM dual)",
		"SELECT CASE WHEN (SELECT COUNT(*) FROM v$backup) = 0 THEN 0 ELSE TO_NUMBER('x') END FROM dual",
		"WITH x AS (SELECT 1 a FROM dual) SELECT * FROM x", "SELECT dbms_flashback.get_system_change_number() FROM dual",
		"SELECT sys.dbms_flashback.get_system_change_number() FROM dual", "SELECT a FROM t WHERE a IN (1, 2) MINUS (SELECT 2 FROM dual)",
		"SELECT name || CHR(9) || to_char(dbid) FROM v$database;", "SELECT listagg(name, ',') FROM v$datafile",
	},
	"local": {
		"ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD'", "alter session set ddl_lock_timeout = 5", "ALTER SESSION ENABLE PARALLEL DML",
		"CALL dbms_application_info.set_action('backup')", "CALL sys.dbms_application_info.set_module('a', :1)",
	},
	"change server": {
		"ALTER SYSTEM SUSPEND", "ALTER SYSTEM RESUME;", "ALTER SYSTEM ARCHIVE LOG CURRENT", "ALTER SYSTEM SWITCH LOGFILE", "ALTER SYSTEM CHECKPOINT",
		"ALTER SYSTEM KILL SESSION '1,2'",
	},
	"change durable": {
		"ALTER DATABASE BEGIN BACKUP", "alter /* */ database\nend backup", "ALTER TABLESPACE users BEGIN BACKUP",
		"ALTER DATABASE BACKUP CONTROLFILE TO '/b/c.ctl' REUSE", "ALTER DATABASE BACKUP CONTROLFILE TO TRACE",
		"CALL sys.dbms_system.ksdwrt(2, 'hello')", "CALL dbms_application_info.set_action(f)", "CALL dbms_application_info.set_action('a') + f(1)",
		"CALL dbms_application_info.read_module(:1, :2)", "CALL other.set_action('a')", "CALL f()", "CALL x.dbms_application_info.set_action('a')",
		"ALTER SYSTEM SET log_archive_dest_1 = 'x'", "ALTER SYSTEM FLUSH SHARED_POOL", "ALTER DATABASE OPEN", "SHUTDOWN", "EXPLAIN PLAN FOR SELECT 1 FROM dual",
		"SELECT f(1) FROM dual", "SELECT sys.f(1) FROM dual", "SELECT dbms_lock.request(1) FROM dual", "SELECT x.dbms_flashback.get_system_change_number() FROM dual",
		"SELECT a.sys.dbms_flashback.get_system_change_number() FROM dual",
		"SELECT * FROM t@other", "SELECT b.file#(1) FROM b", `SELECT "version"() FROM dual`, "SELECT s.nextval FROM dual",
		"INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "MERGE INTO t", "DROP TABLE t", "TRUNCATE TABLE t", "FROBNICATE",
		"SELECT 1 `a` FROM dual", "SELECT $1 FROM dual", "SELECT [a] FROM dual", "SELECT ? FROM dual", "SELECT 1 FROM dual # x",
	},
	"change durable: is a block of PL/SQL": {
		"BEGIN NULL; END;", "BEGIN EXECUTE IMMEDIATE 'ALTER DATABASE END BACKUP'; END;", "declare n number; begin null; end;", "BEGIN",
		"BEGIN f(:1); END; -- done",
	},
	"change session": {
		"COMMIT", "ROLLBACK", "SAVEPOINT a", "SET TRANSACTION READ ONLY", "LOCK TABLE t IN EXCLUSIVE MODE", "SELECT * FROM t FOR UPDATE",
		"ALTER SESSION SET CONTAINER = pdb1", "ALTER SESSION SET CURRENT_SCHEMA = app", "ALTER SESSION SET EVENTS 'x'", "ALTER SESSION ADVISE COMMIT",
	},
	"local: sets a variable":            {"SELECT 1 INTO :x FROM dual"},
	"error the statement is empty":      {"", ";", "-- nothing"},
	"error more than one statement":     {"SELECT 1 FROM dual; DROP TABLE t", "SELECT 1 FROM dual;/", "SELECT q'[a]'; DROP TABLE t"},
	"error the quote q' at byte 8 does": {"SELECT q'[a' FROM dual", "SELECT nq'!a'"},
	"error the quote q' at byte 8 has":  {"SELECT q' a '", "SELECT q'", "SELECT q''a'' FROM dual"},
	"error the quote ' at byte 8":       {"SELECT 'a"},
	"error the comment at byte 8":       {"SELECT /* 1"},
}
