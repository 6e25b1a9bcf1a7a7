// Package standin runs a world as programs of this machine: a stand-in for sqlplus or
// iris, whose products cannot be had. Whoever executes such a program asks the world in
// the process of the test, over a unix socket that lies beside the program.
//
// An Instance answers from goroutines of its own, one program after the other; how long
// a program takes, it takes beside the others. The test that started it may change the
// world through [Instance.Do] alone. Everything ends with the test.
package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/standin/client"
	"github.com/starhost/starhost/scripttest/worlds"
)

// Instance is a world that programs of this machine speak to.
type Instance struct {
	// Takes is how long a program takes to answer; nil is no time. What a program changes
	// it has changed before that, so that a death meanwhile is as bad as it can be.
	Takes func(worlds.Program) time.Duration

	lock  sync.Mutex // guards world, asked
	world worlds.Programs
	asked []worlds.Program
}

// Start makes the programs with these names in dir, which every user may enter, and
// answers them until the test ends.
func Start(t testing.TB, dir string, world worlds.Programs, takes func(worlds.Program) time.Duration, names ...string) *Instance {
	t.Helper()
	i := &Instance{Takes: takes, world: world}
	l, err := net.Listen("unix", filepath.Join(dir, client.Socket))
	if err == nil {
		err = os.Chmod(filepath.Join(dir, client.Socket), 0o666) // programs run as any user
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { i.serve(l, stop, &all) })
	t.Cleanup(func() {
		close(stop)
		_ = l.Close()
		all.Wait()
	})
	for _, name := range names {
		install(t, filepath.Join(dir, name))
	}
	return i
}

// install puts the program that asks us in its place.
func install(t testing.TB, path string) {
	t.Helper()
	program, err := built()
	if err == nil {
		err = os.WriteFile(path, program, 0o755)
	}
	if err == nil {
		err = os.Chmod(path, 0o755) // whatever the umask is
	}
	if err != nil {
		t.Fatalf("making %s: %v", path, err)
	}
}

// built is the program. It is built once: it finds out by its path whom it has to ask.
var built = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "starhost-standin-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-o", path, "github.com/starhost/starhost/internal/standin/program")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return os.ReadFile(path)
})

// Do lets a test look at the world, or change it, while no program does.
func (i *Instance) Do(f func(worlds.Programs)) {
	i.lock.Lock()
	defer i.lock.Unlock()
	f(i.world)
}

// Asked are the programs that were started so far.
func (i *Instance) Asked() []worlds.Program {
	i.lock.Lock()
	defer i.lock.Unlock()
	return append([]worlds.Program(nil), i.asked...)
}

// serve answers every program until the listener is closed.
func (i *Instance) serve(l net.Listener, stop <-chan struct{}, all *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // that program ends with an error of its own
		}
		gone := make(chan struct{})
		asked := make(chan worlds.Program, 1)
		all.Go(func() { listen(c, asked, gone) })
		all.Go(func() {
			defer c.Close() // which ends listen
			i.answer(c, asked, gone, stop)
		})
	}
}

// listen receives what a program asks, and finds out when it has gone.
func listen(c net.Conn, asked chan<- worlds.Program, gone chan<- struct{}) {
	defer close(gone)
	var p worlds.Program
	if json.NewDecoder(c).Decode(&p) == nil {
		asked <- p
		_, _ = c.Read(make([]byte, 1)) // it says no more
	}
}

// answer answers one program.
func (i *Instance) answer(c net.Conn, asked <-chan worlds.Program, gone, stop <-chan struct{}) {
	var p worlds.Program
	select {
	case p = <-asked:
	case <-gone:
		return
	case <-stop:
		return
	}
	ended := i.run(p)
	if !i.wait(p, ended, gone, stop) {
		return
	}
	_ = json.NewEncoder(c).Encode(ended)
}

// wait waits as long as the program takes; false if it was killed meanwhile.
func (i *Instance) wait(p worlds.Program, ended worlds.Ended, gone, stop <-chan struct{}) bool {
	var over <-chan time.Time // never, for one that waits
	if !ended.Waits {
		var takes time.Duration
		if i.Takes != nil {
			takes = i.Takes(p)
		}
		over = time.After(takes)
	}
	select {
	case <-over:
		return true
	case <-gone:
	case <-stop:
	}
	return false
}

func (i *Instance) run(p worlds.Program) worlds.Ended {
	i.lock.Lock()
	defer i.lock.Unlock()
	i.asked = append(i.asked, p)
	ended := i.world.Run(p)
	if ended.Unknown {
		ended.Code = 127
		ended.Stderr = fmt.Sprintf("the stand-in does not know %q with %q\n", p.Argv, p.Stdin)
	}
	return ended
}
