package worlds_test

import (
	"testing"

	"github.com/starhost/starhost/action"
)

// What the bundled script relies on, by the journal mode.
func TestSqliteScript(t *testing.T) {
	for mode, checkpoint := range map[string]string{"wal": "0 3 3", "delete": "0 -1 -1"} {
		world := newWorld(t, "sqlite", option("journal_mode", action.String(mode)))
		main, lock := world.Connect(), world.Connect()
		if got := do(t, world, main, fileQuery).Text(); got != "/var/lib/app/app.db" {
			t.Errorf("%s: the file is %s", mode, got)
		}
		do(t, world, lock, "BEGIN IMMEDIATE")
		if got := do(t, world, main, "PRAGMA journal_mode").Text(); got != mode {
			t.Errorf("journal_mode is %s", got)
		}
		if got := said(world.Do(main, "PRAGMA wal_checkpoint(PASSIVE)", nil), true); got != "busy, log, checkpointed; "+checkpoint {
			t.Errorf("%s: %s", mode, got)
		}
		before := do(t, world, main, "PRAGMA data_version")
		if world.Commit() || !do(t, world, main, "PRAGMA data_version").Equal(before) {
			t.Errorf("%s: somebody wrote although the lock is held", mode)
		}
		if got := said(world.Do(main, "BEGIN IMMEDIATE", nil), true); got != "refused 5" {
			t.Errorf("%s: the probe: %s", mode, got)
		}
		world.Disconnect(lock)
		if !world.Commit() || do(t, world, main, "PRAGMA data_version").Equal(before) {
			t.Errorf("%s: nobody wrote although the lock is gone", mode)
		}
		do(t, world, main, "BEGIN IMMEDIATE")
	}
}

func TestSqliteReader(t *testing.T) {
	world := newWorld(t, "sqlite", option("reader", action.Bool(true)), option("wal_frames", action.Int(7)))
	id := world.Connect()
	checkpoint := func() string {
		return said(world.Do(id, "PRAGMA wal_checkpoint(PASSIVE)", nil), true)
	}
	if got := checkpoint(); got != "busy, log, checkpointed; 0 7 6" {
		t.Error(got)
	}
	if err := world.Set("reader", action.Bool(false)); err != nil {
		t.Fatal(err)
	}
	if got := checkpoint(); got != "busy, log, checkpointed; 0 7 7" {
		t.Error(got)
	}
}
