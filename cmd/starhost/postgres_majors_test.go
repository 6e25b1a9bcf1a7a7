//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// The bundled script runs from end to end on every major version that can be had, as a
// superuser and as the user that the documentation makes, who may not CHECKPOINT before 15.
func TestPostgresMajors(t *testing.T) {
	t.Parallel()
	for _, major := range []int{14, 15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			fs := testfs.New(t, "ext4", 400)
			server := testdb.PostgresMajor(t, major, testdb.Options{Dir: fs.Dir, Args: []string{"-c", "fsync=on", "-c", "archive_mode=on", "-c", "archive_command=true"}})
			other := testfs.New(t, "ext4", 100)
			if err := os.Chmod(other.Dir, 0o777); err != nil { // the server makes its directory there itself
				t.Fatal(err)
			}
			admin := server.Pgx(t)
			rights, functions := "pg_read_all_settings", "pg_start_backup(text, boolean, boolean), pg_stop_backup(boolean, boolean)"
			if major >= 15 {
				rights += ", pg_checkpoint"
				functions = "pg_backup_start(text, boolean), pg_backup_stop(boolean)"
			}
			for _, q := range []string{
				"COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; mkdir " + other.Dir + "/space'", "CREATE TABLESPACE space LOCATION '" + other.Dir + "/space'",
				"CREATE ROLE root SUPERUSER LOGIN", "CREATE ROLE starhost LOGIN", "GRANT " + rights + " TO starhost",
				"GRANT EXECUTE ON FUNCTION pg_ls_archive_statusdir(), pg_switch_wal(), " + functions + " TO starhost",
			} {
				if _, err := admin.Exec(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			for _, user := range []string{"root", "starhost"} {
				t.Run(user, func(t *testing.T) {
					c := newCommand(t, fmt.Sprintf("[workload \"orders\"]\nworkload_name = postgres\nconnection = postgres://%s@localhost/postgres?socket=%s\npassword_file = PASSWORD_FILE\n", user, filepath.Dir(server.Socket)))
					got := c.run("run", "--json", "--", "true").want(t, run.ExitDone)
					if got.report.Verdict != run.Application {
						t.Errorf("verdict %q", got.report.Verdict)
					}
					before := got.report.Members[0].RecoveryPoint.Before
					if version := before.Get("server").Get("version").Text(); !strings.HasPrefix(version, fmt.Sprint(major, ".")) {
						t.Errorf("the version in the recovery point is %q", version)
					}
					if plan := c.run("plan").want(t, run.ExitDone); !strings.Contains(plan.stdout, other.Dir) || !strings.Contains(plan.stdout, fs.Dir) {
						t.Errorf("the filesystems of data (%s) and tablespace (%s) are not both in the plan:\n%s", fs.Dir, other.Dir, plan.stdout)
					}
					if err := testfs.CanWrite(t, fs.Dir, time.Second); err != nil {
						t.Error(err)
					}
				})
			}
			testPostgresBackups(t, major, server)
		})
	}
}
