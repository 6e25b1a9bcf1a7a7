//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripts"
)

// slowly is the script of SQLite with a pause behind its lock.
func slowly(t *testing.T) string {
	t.Helper()
	source, err := scripts.Source("sqlite.star")
	if err != nil {
		t.Fatal(err)
	}
	const after = "hold = \"lock\", undo = \"ROLLBACK\")\n"
	slow := strings.Replace(string(source), after, after+"    sleep(1)\n", 1)
	if slow == string(source) {
		t.Fatal("the script has no such lock any more")
	}
	path := filepath.Join(t.TempDir(), "slow.star")
	write(t, path, slow)
	return path
}

// sqliteMember is a workload with a database of its own in dir.
func sqliteMember(t *testing.T, dir, name, more string) string {
	t.Helper()
	path := filepath.Join(dir, name+".db")
	makeOrders(t, path)
	return fmt.Sprintf("[workload %q]\nworkload_name = sqlite\nconnection = sqlite://%s\n%s\n", name, path, more)
}

// moments are where in the journal something of a member is.
type moments struct{ hold, slept, undo int }

func momentsOf(records []journal.Record, member string) (m moments) {
	intents := map[int]*action.Action{}
	for i, r := range records {
		switch {
		case r.Type == journal.TypeIntent && r.Member == member:
			intents[r.N] = r.Action
			if r.Action.Hold == "lock" && m.hold == 0 {
				m.hold = i
			}
		case r.Type == journal.TypeResult && intents[r.Of] != nil && intents[r.Of].Sleep != nil:
			m.slept = i
		case r.Type == journal.TypeUndone && intents[r.Of] != nil:
			m.undo = i
		}
	}
	return m
}

// Members of one order are held at the same time; with an order the second begins when
// the first is quiesced, and goes back to work before it.
func TestOrderOfMembers(t *testing.T) {
	t.Parallel()
	for order, together := range map[int]bool{0: true, 1: false} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			dir, common := memoryDir(t), "script = "+slowly(t)+"\nfs_freeze = snapshot"
			c := newCommand(t, sqliteMember(t, dir, "b", fmt.Sprintf("%s\norder = %d", common, order))+sqliteMember(t, dir, "a", common))
			got := c.run("run", "--json", "--", "true").want(t, run.ExitDone).report
			records := recordsOf(t, c, got.Run)
			a, b := momentsOf(records, "a"), momentsOf(records, "b")
			if a.hold == 0 || b.hold == 0 || a.slept < a.hold || b.slept < b.hold || a.undo == 0 || b.undo == 0 {
				t.Fatalf("a %+v, b %+v", a, b)
			}
			if both := b.hold < a.slept && a.hold < b.slept; both != together {
				t.Errorf("a %+v, b %+v", a, b)
			}
			if !together && (b.hold < a.slept || b.undo > a.undo) {
				t.Errorf("b is not after a, or not back before it: a %+v, b %+v", a, b)
			}
		})
	}
}

// Who freezes is said for each member; what another one names is not frozen for it.
func TestWhoFreezesIsSaidForEach(t *testing.T) {
	fs, dir := testfs.New(t, "ext4", 64), memoryDir(t) // which cannot be frozen
	c := newCommand(t, sqliteMember(t, fs.Dir, "ours", "require = crash")+
		sqliteMember(t, dir, "tool", "fs_freeze = snapshot\nrequire = crash")+sqliteMember(t, dir, "nobody", "fs_freeze = off\nrequire = crash"))
	got := c.run("run", "--json", "--", "true").want(t, run.ExitDone).report
	var verdicts []string
	for _, m := range got.Members {
		verdicts = append(verdicts, m.Verdict.String())
	}
	if text := strings.Join(verdicts, " "); text != "application application crash" || got.Verdict != run.Crash {
		t.Errorf("verdicts %s, of the run %s", text, got.Verdict)
	}
	var frozen []string
	for _, r := range recordsOf(t, c, got.Run) {
		if r.Type == journal.TypeIntent && r.Action.FS != nil {
			frozen = append(frozen, r.Action.FS.Mountpoint)
		}
	}
	if strings.Join(frozen, " ") != fs.Dir {
		t.Errorf("frozen: %v", frozen)
	}
	config, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.config, strings.Replace(string(config), "fs_freeze = snapshot", "fs_freeze = caller", 1))
	if got := c.run("run", "--", "true").want(t, run.ExitUsage); !strings.Contains(got.stderr, "[tool] fs_freeze: caller is for all workloads that run together or for none") {
		t.Errorf("it says %s", got.stderr)
	}
}

// Whatever is wrong with several members is said at once, in their order; nothing is
// done.
func TestSeveralMembersAreWrong(t *testing.T) {
	dir := memoryDir(t)
	bad := func(name string) string {
		path := filepath.Join(t.TempDir(), name+".star")
		write(t, path, "API = 1\n\ndef prescript(_ctx):\n    "+name+"()\n")
		return "fs_freeze = snapshot\nscript = " + path
	}
	c := newCommand(t, sqliteMember(t, dir, "one", bad("first"))+sqliteMember(t, dir, "two", "fs_freeze = snapshot")+sqliteMember(t, dir, "three", bad("third")))
	got := c.run("run", "--", "true").want(t, run.ExitUsage)
	if first, third := strings.Index(got.stderr, "first"), strings.Index(got.stderr, "third"); first < 0 || third < first {
		t.Errorf("scripts: %s", got.stderr)
	}
	c = newCommand(t, sqliteMember(t, dir, "four", "fs_freeze = snapshot")+sqliteMember(t, dir, "five", "fs_freeze = snapshot")+sqliteMember(t, dir, "six", "fs_freeze = snapshot"))
	for _, name := range []string{"four", "six"} {
		if err := os.Remove(filepath.Join(dir, name+".db")); err != nil {
			t.Fatal(err)
		}
	}
	report := c.run("run", "--json", "--", "true").want(t, run.ExitPrescript).report
	four, six := strings.Index(report.Error.Message, "workload four: "), strings.Index(report.Error.Message, "workload six: ")
	if four < 0 || six < four || strings.Contains(report.Error.Message, "five") || report.Error.Kind != action.KindRefused {
		t.Errorf("servers: %+v", report.Error)
	}
}

// A server that does not answer is given up when another one cannot be reached.
func TestServerThatHangsBesideOneThatFails(t *testing.T) {
	t.Parallel()
	dir := memoryDir(t)
	socket := filepath.Join(dir, "s.sock")
	silent, err := net.Listen("unix", socket) // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := newCommand(t, configFor("mysql", "mysql", socket, "fs_freeze = snapshot\n")+sqliteMember(t, dir, "gone", "fs_freeze = snapshot"))
	if err := os.Remove(filepath.Join(dir, "gone.db")); err != nil {
		t.Fatal(err)
	}
	e := c.run("run", "--json", "--", "true").want(t, run.ExitPrescript).report.Error
	if !strings.HasPrefix(e.Message, "workload orders: given up, because another workload cannot be reached\nworkload gone: ") {
		t.Errorf("%+v", e)
	}
}
