package watchdog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/internal/detached"
	"github.com/starhost/starhost/internal/procstate"
	"github.com/starhost/starhost/journal"
)

// Watchdog is the watchdog of a run, as the leader has it.
type Watchdog struct {
	dog    *other
	group  string // its control group
	reaped chan struct{}
	ready  chan ready
	dead   chan struct{} // closed when it is gone, or has been killed; reason is set before
	reason string
	stop   context.CancelFunc
	all    sync.WaitGroup // reader, beat and watch

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	ended   bool
}

// Start starts a watchdog, which reads and reaches nothing before [Watchdog.Begin].
// [Watchdog.Ready] must be waited for before anything is held, and [Watchdog.End] called
// in any case.
func Start() (*Watchdog, error) {
	group := "watchdog-" + rand.Text()
	conn, cmd, err := detached.Start(group, processName, group)
	if err != nil {
		return nil, fmt.Errorf("the watchdog cannot be started: %w", err)
	}
	dog, err := newOther(cmd.Process.Pid, newWire(conn))
	if err != nil {
		return nil, errors.Join(err, conn.Close(), cmd.Wait()) // it ends without its leader
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Watchdog{
		dog: dog, group: group, reaped: make(chan struct{}), ready: make(chan ready, 1), dead: make(chan struct{}), stop: stop,
		waiting: map[int]chan answer{},
	}
	go func() {
		_ = cmd.Wait() // how it ended does not matter
		close(w.reaped)
	}()
	w.all.Go(w.read)
	w.all.Go(func() { dog.beat(ctx) })
	w.all.Go(func() { dog.watch(ctx, nil, w.lost) })
	return w, nil
}

// Begin tells the watchdog what it is for. It is called once, if at all.
func (w *Watchdog) Begin(o Order) {
	_ = w.dog.send(frame{Order: &o}, nil) // if nobody reads it, Ready hears of that
}

// read takes in what the watchdog says, until the connection ends.
func (w *Watchdog) read() {
	for {
		f, err := w.dog.receive()
		switch {
		case err != nil:
			w.lost("has ended")
			return
		case f.Alive:
			w.dog.heard.Add(1)
		case f.Ready != nil:
			w.ready <- *f.Ready // there is one
		case f.Answer != nil:
			w.deliver(*f.Answer)
		}
	}
}

func (w *Watchdog) deliver(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if reply := w.waiting[a.ID]; reply != nil {
		delete(w.waiting, a.ID)
		reply <- a // has room for it
	}
}

// lost kills a watchdog that is of no more use: what it still did would be without us.
func (w *Watchdog) lost(reason string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isDead() {
		w.reason = reason
		w.dog.proc.Kill()
		if !w.ended {
			close(w.dead)
		}
	}
	return true
}

func (w *Watchdog) isDead() bool {
	select {
	case <-w.dead:
		return true
	default:
		return false
	}
}

// Ready waits until the watchdog can do its work.
func (w *Watchdog) Ready(ctx context.Context) error {
	timer := time.NewTimer(readyTime)
	defer timer.Stop()
	select {
	case r := <-w.ready:
		if r.Err != "" {
			return errors.New("watchdog: " + r.Err)
		}
		return nil
	case <-w.dead:
		return fmt.Errorf("the watchdog %s", w.reason)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("the watchdog was not ready within %v", readyTime)
	}
}

// Dead returns a channel that is closed when the watchdog is gone before its end.
func (w *Watchdog) Dead() <-chan struct{} { return w.dead }

// Reason says what became of a dead watchdog.
func (w *Watchdog) Reason() string { return "the watchdog " + w.reason }

// Record tells the watchdog a record; it is for [journal.Writer.Mirror].
func (w *Watchdog) Record(r journal.Record) {
	if err := w.dog.send(frame{Record: &r}, nil); err != nil {
		w.lost("does not listen: " + err.Error())
	}
}

// Share makes the watchdog one of the owners of a lock: file has it.
func (w *Watchdog) Share(file *os.File) error {
	if err := w.dog.send(frame{Lock: true}, file); err != nil {
		return fmt.Errorf("the watchdog cannot share a lock: %w", err)
	}
	return nil
}

// ask asks for something and waits for the answer. Not ok means that there is none yet,
// because ctx has ended, or that the watchdog is dead.
func (w *Watchdog) ask(ctx context.Context, a ask) (got answer, ok bool) {
	reply := make(chan answer, 1)
	w.mu.Lock()
	w.next++
	a.ID = w.next
	w.waiting[a.ID] = reply
	w.mu.Unlock()
	if err := w.dog.send(frame{Ask: &a}, nil); err != nil {
		w.lost("does not listen: " + err.Error())
	}
	select {
	case got = <-reply:
		return got, true
	case <-w.dead:
	case <-ctx.Done():
	}
	select {
	case got = <-reply: // it came as well
		return got, true
	default:
		return got, false
	}
}

// gone waits a while until the kernel has let go of a dead watchdog: nothing that it had
// begun comes about any more.
func (w *Watchdog) gone(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.reaped:
		return true
	case <-timer.C:
		return false
	}
}

// End lets the watchdog go: the leader holds nothing that it does not know of. What is
// still frozen the watchdog thaws, and stays until it is. It may be repeated.
func (w *Watchdog) End() {
	w.mu.Lock()
	again := w.ended
	w.ended = true
	w.mu.Unlock()
	if again {
		return
	}
	if !w.isDead() {
		_ = w.dog.send(frame{End: true}, nil) // if nobody reads it, it is dead
		if !w.gone(2*reapTime) && procstate.Of(w.dog.pid) == procstate.Stopped {
			w.dog.proc.Kill()
		}
	}
	if w.gone(reapTime) {
		cgroup.Remove(w.group)
	}
	w.stop()
	w.dog.close()
	w.all.Wait()
	w.dog.proc.Close()
}
