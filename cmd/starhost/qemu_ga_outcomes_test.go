//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/internal/testtable"
)

// qemuGAOutcome is one row: what happens, and what the hypervisor is answered and finds.
type qemuGAOutcome struct {
	what string
	more string // of the config
	do   func(g *guest, row *qemuGARow)
}

// qemuGARow is what a row says. What stands in it was seen, or is checked by do.
type qemuGARow struct{ freeze, thaw, database, filesystem string }

// Words of the rows.
const (
	byThaw     = "released by the thaw"
	atOnce     = "released at once"
	atDeadline = "released at the deadline"
	neverHeld  = "never held"
	thawed     = "thawed by the thaw"
	neverSo    = "never frozen"
	notAsked   = "not asked for"
)

// soon is a deadline that a test can wait for.
const (
	soon     = "timeout = 2\n"
	soonEnds = 2 * time.Second
)

var qemuGAOutcomes = []qemuGAOutcome{
	{"freeze, then thaw", "", func(g *guest, row *qemuGARow) {
		row.freeze, row.thaw = g.freezes(), g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"thaw a second time", "", func(g *guest, row *qemuGARow) {
		row.freeze = g.freezes()
		g.wantThaw("1")
		row.thaw = g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"thaw without a freeze", "", func(g *guest, row *qemuGARow) {
		row.freeze, row.thaw = notAsked, g.askThaw()
		row.database, row.filesystem = neverHeld, neverSo
	}},
	{"freeze a second time", "", func(g *guest, row *qemuGARow) {
		g.freezes()
		row.freeze = g.freeze()
		g.frozen()
		row.thaw = g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"none of the mounts asked for exists: the agent calls no hook for the thaw", soon, func(g *guest, row *qemuGARow) {
		g.begun = time.Now()
		row.freeze = answer(g.client.Freeze(filepath.Join(g.fs.Dir, "absent")))
		row.thaw = notAsked
		g.held()
		g.released(soonEnds)
		row.database, row.filesystem = atDeadline, neverSo
	}},
	{"the server is down", "", func(g *guest, row *qemuGARow) {
		g.server.Stop(g.t)
		defer g.server.Start(g.t)
		row.freeze, row.thaw = g.freeze(), notAsked
		row.database, row.filesystem = neverHeld, neverSo
	}},
	{"somebody else has the lock of the server", "[settings \"orders\"]\nlock_wait = 1\n", func(g *guest, row *qemuGARow) {
		defer g.blocked()()
		row.freeze, row.thaw = g.freeze(), notAsked
		g.released(0)
		row.database, row.filesystem = atOnce, neverSo
	}},
	{"the hook is killed while it waits for the lock", "[settings \"orders\"]\nlock_wait = 30\n", func(g *guest, row *qemuGARow) {
		defer g.blocked()()
		kill := g.killHook()
		row.freeze, row.thaw = g.freeze(), notAsked
		<-kill
		g.begun = time.Now()
		g.released(0)
		row.database, row.filesystem = atOnce, neverSo
	}},
	{"the hypervisor's connection ends, another one thaws", "", func(g *guest, row *qemuGARow) {
		row.freeze = g.freezes()
		g.client.Close()
		g.client = g.agent.Connect(g.t)
		row.thaw = g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"nobody asks for the thaw until the deadline is over", soon, func(g *guest, row *qemuGARow) {
		row.freeze = g.freeze()
		g.held()
		g.released(soonEnds)
		g.frozen()
		row.thaw = g.late()
		row.database, row.filesystem = atDeadline, thawed
	}},
	{"the hook is killed before it can thaw", soon, func(g *guest, row *qemuGARow) {
		row.freeze = g.freeze()
		g.held()
		write(g.t, dieFile(g.c), "")
		row.thaw = g.askThaw()
		g.released(soonEnds)
		row.database, row.filesystem = atDeadline, thawed
		g.late()
	}},
	{"the agent is told to end while frozen: it does not", "", func(g *guest, row *qemuGARow) {
		row.freeze = g.freezes()
		if err := unix.Kill(g.agent.Pid(), unix.SIGTERM); err != nil {
			g.t.Error(err)
		}
		row.thaw = g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"the agent is killed while frozen, and none is started", soon, func(g *guest, row *qemuGARow) {
		row.freeze, row.thaw = g.freeze(), "nobody there"
		g.held()
		g.agent.Kill()
		g.released(soonEnds)
		row.database, row.filesystem = atDeadline, g.thawOurselves()
	}},
	{"the agent is killed while frozen, the next one thaws in time", "", func(g *guest, row *qemuGARow) {
		row.freeze = g.freezes()
		g.agent.Kill()
		g.restart()
		row.thaw = g.askThaw()
		row.database, row.filesystem = byThaw, thawed
	}},
	{"the agent is killed while frozen, the next one thaws after the deadline", soon, func(g *guest, row *qemuGARow) {
		row.freeze = g.freeze()
		g.held()
		g.agent.Kill()
		g.released(soonEnds)
		g.restart()
		row.thaw = g.late()
		row.database, row.filesystem = atDeadline, thawed
	}},
	{"our supervisor is killed while frozen", "", func(g *guest, row *qemuGARow) {
		row.freeze = g.freezes()
		g.begun = time.Now()
		for _, pid := range g.c.supervisors() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		g.released(0)
		row.thaw = g.askThaw()
		row.database, row.filesystem = atOnce, thawed
	}},
}

// Whatever happens to the agent of QEMU, to our hook or to who calls them, nothing of
// ours stays held for longer than its budget, and a snapshot that was not covered is
// called so. The table of it is in the documentation.
func TestQemuGAOutcomes(t *testing.T) {
	t.Parallel() // it waits most of the time
	w := newWindow(t)
	table := "| what happens | answer to the freeze | answer to the thaw | the server is | the filesystem is |\n|---|---|---|---|---|\n"
	for _, o := range qemuGAOutcomes {
		row := qemuGARow{}
		t.Run(o.what, func(t *testing.T) {
			g := newGuest(t, w, o.more, true, hookFile)
			o.do(g, &row)
			g.nothingHeld("afterwards")
			if row.database != byThaw { // something has died, or was late
				g.nextWorks()
			}
		})
		table += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", o.what, row.freeze, row.thaw, row.database, row.filesystem)
	}
	w.t, w.observer.t = t, t
	testtable.Show(t, "qemu-ga", table)
	if !t.Failed() {
		compareOutcomes(t, "../../docs/callers/qemu-ga.md", table)
	}
}

// wantThaw asks for the thaw and wants that answer.
func (g *guest) wantThaw(want string) {
	g.t.Helper()
	if got := g.askThaw(); got != want {
		g.t.Fatalf("the thaw was answered with %q, want %q\n%s", got, want, g.c.said())
	}
}

// late asks for the thaw after the deadline, and wants to be told.
func (g *guest) late() string {
	g.t.Helper()
	g.c.said()
	got := g.askThaw()
	if says := g.c.said(); !strings.Contains(says, "the window had expired") {
		g.t.Errorf("the hook does not say that the hold had ended: %s", says)
	}
	return got
}

// nextWorks makes sure that nothing is left that the next snapshot stumbles over. Who
// thaws by hand after an agent was killed has to tell the next one, and hears the end.
func (g *guest) nextWorks() {
	g.t.Helper()
	if _, err := g.client.Status(); err != nil {
		g.restart()
		g.late()
	}
	if got := g.freeze(); got != "1" {
		g.t.Fatalf("the next freeze was answered with %q\n%s", got, g.c.said())
	}
	g.wantThaw("1")
	g.nothingHeld("after the next snapshot")
}

// blocked takes the lock that our script wants, until the function is called.
func (g *guest) blocked() (end func()) {
	g.t.Helper()
	conn, err := g.db.Conn(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := conn.ExecContext(g.t.Context(), "BACKUP STAGE START"); err != nil {
		g.t.Fatal(err)
	}
	return func() {
		_, err := conn.ExecContext(g.t.Context(), "BACKUP STAGE END")
		if err != nil {
			g.t.Error(err)
		}
		_ = conn.Close()
	}
}

// killHook kills the hook as soon as it has a session at the server.
func (g *guest) killHook() (killed <-chan struct{}) {
	done := make(chan struct{})
	ctx := g.t.Context()
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			var n int
			if err := g.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'starhost' AND info LIKE 'BACKUP%'").Scan(&n); err == nil && n > 0 {
				break
			}
		}
		for _, pid := range childrenOf(g.agent.Pid()) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}()
	return done
}

// childrenOf returns the processes whose parent is pid.
func childrenOf(pid int) (pids []int) {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range names {
		text, _ := os.ReadFile(name)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
