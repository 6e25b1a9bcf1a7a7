//go:build linux

package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/standin"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// gathering is where programs wait for each other: none of them ends before as many are
// there as are expected. So nobody needs a clock to see that they run at the same time.
type gathering struct {
	mu                sync.Mutex
	expected, arrived int
	alone             int           // how many went on without the others
	all               chan struct{} // closed when all are there
}

func gatheringOf(n int) *gathering {
	g := &gathering{}
	g.expect(n)
	return g
}

// expect begins anew, with n programs to come.
func (g *gathering) expect(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected, g.arrived, g.alone, g.all = n, 0, 0, make(chan struct{})
}

// patience is when the others do not come any more: they wait for the one that is here.
const patience = 20 * time.Second

// wait returns when all are there, or will not come.
func (g *gathering) wait() {
	g.mu.Lock()
	all := g.all
	if g.arrived++; g.arrived == g.expected {
		close(all)
	}
	g.mu.Unlock()
	select {
	case <-all:
	case <-time.After(patience):
		g.mu.Lock()
		g.alone++
		g.mu.Unlock()
	}
}

// took fails the test unless all were there together.
func (g *gathering) took(t *testing.T, what string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.arrived != g.expected || g.alone > 0 {
		t.Errorf("%s: %d programs, of which %d were alone; want %d at the same time", what, g.arrived, g.alone, g.expected)
	}
}

// clinic is a machine with two instances of IRIS and two of Oracle, which are stand-ins:
// programs that ask worlds in this process.
type clinic struct {
	t      *testing.T
	owner  string // of the software
	bin    string // of IRIS
	oratab string
	iris   *standin.Instance
	oracle map[string]*standin.Instance // by ORACLE_SID

	mu    sync.Mutex
	takes func(p worlds.Program) time.Duration // how long a program runs; nil is no time
}

func newClinic(t *testing.T) *clinic {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	c := &clinic{t: t, owner: me.Username, bin: openDir(t), oracle: map[string]*standin.Instance{}}
	names := action.Entry{Key: "instances", Value: listOf("IRIS", "HEALTH")}
	c.iris = standin.Start(t, c.bin, c.world("iris-2024", names), c.during, "iris", "irissession")
	var lines strings.Builder
	for _, sid := range []string{"ORCL", "TEST"} {
		fmt.Fprintf(&lines, "%s:%s:N\t\t# line added by Agent\n", sid, c.home(sid))
	}
	c.oratab = filepath.Join(c.bin, "oratab")
	write(t, c.oratab, "# This file is used by ORACLE utilities.\n+ASM:/u01/grid:N\n"+lines.String())
	return c
}

// home makes an instance of Oracle with a home of its own, in whose path is a dash.
func (c *clinic) home(sid string) string {
	c.t.Helper()
	home := filepath.Join(openDir(c.t), "dbhome-1")
	for _, dir := range []string{"", "bin", "data"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	data := filepath.Join(home, "data")
	world := c.world("oracle-19c",
		action.Entry{Key: "sid", Value: action.String(sid)}, action.Entry{Key: "home", Value: action.String(home)}, action.Entry{Key: "user", Value: action.String(c.owner)},
		action.Entry{Key: "data_files", Value: listOf(data+"/system01.dbf", data+"/users01.dbf")}, action.Entry{Key: "control_files", Value: listOf(data + "/control01.ctl")},
		action.Entry{Key: "log_files", Value: listOf(data + "/redo01.log")})
	c.oracle[sid] = standin.Start(c.t, filepath.Join(home, "bin"), world, c.during, "sqlplus")
	return home
}

// world is a world with these options.
func (c *clinic) world(name string, options ...action.Entry) worlds.Programs {
	c.t.Helper()
	server, err := worlds.New(name, action.Dict(options...))
	if err != nil {
		c.t.Fatal(err)
	}
	return server.(worlds.Programs)
}

// during is what a program of any stand-in waits for.
func (c *clinic) during(p worlds.Program) time.Duration {
	c.mu.Lock()
	takes := c.takes
	c.mu.Unlock()
	if takes == nil {
		return 0
	}
	return takes(p)
}

func (c *clinic) set(takes func(p worlds.Program) time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takes = takes
}

// config has a section for both instances of each product.
func (c *clinic) config() string { return c.erp("") + c.wards() }

// erp is the section of Oracle, in the words of Azure, with more lines at its end.
func (c *clinic) erp(more string) string {
	return fmt.Sprintf("[workload \"erp\"]\nworkload_name = oracle\nlinux_user = %s\nconfiguration_path = %s\nfs_freeze = snapshot\n%s", c.owner, c.oratab, more)
}

// wards is the section of IRIS.
func (c *clinic) wards() string {
	return fmt.Sprintf(`[workload "clinic"]
workload_name = iris
linux_user = %[1]s
command_path = %[2]s
instances = IRIS, HEALTH
fs_freeze = snapshot
[settings "clinic"]
paths = %[2]s
`, c.owner, c.bin)
}

// held is what any instance still has.
func (c *clinic) held() (held []string) {
	look := func(w worlds.Programs) { held = append(held, w.Held()...) }
	c.iris.Do(look)
	for _, one := range c.oracle {
		one.Do(look)
	}
	return held
}

func (c *clinic) nothingHeld(what string) {
	c.t.Helper()
	if held := c.held(); len(held) > 0 {
		c.t.Errorf("%s: still held: %q", what, held)
	}
}

// asked is what a program was asked to do.
func asked(p worlds.Program) string { return strings.Join(p.Argv[1:], " ") + "\n" + p.Stdin }

// quiesces and gives are what a program is asked to do when it takes, and gives back.
func quiesces(p worlds.Program) bool {
	return strings.Contains(asked(p), "ExternalFreeze(") || strings.Contains(asked(p), "BEGIN BACKUP")
}

func gives(p worlds.Program) bool {
	return strings.Contains(asked(p), "ExternalThaw(") || strings.Contains(asked(p), "END BACKUP")
}

// members are those of a report, with their verdicts.
func members(r *run.Report) string {
	var all []string
	for _, m := range r.Members {
		all = append(all, m.Workload+" "+m.Verdict.String())
	}
	return strings.Join(all, ", ")
}

// alter has something happen to an instance.
func alter(i *standin.Instance, what change) {
	i.Do(func(w worlds.Programs) { what.to(w) })
}
