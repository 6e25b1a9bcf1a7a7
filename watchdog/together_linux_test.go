package watchdog

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// leaderAndDog are both ends of a connection in this process.
func leaderAndDog(t *testing.T) (Filesystems, *process) {
	t.Helper()
	here, there := pair(t)
	w := &Watchdog{dog: &other{wire: here}, dead: make(chan struct{}), waiting: map[int]chan answer{}, ended: true}
	p := &process{leader: &other{wire: there}, order: Order{Freeze: time.Minute}, ended: make(chan struct{}), death: make(chan string, 1)}
	w.all.Go(w.read)
	w.all.Go(p.read)
	t.Cleanup(func() {
		_ = here.send(frame{End: true}, nil)
		<-p.ended
		p.mounts.close()
		there.close()
		w.all.Wait()
	})
	return Filesystems{Watchdog: w}, p
}

// located opens a filesystem at the watchdog.
func located(t *testing.T, f Filesystems, dir string) action.FS {
	t.Helper()
	list, err := freeze.Locate([]string{dir}, freeze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs := action.FS{Device: list[0].Device, Mountpoint: list[0].Mountpoint}
	if err := list[0].Close(); err != nil {
		t.Error(err)
	}
	if got, ok := f.Watchdog.ask(t.Context(), ask{Verb: verbOpen, FS: fs}); !ok || got.State != action.Applied {
		t.Fatalf("opening: %+v, %t", got, ok)
	}
	return fs
}

func (f Filesystems) state(ctx context.Context, fs *action.FS) action.State {
	res, _ := f.Do(ctx, action.Action{Op: action.Op{FS: fs}})
	return res.State
}

// Requests may be made at the same time, and each gets the answer that is its own: a
// freeze that sleeps in the kernel keeps no other request waiting. The thaw of everything,
// at a death, leaves nothing frozen, nor does what comes about later.
func TestRequestsAtTheSameTime(t *testing.T) {
	outer := testfs.New(t, "ext4", 64)
	inner := outer.Nested(t, "ext4", 16)
	one, two := testfs.New(t, "ext4", 16), testfs.New(t, "ext4", 16)
	f, p := leaderAndDog(t)
	sleeps, others := located(t, f, inner.Dir), []action.FS{located(t, f, one.Dir), located(t, f, two.Dir)}
	outer.Freeze(t)
	ctx, end := context.WithCancel(t.Context())
	var asleep, all sync.WaitGroup
	asleep.Go(func() {
		if state := f.state(ctx, &sleeps); state != action.Unknown {
			t.Errorf("the freeze that sleeps: %s, want that nobody knows", state)
		}
	})
	for !p.mounts.find(&sleeps).Frozen() {
		runtime.Gosched() // it is on its way
	}
	for i := range others {
		all.Go(func() {
			for n := range 20 {
				if state := f.state(t.Context(), &others[i]); state != action.Applied {
					t.Errorf("freeze %d of %d: %s", n, i, state)
				}
				if state, text := f.Undo(t.Context(), undo.Hold{}, action.Op{FS: &others[i]}); state != journal.Done {
					t.Errorf("thaw %d of %d: %s, %s", n, i, state, text)
				}
			}
			f.state(t.Context(), &others[i])
		})
	}
	all.Wait()
	end()
	asleep.Wait()
	p.mounts.thawAll()
	for _, fs := range others {
		if err := testfs.CanWrite(t, fs.Mountpoint, thawTime); err != nil {
			t.Errorf("after the thaw of everything: %s: %v", fs.Mountpoint, err)
		}
	}
	if err := outer.Thaw(); err != nil {
		t.Error(err)
	}
	if err := testfs.CanWrite(t, inner.Dir, 10*thawTime); err != nil {
		t.Errorf("after the thaw of the outer one: %v", err)
	}
}
