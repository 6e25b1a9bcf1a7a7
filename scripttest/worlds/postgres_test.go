package worlds_test

import (
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

func TestPostgresLogMoves(t *testing.T) {
	world := newWorld(t, "postgres-15")
	id := world.Connect()
	at := func() string { return do(t, world, id, "SELECT pg_current_wal_flush_lsn()::text AS lsn").Text() }
	for _, step := range []struct {
		name  string
		do    func()
		moves bool
	}{
		{"a query", func() { do(t, world, id, "SELECT pg_is_in_recovery() AS yes") }, false},
		{"a commit", func() { world.Commit() }, true},
		{"a checkpoint", func() { do(t, world, id, "CHECKPOINT") }, true},
		{"a new file", func() { do(t, world, id, "SELECT pg_switch_wal()") }, true},
		{"a second new file", func() { do(t, world, id, "SELECT pg_switch_wal()") }, false},
		{"a restart", func() { world.Restart(); id = world.Connect() }, true},
	} {
		before := at()
		if step.do(); (at() != before) != step.moves {
			t.Errorf("after %s the log is at %s, before at %s", step.name, at(), before)
		}
	}
}

// An administrator's change is not held, and it is what is given back to.
func TestPostgresSet(t *testing.T) {
	world := newWorld(t, "postgres-18", option("fsync", action.Bool(false)))
	id := world.Connect()
	if got := do(t, world, id, "SHOW fsync").Text(); got != "off" {
		t.Errorf("fsync is %s", got)
	}
	do(t, world, id, "ALTER SYSTEM SET checkpoint_timeout = '10min'")
	wantHeld(t, world, "setting checkpoint_timeout = 10min, was 5min")
	if err := world.Set("checkpoint_timeout", action.Int(900)); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, world)
	if got := do(t, world, id, "SHOW checkpoint_timeout").Text(); got != "15min" {
		t.Errorf("checkpoint_timeout is %s", got)
	}
}

func TestPostgresPromoted(t *testing.T) {
	world := newWorld(t, "postgres-15", option("in_recovery", action.Bool(true)))
	id := world.Connect()
	do(t, world, id, "SELECT pg_wal_replay_pause()")
	wantHeld(t, world, "paused replay")
	if world.Commit() {
		t.Error("a row came although replay is paused")
	}
	if err := world.Set("in_recovery", action.Bool(false)); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, world)
	if got := do(t, world, id, "SELECT timeline_id FROM pg_control_checkpoint()").String(); got != "2" {
		t.Errorf("timeline %s after the promotion", got)
	}
	if do(t, world, id, "SELECT pg_is_in_recovery()").AsBool() || !world.Commit() {
		t.Error("it is still a standby")
	}
}

// Another session waits, or is refused after its own limit.
func TestPostgresWaits(t *testing.T) {
	world := newWorld(t, "postgres-14")
	a, b := world.Connect(), world.Connect()
	do(t, world, a, "SELECT pg_advisory_lock(7)")
	if got := said(world.Do(b, "SELECT pg_advisory_lock(7)", nil), true); got != "waits" {
		t.Errorf("the other session: %s", got)
	}
	if got := said(world.Do(b, "SELECT pg_advisory_lock(8), pg_advisory_lock(7) AS other", nil), true); got != "waits" {
		t.Errorf("the other session: %s", got)
	}
	wantHeld(t, world, "advisory lock 7")
	do(t, world, b, "SET lock_timeout = '1s'")
	if got := said(world.Do(b, "SELECT pg_advisory_lock(7)", nil), true); got != `refused "55P03"` {
		t.Errorf("the other session with a limit: %s", got)
	}
	do(t, world, b, "SELECT pg_terminate_backend("+a+")")
	if world.Alive(a) {
		t.Error("a session that was terminated is there")
	}
	do(t, world, b, "SELECT pg_advisory_lock(7)")
}

func TestPostgresBackupMode(t *testing.T) {
	for name, names := range map[string][2]string{
		"postgres-14": {"pg_start_backup('x', true, false)", "pg_stop_backup(false)"},
		"postgres-18": {"pg_backup_start('x', true)", "pg_backup_stop(false)"},
	} {
		world := newWorld(t, name, option("tablespaces", strs("/mnt/space")))
		id := world.Connect()
		do(t, world, id, "SELECT "+names[0])
		wantHeld(t, world, "backup mode")
		if !world.Drop("backup mode") {
			t.Errorf("%s: nothing was dropped", name)
		}
		if got := said(world.Do(id, "SELECT "+names[1], nil), true); got != `refused "55000"` {
			t.Errorf("%s: the end of a backup that is gone: %s", name, got)
		}
		do(t, world, id, "SELECT "+names[0])
		if got := do(t, world, id, "SELECT spcmapfile FROM "+names[1]).Text(); got != "16384 /mnt/space\n" {
			t.Errorf("%s: tablespaces are %q", name, got)
		}
		wantHeld(t, world)
	}
}

func wantHeld(t *testing.T, world worlds.Server, want ...string) {
	t.Helper()
	if got := strs(world.Held()...); !got.Equal(strs(want...)) {
		t.Errorf("held: %s, want %s", got, strs(want...))
	}
}

// Arguments by name are known where they stand at their own places.
func TestPostgresNamedArguments(t *testing.T) {
	world := newWorld(t, "postgres-14")
	id := world.Connect()
	for query, known := range map[string]bool{
		"SELECT pg_start_backup('x', fast => true, exclusive => false)": true,
		"SELECT pg_start_backup('x', exclusive => false, fast => true)": false,
		"SELECT pg_start_backup('x', exclusive => false)":               false,
		"SELECT pg_stop_backup(exclusive := false)":                     true,
		"SELECT pg_stop_backup(any => false)":                           false,
	} {
		if a := world.Clone().Do(id, query, nil); a.Unknown == known {
			t.Errorf("%s: %s", query, said(a, true))
		}
	}
}
