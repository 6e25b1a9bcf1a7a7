package policy_test

import (
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/policy"
)

var allowed = policy.Policy{Database: "mysql", Programs: []policy.Program{{User: "mysql", Path: "/usr/bin/tool"}}}

// The makers keep the tables to one line a case.

func query(q string) action.Op { return action.Op{SQL: &action.SQL{Session: "main", Query: q}} }

func when(q, guard string) action.Op {
	return action.Op{SQL: &action.SQL{Session: "main", Query: q, When: guard}}
}

func program(user string, argv ...string) action.Op {
	return action.Op{Exec: &action.Exec{User: user, Argv: argv}}
}

func ladder(steps ...action.Op) action.Op { return action.Op{AnyOf: append([]action.Op{}, steps...)} }

func freeze(paths ...string) action.Op { return action.Op{Freeze: &action.Freeze{Paths: paths}} }

var (
	lock     = query("FLUSH TABLES WITH READ LOCK")
	unlock   = query("UNLOCK TABLES")
	tool     = program("mysql", "/usr/bin/tool", "thaw")
	emit     = action.Op{Emit: &action.Emit{Event: "x"}}
	sleep    = action.Op{Sleep: &action.Sleep{Seconds: 1}}
	thaw     = action.Op{Thaw: &action.Thaw{}}
	fsthaw   = action.Op{FS: &action.FS{Device: "8:1", Mountpoint: "/", Thaw: true}}
	fsfreeze = action.Op{FS: &action.FS{Device: "8:1", Mountpoint: "/"}}
	end      = action.Op{End: &action.End{Session: "main", ID: "7"}}
)

// undone is an action with that undo, given by the script.
func undone(op action.Op, steps ...action.Op) action.Action {
	return action.Action{Op: op, Undo: steps, UndoGiven: true}
}

// TestAllowed shows what passes, whether it counts as a read, and the scope that it gets.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		phase string
		a     action.Action
		reads bool
		scope action.Scope
	}{
		{"prescript", action.Action{Op: query("SELECT 1")}, true, action.ScopeDefault},
		{"prescript", action.Action{Op: query("SET SESSION wait_timeout = 9")}, true, action.ScopeDefault},
		{"prescript", action.Action{Op: query("SHOW MASTER STATUS"), Word: "sql_one"}, true, action.ScopeDefault},
		{"prescript", undone(lock, unlock), false, action.ScopeSession},
		{"prescript", undone(lock), false, action.ScopeSession},
		{"prescript", action.Action{Op: lock, Undo: []action.Op{unlock}, UndoGiven: true, Scope: action.ScopeDurable}, false, action.ScopeDurable},
		{"prescript", undone(query("SET GLOBAL read_only = 1"), when("SET GLOBAL read_only = 0", "SELECT @@read_only")), false, action.ScopeServer},
		{"prescript", undone(query("DROP TABLE t"), unlock), false, action.ScopeDurable},
		{"prescript", undone(query("SET SESSION wait_timeout = 9"), query("SET SESSION wait_timeout = 8")), false, action.ScopeSession},
		{"prescript", undone(query("SELECT 1"), unlock), false, action.ScopeDurable},
		{"prescript", action.Action{Op: unlock, Releases: "lock"}, false, action.ScopeSession},
		{"prescript", undone(tool, tool), false, action.ScopeDurable},
		{"prescript", undone(tool), false, action.ScopeDurable},
		{"prescript", undone(program("mysql", "/usr/bin//../bin/tool")), false, action.ScopeDurable},
		{"prescript", undone(lock, unlock, tool, ladder(unlock, ladder(tool))), false, action.ScopeSession},
		{"prescript", action.Action{Op: freeze("/var/lib/mysql")}, true, action.ScopeDefault},
		{"prescript", action.Action{Op: freeze()}, true, action.ScopeDefault},
		{"verify", action.Action{Op: query("SELECT 1")}, true, action.ScopeDefault},
		{"verify", undone(query("CREATE DATABASE IF NOT EXISTS mysql")), false, action.ScopeDurable},
		{"postscript", undone(lock, unlock), false, action.ScopeSession},
		{"postscript", action.Action{Op: thaw}, true, action.ScopeDefault},
		{"verify", action.Action{Op: emit}, true, action.ScopeDefault},
		{"prescript", action.Action{Op: sleep}, true, action.ScopeDefault},
	} {
		a, reads, fault := allowed.Check(c.phase, c.a)
		if fault != nil || reads != c.reads || a.Scope != c.scope {
			t.Errorf("%s: %v\ngot  reads %t, scope %q, fault %v\nwant reads %t, scope %q", c.phase, c.a, reads, a.Scope, fault, c.reads, c.scope)
		}
	}
}

// refusal is an action that does not pass, and what a script author is told.
type refusal struct {
	phase string
	a     action.Action
	want  string
}

func testRefused(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, c := range refusals {
		_, _, fault := allowed.Check(c.phase, c.a)
		if fault == nil || fault.Kind != action.KindRefused || !strings.Contains(fault.Message, c.want) {
			t.Errorf("%s: %v\ngot  %v\nwant … %s …", c.phase, c.a, fault, c.want)
		}
	}
}

func TestRefusedActions(t *testing.T) {
	testRefused(t, []refusal{
		{"prescript", action.Action{Op: lock}, "say how to compensate it with undo ="},
		{"prescript", action.Action{Op: lock, Undo: []action.Op{unlock}}, "say how to compensate it with undo ="},
		{"prescript", action.Action{Op: lock, Word: "sql_one"}, "use sql with undo ="},
		{"prescript", action.Action{Op: query("SELECT my_function()")}, "undo = None if nothing is left behind"},
		{"prescript", action.Action{Op: query("SELECT 1; SELECT 2")}, "more than one statement"},
		{"prescript", action.Action{Op: query("")}, "the statement is empty"},
		{"prescript", action.Action{Op: query("SELECT '\x00'")}, "NUL byte"},
		{"prescript", action.Action{Op: query("SELECT 1"), Releases: "lock"}, "only reads, so it gives nothing back"},
		{"prescript", action.Action{Op: query("SET GLOBAL x = 1"), UndoGiven: true, Scope: action.ScopeSession}, `scope "session" is too short`},
		{"prescript", action.Action{Op: query("DROP TABLE t"), UndoGiven: true, Scope: action.ScopeBoot}, `scope "boot" is too short`},
		{"prescript", action.Action{}, "an operation has 0 kinds"},
		{"prescript", action.Action{Op: action.Op{SQL: lock.SQL, Sleep: sleep.Sleep}}, "an operation has 2 kinds"},
		{"prescript", action.Action{Op: fsthaw}, "fsthaw is not for scripts"},
		{"prescript", action.Action{Op: fsfreeze}, "fsfreeze is not for scripts"},
		{"prescript", action.Action{Op: end}, "end_session is not for scripts"},
		{"prescript", action.Action{Op: ladder(unlock)}, "any is not for scripts"},
		{"prescript", undone(program("mysql")), "argv is empty"},
		{"prescript", undone(program("mysql", "/usr/bin/tool", "a\x00b")), "argv holds a NUL byte"},
		{"prescript", undone(program("mysql", "tool")), "tool may not be run as mysql"},
		{"prescript", undone(program("mysql", "/usr/bin/tool/../sh")), `add the line "mysql: /usr/bin/sh" to exec_as in the config`},
		{"prescript", undone(program("root", "/usr/bin/tool")), `add the line "root: /usr/bin/tool"`},
		{"prescript", action.Action{Op: freeze("relative")}, `"relative" is no absolute path`},
		{"prescript", undone(freeze("/"), unlock), "freeze takes no hold, undo or releases"},
		{"prescript", action.Action{Op: sleep, Releases: "lock"}, "sleep takes no hold, undo or releases"},
		{"prescript", action.Action{Op: emit, Hold: "x"}, "emit takes no hold, undo or releases"},
		{"verify", action.Action{Op: freeze("/")}, "filesystems are named in prescript, not in verify"},
		{"postscript", action.Action{Op: freeze()}, "filesystems are named in prescript, not in postscript"},
		{"verify", undone(lock, unlock), "verify holds nothing"},
		{"verify", action.Action{Op: tool, Hold: "x", UndoGiven: true}, "verify holds nothing"},
		{"verify", action.Action{Op: lock}, "say how to compensate it"},
	})
}

// An undo is refused when it is registered, not when it is needed.
func TestRefusedUndos(t *testing.T) {
	testRefused(t, []refusal{
		{"prescript", undone(lock, query("UNLOCK TABLES; DROP TABLE t")), "undo: more than one statement"},
		{"prescript", undone(lock, when("UNLOCK TABLES", "DROP TABLE t")), `undo: when: "DROP TABLE t" is no read`},
		{"prescript", undone(lock, program("root", "/usr/bin/tool")), "undo: /usr/bin/tool may not be run as root"},
		{"prescript", undone(lock, ladder(unlock, ladder(program("mysql", "/bin/sh")))), "undo: /bin/sh may not be run as mysql"},
		{"prescript", undone(lock, ladder()), "undo: a ladder without steps"},
		{"prescript", undone(lock, ladder(ladder())), "undo: a ladder without steps"},
		{"prescript", undone(lock, fsthaw), "undo: fsthaw cannot be an undo"},
		{"prescript", undone(lock, end), "undo: end_session cannot be an undo"},
		{"prescript", undone(lock, thaw), "undo: thaw cannot be an undo"},
		{"prescript", undone(lock, action.Op{}), "undo: an operation has 0 kinds"},
		{"prescript", undone(lock, action.Op{SQL: unlock.SQL, FS: fsthaw.FS}), "undo: an operation has 2 kinds"},
	})
}

// Without a connection there are no statements, and without a list no programs.
func TestNothingIsAllowedByDefault(t *testing.T) {
	for _, c := range []struct {
		a    action.Action
		want string
	}{
		{action.Action{Op: query("SELECT 1")}, "give connection = in the config"},
		{undone(tool), "may not be run as mysql"},
	} {
		if _, _, fault := (policy.Policy{}).Check("prescript", c.a); fault == nil || !strings.Contains(fault.Message, c.want) {
			t.Errorf("%v: %v", c.a, fault)
		}
	}
}

// Check must not write to the action of its caller: a retry checks it again.
func TestCheckLeavesTheActionAlone(t *testing.T) {
	a := undone(lock, unlock)
	before := a.String()
	if _, _, fault := allowed.Check("prescript", a); fault != nil || a.String() != before {
		t.Errorf("%v became %v, %v", before, a, fault)
	}
}

func TestLongStatementIsCutInMessages(t *testing.T) {
	_, _, fault := allowed.Check("prescript", action.Action{Op: query("DELETE\n\tFROM t WHERE ab = " + strings.Repeat("é", 500))})
	if fault == nil || len(fault.Message) > 400 || !strings.Contains(fault.Message, `"DELETE FROM t`) || strings.Contains(fault.Message, `\x`) {
		t.Errorf("got %v", fault)
	}
}
