package run

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
)

// aborted is what a signal ends a run with.
var aborted = &action.Fault{Kind: action.KindAborted, Message: "ended by SIGTERM"}

// ending is one way in which a run can end.
type ending struct {
	name    string
	prepare func(f *fixture)
	exit    int
	verdict Verdict
	kind    action.Kind
	message string
	// not is a line that must not be in the log, and last the last one that must be.
	not, last string
}

func testEndings(t *testing.T, endings []ending) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			f := newFixture(t)
			e.prepare(f)
			f.want(f.do(), e.exit, e.verdict, e.kind, e.message)
			if e.not != "" && f.noted(e.not) {
				t.Errorf("%q happened:\n%s", e.not, f.lines())
			}
			if e.last != "" && (len(f.log) == 0 || f.log[len(f.log)-1] != e.last) {
				t.Errorf("%q is not the last line:\n%s", e.last, f.lines())
			}
		})
	}
}

// holding is a phase that takes a lock first.
func holding(then phase) phase {
	return func(c *calling) (action.Value, error) {
		if err := c.lock("lock"); err != nil {
			return action.Value{}, err
		}
		return then(c)
	}
}

// TestBeforeTheSnapshot: no snapshot is taken, and everything is undone.
func TestBeforeTheSnapshot(t *testing.T) {
	const lock = "orders: lock"
	testEndings(t, []ending{
		{"prescript fails", func(f *fixture) { f.scripts["orders"]["prescript"] = holding(fails("no")) }, ExitPrescript, NoVerdict, action.KindScript, "no", "snapshot", "undo orders: lock"},
		{"prescript panics", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(func(*calling) (action.Value, error) { panic("boom") })
		}, ExitPrescript, NoVerdict, action.KindInternal, "panic in the host: boom", "snapshot", "undo orders: lock"},
		{"the host panics in an action", func(f *fixture) { f.on[lock] = func(context.Context) action.Result { panic("boom") } }, ExitPrescript, NoVerdict, action.KindInternal, "boom", "snapshot", "undo orders: lock"},
		{"the host panics in ours", func(f *fixture) { f.fs = nil; f.Filesystems = panicking{} }, ExitInternal, NoVerdict, action.KindInternal, "panic in the host: carriers", "snapshot", "undo orders: lock"},
		{"an action is refused by policy", func(f *fixture) {
			f.scripts["orders"]["prescript"] = does(func(c *calling) error { return c.make(action.Action{Op: sql("FLUSH TABLES")}) })
		}, ExitPrescript, NoVerdict, action.KindRefused, "say how to compensate it", "orders: FLUSH TABLES", ""},
		{"a statement is certified not to have been made", func(f *fixture) { f.on[lock] = refuse(action.KindScript, "access denied") }, ExitPrescript, NoVerdict, action.KindScript, "access denied", "undo orders: lock", lock},
		{"nobody can say whether a statement was made", func(f *fixture) { f.on[lock] = fault(action.KindScript, "connection reset") }, ExitPrescript, NoVerdict, action.KindScript, "connection reset", "snapshot", "undo orders: lock"},
		{"the waist breaks", func(f *fixture) { f.on[lock] = func(context.Context) action.Result { return action.Result{} } }, ExitPrescript, NoVerdict, action.KindInternal, "the waist is broken", "snapshot", "undo orders: lock"},
		{"no session can be opened", func(f *fixture) { f.hosts["orders"].broken = errors.New("connection refused") }, ExitPrescript, NoVerdict, action.KindScript, `session "main": connection refused`, lock, ""},
		{"prescript takes too long", func(f *fixture) {
			f.Limits.Prescript = 20 * time.Millisecond
			f.on[lock] = func(ctx context.Context) action.Result { <-ctx.Done(); return fault(action.KindTimeout, "slow")(ctx) }
		}, ExitPrescript, NoVerdict, action.KindTimeout, "slow", "snapshot", "undo orders: lock"},
		{"a signal comes in prescript", func(f *fixture) {
			f.on[lock] = func(ctx context.Context) action.Result {
				f.cancel(aborted)
				return fault(action.KindAborted, "ended")(ctx)
			}
		}, ExitPrescript, NoVerdict, action.KindAborted, "ended", "snapshot", "undo orders: lock"},
		{"a second member fails", func(f *fixture) {
			f.Members = append(f.Members, Member{Workload: "b", Order: 1, Host: &host{f: f, member: "b"}})
			f.scripts["b"] = script{"prescript": fails("no")}
		}, ExitPrescript, NoVerdict, action.KindScript, "no", "snapshot", "undo orders: lock"},
		{"a hold that is not held is thawed", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(does(func(c *calling) error { return c.thaw("lock", "other") }))
		}, ExitPrescript, NoVerdict, action.KindScript, `"other" is not held; held is "lock"`, "snapshot", "undo orders: lock"},
		{"filesystems are named too late", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(does(func(c *calling) error { return c.freeze("/data") }))
		}, ExitPrescript, NoVerdict, action.KindRefused, "named before anything is held", "snapshot", "undo orders: lock"},
		{"a session is opened too late", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(does(func(c *calling) error {
				return c.make(action.Action{Op: action.Op{SQL: &action.SQL{Session: "late", Query: "SELECT 1"}}})
			}))
		}, ExitPrescript, NoVerdict, action.KindRefused, `session "late" is new`, "orders: SELECT 1", "undo orders: lock"},
	})
}

// TestBeforeTheFreeze: the same for what we do ourselves.
func TestBeforeTheFreeze(t *testing.T) {
	testEndings(t, []ending{
		{"filesystems cannot be found", func(f *fixture) { f.fs.err = errors.New("/data is a btrfs") }, ExitPrescript, NoVerdict, action.KindFreeze, "/data is a btrfs", "snapshot", "undo orders: lock"},
		{"somebody else froze it", func(f *fixture) { f.on["freeze /data"] = refuse(action.KindFreeze, "EBUSY") }, ExitPrescript, NoVerdict, action.KindFreeze, "EBUSY", "undo freeze /data", "undo orders: lock"},
		{"a freeze may have been made", func(f *fixture) { f.on["freeze /data"] = fault(action.KindFreeze, "killed") }, ExitPrescript, NoVerdict, action.KindFreeze, "killed", "snapshot", "undo orders: lock"},
		{"the recovery point cannot be written", func(f *fixture) { blocked(f, f.RecoveryPoints) }, ExitPrescript, NoVerdict, action.KindInternal, "the recovery point cannot be written, so nothing was frozen", "freeze /data", "undo orders: lock"},
		{"a disk cannot carry the recovery point", func(f *fixture) {
			f.fs.carriers = []string{f.dir + "/file/x"}
			blocked(f, f.dir+"/file")
		}, ExitPrescript, NoVerdict, action.KindInternal, "on ", "freeze /data", "undo orders: lock"},
		{"the journal breaks", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(does(func(c *calling) error { f.disk.broken.Store(true); return c.lock("second") }))
		}, ExitPrescript, NoVerdict, action.KindInternal, "not made: the journal cannot be written", "orders: second", "undo orders: lock"},
		{"the journal breaks before the freeze", func(f *fixture) {
			f.scripts["orders"]["prescript"] = holding(does(func(*calling) error { f.disk.broken.Store(true); return nil }))
		}, ExitPrescript, NoVerdict, action.KindInternal, "no space left on device", "freeze /data", "undo orders: lock"},
		{"the journal breaks when it is put on hold", func(f *fixture) {
			f.beforeHold = func() { // a record that has not reached the disk yet, and never will
				f.disk.broken.Store(true)
				_, _ = f.Journal.Append(journal.Record{Type: journal.TypeNote, Note: "late"}, false)
			}
		}, ExitPrescript, NoVerdict, action.KindInternal, "nothing was frozen: the journal cannot be written", "freeze /data", "undo orders: lock"},
		{"the journal cannot begin", func(f *fixture) { f.disk.broken.Store(true) }, ExitInternal, NoVerdict, action.KindInternal, "no space left on device", "orders: lock", ""},
	})
}

// blocked puts a file where a directory is needed.
func blocked(f *fixture, path string) {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		f.Error(err)
	}
}

// panicking are filesystems with a mistake in them.
type panicking struct{ *filesystems }

func (panicking) Carriers(bool) []string             { panic("carriers") }
func (panicking) Declared(string) (named, none bool) { return false, false }

// TestSnapshotFails: filesystems are thawed first, then everything is undone.
func TestSnapshotFails(t *testing.T) {
	hang := func(ctx context.Context, _ Snapshot) error { <-ctx.Done(); return ctx.Err() }
	testEndings(t, []ending{
		{"it fails", func(f *fixture) {
			f.Snapshot = func(context.Context, Snapshot) error { return errors.New("exit status 1") }
		}, ExitSnapshot, NoVerdict, action.KindSnapshot, "exit status 1", "orders: SHOW MASTER STATUS", "undo orders: lock"},
		{"it fails with a kind", func(f *fixture) { f.Snapshot = func(context.Context, Snapshot) error { return aborted } }, ExitSnapshot, NoVerdict, action.KindAborted, "ended by SIGTERM", "", "undo orders: lock"},
		{"it panics", func(f *fixture) { f.Snapshot = func(context.Context, Snapshot) error { panic("boom") } }, ExitSnapshot, NoVerdict, action.KindSnapshot, "panic in the snapshot: boom", "", "undo orders: lock"},
		{"it outlasts freeze_timeout", func(f *fixture) { f.Limits.Freeze, f.Snapshot = 20*time.Millisecond, hang }, ExitSnapshot, NoVerdict, action.KindTimeout, "freeze_timeout: filesystems would have stayed frozen for more than 20ms", "", "undo orders: lock"},
		{"it outlasts timeout", func(f *fixture) {
			f.Limits.Hold, f.Snapshot, f.Members[0].FSFreeze = 300*time.Millisecond, hang, FreezeCaller
		}, ExitSnapshot, NoVerdict, action.KindTimeout, "timeout: held for 50ms of at most 300ms", "freeze /data", "undo orders: lock"},
		{"a signal comes", func(f *fixture) {
			f.Snapshot = func(ctx context.Context, s Snapshot) error { f.cancel(aborted); return hang(ctx, s) }
		}, ExitSnapshot, NoVerdict, action.KindAborted, "ended by SIGTERM", "orders: SHOW MASTER STATUS", "undo orders: lock"},
		{"a signal comes and it succeeds all the same", func(f *fixture) {
			f.Snapshot = func(context.Context, Snapshot) error { f.cancel(aborted); return nil }
		}, ExitSnapshot, NoVerdict, action.KindAborted, "ended by SIGTERM", "", "undo orders: lock"},
		{"a signal comes in the freeze", func(f *fixture) {
			f.on["freeze /data"] = func(context.Context) action.Result { f.cancel(aborted); return action.Result{State: action.Applied} }
		}, ExitSnapshot, NoVerdict, action.KindAborted, "ended by SIGTERM", "snapshot", "undo orders: lock"},
	})
}

// TestAfterTheSnapshot: there is a snapshot, and the verdict says what it is worth.
func TestAfterTheSnapshot(t *testing.T) {
	const read = "orders: SHOW MASTER STATUS"
	verify := func(p phase) func(f *fixture) { return func(f *fixture) { f.scripts["orders"]["verify"] = p } }
	testEndings(t, []ending{
		{"verify fails", verify(fails("the lock is gone")), ExitVerdict, Filesystem, action.KindVerify, "the lock is gone", "", "undo orders: lock"},
		{"verify returns False", verify(func(*calling) (action.Value, error) { return action.Bool(false), nil }), ExitVerdict, Filesystem, action.KindVerify, "verify returned false, want None, True or a dict", "", ""},
		{"verify returns something", verify(func(*calling) (action.Value, error) { return action.Int(1), nil }), ExitVerdict, Filesystem, action.KindVerify, "verify returned 1", "", ""},
		{"verify returns True", verify(func(*calling) (action.Value, error) { return action.Bool(true), nil }), ExitDone, Application, "", "", "", ""},
		{"there is no verify", func(f *fixture) {
			delete(f.scripts["orders"], "verify")
			f.Members[0].Phases = []string{"prescript", "postscript"}
		}, ExitVerdict, Filesystem, action.KindVerify, "x.star has no verify", "", "undo orders: lock"},
		{"verify panics", verify(func(*calling) (action.Value, error) { panic("boom") }), ExitVerdict, Filesystem, action.KindInternal, "panic in the host: boom", "", "undo orders: lock"},
		{"verify takes a hold", verify(does(func(c *calling) error { return c.lock("again") })), ExitVerdict, Filesystem, action.KindRefused, "verify holds nothing", "orders: again", "undo orders: lock"},
		{"a session is lost", func(f *fixture) {
			f.Snapshot = func(context.Context, Snapshot) error { f.hosts["orders"].lost = []string{"main"}; return nil }
		}, ExitVerdict, Filesystem, action.KindVerify, `session "main" ended during the snapshot`, "", "undo orders: lock"},
		{"a signal comes in verify", func(f *fixture) {
			f.on[read] = func(ctx context.Context) action.Result {
				f.cancel(aborted)
				return fault(action.KindAborted, "ended")(ctx)
			}
		}, ExitVerdict, Filesystem, action.KindAborted, "ended", "", "undo orders: lock"},
		{"somebody thawed it", func(f *fixture) {
			f.give["freeze /data"] = func(context.Context) action.State { return journal.Already }
		}, ExitVerdict, Crash, action.KindVerify, "no filesystem was frozen for the whole snapshot", "", "undo orders: lock"},
		{"nothing was named", func(f *fixture) { f.fs.named = nil }, ExitVerdict, Crash, action.KindVerify, "the data is not proven to be on the disk", "freeze /data", "undo orders: lock"},
		{"no freeze is needed", func(f *fixture) { f.fs.named, f.fs.none = nil, true }, ExitDone, Application, "", "", "freeze /data", ""},
		{"the tool freezes", func(f *fixture) { f.Members[0].FSFreeze = FreezeByTool }, ExitDone, Application, "", "", "freeze /data", ""},
		{"nobody freezes", func(f *fixture) { f.Members[0].FSFreeze = FreezeOff }, ExitVerdict, Crash, action.KindVerify, "not proven", "freeze /data", ""},
		{"a disk cannot carry the recovery point, and we do not freeze it", func(f *fixture) {
			f.Members[0].FSFreeze, f.fs.carriers = FreezeCaller, []string{f.dir + "/file/x"}
			blocked(f, f.dir+"/file")
		}, ExitDone, Application, "", "", "", ""},
		{"postscript fails", func(f *fixture) { f.scripts["orders"]["postscript"] = fails("no") }, ExitPostscript, Application, action.KindScript, "no", "", "undo orders: lock"},
		{"postscript panics", func(f *fixture) {
			f.scripts["orders"]["postscript"] = func(*calling) (action.Value, error) { panic("boom") }
		}, ExitPostscript, Application, action.KindInternal, "boom", "", "undo orders: lock"},
		{"a signal comes in postscript", func(f *fixture) {
			f.scripts["orders"]["postscript"] = does(func(c *calling) error { f.cancel(aborted); <-c.Done(); return context.Cause(c) })
		}, ExitPostscript, Application, action.KindAborted, "ended by SIGTERM", "", "undo orders: lock"},
		{"verify and postscript fail", func(f *fixture) {
			f.scripts["orders"]["verify"], f.scripts["orders"]["postscript"] = fails("gone"), fails("no")
		}, ExitVerdict, Filesystem, action.KindVerify, "gone", "", "undo orders: lock"},
		{"an undo fails, then works", func(f *fixture) { f.give["orders: lock"] = failing(1) }, ExitDone, Application, "", "", "", "undo orders: lock"},
		{"a thaw fails, then works", func(f *fixture) { f.give["freeze /data"] = failing(1) }, ExitDone, Application, "", "", "", "undo orders: lock"},
		{"the journal breaks while frozen", func(f *fixture) {
			f.Snapshot = func(context.Context, Snapshot) error { f.disk.broken.Store(true); return nil }
		}, ExitDone, Application, "", "", "", "undo orders: lock"},
	})
}

// A postscript runs although verify failed, also if prescript returned nothing.
func TestPostscriptAfterFailedVerify(t *testing.T) {
	f := newFixture(t)
	f.scripts["orders"]["prescript"] = does(func(c *calling) error { return c.lock("lock") })
	f.scripts["orders"]["verify"] = fails("gone")
	f.scripts["orders"]["postscript"] = does(func(c *calling) error { f.note("postscript"); return c.thaw("lock") })
	f.want(f.do(), ExitVerdict, Filesystem, action.KindVerify, "gone")
	if !f.noted("postscript") {
		t.Errorf("log %s", f.lines())
	}
}

// Of two filesystems the second cannot be frozen: the first is thawed, the second,
// which is somebody else's, is not.
func TestSecondFreezeFails(t *testing.T) {
	f := newFixture(t)
	f.fs.named = []string{"/a", "/b", "/c"}
	f.on["freeze /b"] = refuse(action.KindFreeze, "EBUSY")
	f.want(f.do(), ExitPrescript, NoVerdict, action.KindFreeze, "EBUSY")
	f.wantLog(`orders: ["/data"]`, "orders: lock", "freeze /a", "freeze /b", "undo freeze /a", "undo orders: lock")
}

// What hangs in a write to a frozen filesystem can only be ended once it is thawed.
func TestThawedBeforeTheSnapshotIsEnded(t *testing.T) {
	f := newFixture(t)
	f.Limits.Freeze = 20 * time.Millisecond
	command := make(chan context.Context, 1)
	f.give["freeze /data"] = func(context.Context) action.State {
		if ctx := <-command; ctx.Err() != nil {
			t.Error("the snapshot was ended while its filesystem was frozen")
		}
		return journal.Done
	}
	f.Snapshot = func(ctx context.Context, _ Snapshot) error {
		command <- ctx
		<-ctx.Done()
		if fault := (*action.Fault)(nil); !errors.As(context.Cause(ctx), &fault) || fault.Kind != action.KindTimeout {
			t.Errorf("ended with %v", context.Cause(ctx))
		}
		f.note("snapshot ended")
		return nil
	}
	f.want(f.do(), ExitSnapshot, NoVerdict, action.KindTimeout, "freeze_timeout")
	f.wantLog(`orders: ["/data"]`, "orders: lock", "freeze /data", "undo freeze /data", "snapshot ended", "undo orders: lock")
}
