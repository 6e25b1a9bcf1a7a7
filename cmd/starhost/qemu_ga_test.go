//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testcaller"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
)

// guest is a machine as its hypervisor sees it: the real agent of QEMU, which calls our
// hook and freezes the filesystem of a server.
type guest struct {
	*window
	c      *command
	agent  *testcaller.Agent
	client *testcaller.Client
	begun  time.Time // when the last freeze was asked for
}

// hookFile writes what a caller has in place of a hook: our command, whose words are kept
// for said. It is killed before it can do anything if die is there.
func hookFile(t testing.TB, c *command, caller string) (path string) {
	t.Helper()
	path = filepath.Join(c.dir, "hook-"+caller)
	text := fmt.Sprintf("#!/bin/sh\n[ ! -e %[1]s ] || { rm %[1]s; kill -KILL $$; }\nexec %[2]s hook %[3]s \"$@\" 2>>%[4]s\n", dieFile(c), c.ourselves(), caller, saysFile(c))
	testcaller.WriteProgram(t, path, text)
	return path
}

// hookLink makes what install puts in place for a caller that gives no argument of ours.
func hookLink(t testing.TB, c *command, caller string) (path string) {
	t.Helper()
	path = filepath.Join(c.dir, "starhost-"+caller)
	if err := os.Symlink(c.ourselves(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ourselves is the program of the command for a process that is not our child.
func (c *command) ourselves() string {
	if c.program == thisProgram {
		return fmt.Sprintf("/proc/%d/exe", os.Getpid())
	}
	return c.program
}

func dieFile(c *command) string { return filepath.Join(c.dir, "die") }

func saysFile(c *command) string { return filepath.Join(c.dir, "says") }

// said returns what our hook has said since the last call.
func (c *command) said() string {
	text, _ := os.ReadFile(saysFile(c))
	_ = os.Remove(saysFile(c))
	return string(text)
}

// hookEnv is the environment that a caller hands to our hook.
func (c *command) hookEnv() []string {
	return append([]string{
		asCommand + "=1", "GORACE=atexit_sleep_ms=0",
		"STARHOST_CONFIG=" + c.config, "STARHOST_STATE_DIR=" + c.stateDir, "STARHOST_RUNTIME_DIR=" + c.runtimeDir,
	}, c.env...)
}

// newGuest starts an agent for a server, with a hook that hook makes. more is for the
// config of that; plain is whether it may do without the race detector.
func newGuest(t *testing.T, w *window, more string, plain bool, hook func(testing.TB, *command, string) string) *guest {
	t.Helper()
	w.t, w.observer.t = t, t
	g := &guest{window: w, c: newSupervised(t, configFor("mariadb", "mysql", w.server.Socket, more))}
	g.c.plainly(plain)
	t.Cleanup(func() { // an agent that is killed thaws nothing
		if err := w.fs.Thaw(); err == nil {
			t.Error("the filesystem was left frozen")
		}
	})
	g.agent = testcaller.StartAgent(t, testcaller.AgentOptions{Mount: w.fs.Dir, Hook: hook(t, g.c, "qemu-ga"), Env: g.c.hookEnv()})
	g.client = g.agent.Connect(t)
	return g
}

// freeze asks for the freeze of the mount, and returns what is said of the answer.
func (g *guest) freeze() string {
	g.t.Helper()
	g.begun = time.Now()
	return answer(g.client.Freeze(g.fs.Dir))
}

// askThaw asks for the thaw, and returns what is said of the answer.
func (g *guest) askThaw() string {
	g.t.Helper()
	return answer(g.client.Thaw())
}

func answer(n int, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprint(n)
}

// freezes does that and makes sure that it holds.
func (g *guest) freezes() string {
	g.t.Helper()
	got := g.freeze()
	if got != "1" {
		g.t.Fatalf("the freeze was answered with %q\n%s\n%s", got, g.c.said(), g.agent.Log())
	}
	g.held()
	g.frozen()
	return got
}

// held fails the test unless we are at the server. With a deadline that is soon that can
// be over on a busy machine, and says nothing then.
func (g *guest) held() {
	g.t.Helper()
	if g.sessions() == 0 && time.Since(g.begun) < time.Second {
		g.t.Error("there is no session of ours at the server")
	}
}

// released fails the test unless our sessions at the server are gone, in time after the
// freeze began. It works on a frozen filesystem too.
func (g *guest) released(within time.Duration) {
	g.t.Helper()
	eventually(g.t, within+hookMargin-time.Since(g.begun), "no session of ours at the server", func() bool { return g.sessions() == 0 })
}

// hookMargin is what a busy machine may take longer for.
const hookMargin = 2 * time.Second

// thawOurselves thaws what an agent has left frozen.
func (g *guest) thawOurselves() string {
	g.t.Helper()
	g.frozen()
	if err := g.fs.Thaw(); err != nil {
		g.t.Errorf("thawing: %v", err)
	}
	return "frozen until somebody thaws it"
}

// restart starts another agent after the first one.
func (g *guest) restart() {
	g.t.Helper()
	g.agent.Start(g.t)
	g.client = g.agent.Connect(g.t)
	if status, err := g.client.Status(); status != "frozen" || err != nil {
		g.t.Errorf("the new agent believes that the filesystem is %s, %v", status, err)
	}
}

// The agent of QEMU freezes and thaws through our hook while a server is under load: the
// disk in between has every row that was acknowledged before and none from after.
func TestQemuGASnapshot(t *testing.T) {
	for _, fstype := range []string{"xfs", "ext4"} {
		t.Run(fstype, func(t *testing.T) {
			fs := testfs.New(t, fstype, 600)
			server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{lossy, "--innodb-flush-log-at-trx-commit=0"}})
			g := newGuest(t, &window{t, fs, server, observe(t, server, fs.Dir)}, "", false, hookLink)
			r := restored{acks: map[string]*acks{}, rows: map[string]int{}}
			stop := r.startWriters(t, g.observer)
			image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
			t.Cleanup(func() { _ = os.Remove(image) })

			g.freezes()
			r.from = time.Now()
			testfs.CopyImage(t, fs, image)
			r.to = time.Now()
			if got := g.askThaw(); got != "1" {
				t.Errorf("the thaw was answered with %q\n%s", got, g.c.said())
			}
			r.reachMore(t)
			stop()
			g.nothingHeld("after the thaw")
			r.checkRate(t)
			g.agent.Kill() // its mount namespace would keep the filesystem
			g.c.waitGone(5 * time.Second)
			server.Stop(t)
			fs.Unmount(t)

			copied := testfs.MountCopy(t, image, fstype)
			r.checkCopy(t, copied)
		})
	}
}
