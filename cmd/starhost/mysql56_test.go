//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// On MySQL, which has no stages, the script takes the read lock. Nothing is committed
// while the snapshot is taken, and the position that is recorded is that of the server.
func TestRunOnMySQL56(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"lossy redo":    {"--innodb-flush-log-at-trx-commit=0"},
		"no binary log": {"--skip-log-bin", "--gtid-mode=OFF", "--skip-log-slave-updates"},
	} {
		t.Run(name, func(t *testing.T) {
			fs := testfs.New(t, "ext4", 600)
			server := testdb.MySQL56(t, testdb.Options{Dir: fs.Dir, Args: args})
			o := observe(t, server, fs.Dir)
			c := newCommand(t, configFor("mysql", "mysql", server.Socket, ""))
			inside, leave := filepath.Join(c.dir, "inside"), filepath.Join(c.dir, "leave")
			done := make(chan outcome, 1)
			go func() {
				wait := fmt.Sprintf("touch %s; until [ -e %s ]; do sleep 0.01; done", inside, leave)
				done <- c.run("run", "--json", "--", "sh", "-c", wait)
			}()
			eventually(t, 20*time.Second, "the snapshot", func() bool { _, err := os.Stat(inside); return err == nil })
			if err := o.commit(300 * time.Millisecond); err == nil {
				t.Error("a row was committed during the snapshot")
			}
			gtids := o.value("SELECT @@global.gtid_executed")
			write(t, leave, "")
			got := (<-done).want(t, run.ExitDone)
			o.nothingHeld("after the run")
			if got.report.Verdict != run.Application || got.report.FrozenMS < 300 {
				t.Errorf("verdict %q, frozen for %v ms", got.report.Verdict, got.report.FrozenMS)
			}
			point := got.report.Members[0].RecoveryPoint.Before
			if lock := point.Get("lock").Text(); lock != "FLUSH TABLES WITH READ LOCK" {
				t.Errorf("the lock is %s", lock)
			}
			if position := point.Get("position"); position.Get("gtid_executed").Text() != gtids || position.IsNone() != (gtids == "") {
				t.Errorf("position %s, but GTIDs %q at the server", position, gtids)
			}
		})
	}
}
