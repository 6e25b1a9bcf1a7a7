package stmt

import (
	"testing"

	"github.com/starhost/starhost/action"
)

func TestAlreadyUndone(t *testing.T) {
	state, number := action.String, action.Int
	for _, tt := range []struct {
		database, query string
		code            action.Value
		message         string
		want            bool
	}{
		{"mysql", "BACKUP STAGE END", number(4146), "You must start backup with \"BACKUP STAGE START\"", true},
		{"mysql", "backup /**/ stage end;", number(4146), "", true},
		{"mysql", "BACKUP STAGE START", number(4146), "", false},
		{"mysql", "BACKUP STAGE END", number(4147), "", false},
		{"mysql", "BACKUP STAGE END", number(1205), "", false},
		{"mysql", "BACKUP STAGE END", action.Value{}, "driver: bad connection", false},
		{"mysql", "KILL 5", number(1094), "Unknown thread id: 5", true},
		{"mysql", "KILL 5", number(1095), "You are not owner of thread 5", false},
		{"mysql", "DROP TABLE a", number(1051), "", true},
		{"mysql", "DROP TABLE a, b", number(1051), "", false},
		{"mysql", "UNLOCK TABLES", number(1227), "", false},
		{"mysql", "START SLAVE SQL_THREAD", number(1200), "The server is not configured as slave", true},
		{"mysql", "START SLAVE ? SQL_THREAD", number(1617), "There is no master connection 'east'", true},
		{"mysql", "START REPLICA SQL_THREAD FOR CHANNEL ?", number(3074), "Replication channel 'east' does not exist.", true},
		{"mysql", "START REPLICA SQL_THREAD", number(1227), "", false},
		{"mysql", "STOP SLAVE", number(1200), "", false},
		{"mysql", "KILL 5; KILL 6", number(1094), "", false},
		{"mysql", "KILL '5", number(1094), "", false},
		{"mysql", "KILL 5 /*! x */", number(1094), "", false},
		{"oracle", "ALTER DATABASE END BACKUP", number(1142), "ORA-01142: cannot end online backup - none of the files are in backup", true},
		{"oracle", "alter /* ours */ database end backup", number(1142), "", true},
		{"oracle", "ALTER DATABASE END BACKUP", number(1140), "", true},
		{"oracle", "ALTER DATABASE END BACKUP", number(1109), "", false},
		{"oracle", "ALTER DATABASE BEGIN BACKUP", number(1142), "", false},
		{"oracle", "ALTER SYSTEM RESUME", number(1142), "", false},
		{"oracle", "BEGIN EXECUTE IMMEDIATE 'ALTER DATABASE END BACKUP'; END;", number(1142), "", false},
		{"postgres", "SELECT * FROM pg_backup_stop(false)", state("55000"), "backup is not in progress", true},
		{"postgres", "SELECT pg_stop_backup(false)", state("55000"), "non-exclusive backup is not in progress", true},
		{"postgres", "SELECT pg_backup_stop()", state("55000"), "the standby was promoted during online backup", false},
		{"postgres", "SELECT pg_backup_stop()", state("55000"), "WAL level not sufficient for making an online backup", false},
		{"postgres", "SELECT pg_backup_stop()", state("57014"), "backup is not in progress", false},
		{"postgres", "SELECT pg_backup_start('a')", state("55000"), "backup is not in progress", false},
		{"postgres", "SELECT pg_backup_stop(), pg_wal_replay_resume()", state("55000"), "backup is not in progress", false},
		{"postgres", "SELECT 'pg_backup_stop('", state("55000"), "backup is not in progress", false},
		{"postgres", "DROP TABLE a", state("42P01"), "", true},
		{"sqlite", "ROLLBACK", number(1), "SQL logic error: cannot rollback - no transaction is active (1)", true},
		{"sqlite", "COMMIT", number(5), "database is locked", false},
		{"sqlite", "COMMIT", number(1), "SQL logic error", false},
		{"sqlite", "COMMIT", number(257), "no transaction is active", true},
	} {
		if got := AlreadyUndone(tt.database, tt.query, tt.code, tt.message); got != tt.want {
			t.Errorf("%s: %s: %v %q: got %v", tt.database, tt.query, tt.code, tt.message, got)
		}
	}
}

func TestQuoteName(t *testing.T) {
	long := "a234567890123456789012345678901234567890123456789012345678901234"
	for _, tt := range []struct{ database, name, want string }{
		{"mysql", "a", "`a`"},
		{"mysql", "a`; DROP", "`a``; DROP`"},
		{"mysql", `a\"`, "`a\\\"`"},
		{"mysql", long, "`" + long + "`"},
		{"postgres", `a"b`, `"a""b"`},
		{"postgres", "ü`", "\"ü`\""},
		{"postgres", long, ""},
		{"postgres", long[:63], `"` + long[:63] + `"`},
		{"oracle", `v$"x`, `"v$""x"`},
		{"sqlite", `"`, `""""`},
		{"sqlite", "", ""},
		{"mysql", "a\x00", ""},
		{"mysql", "\xff", ""},
	} {
		got, err := QuoteName(tt.database, tt.name)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q: got %s, %v, want %s", tt.database, tt.name, got, err, tt.want)
		}
	}
}
