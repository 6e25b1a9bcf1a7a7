package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/starhost/starhost/internal/cgroup"
	"github.com/starhost/starhost/internal/detached"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// processName is the argv[0] of a watchdog; its control group follows. Its leader removes
// that.
const processName = "starhost-watchdog"

// Init must be called first in main. In a process that [Start] has started it is the
// watchdog and does not return; prepare makes its [Successor], before anything is held.
func Init(prepare func(payload json.RawMessage) (Successor, error)) {
	if !detached.Is(processName) || len(os.Args) != 2 {
		return
	}
	detached.Settle()
	deaf()
	if p, err := newProcess(); err == nil {
		p.serve(prepare)
	}
	syscall.Exit(0) // not os.Exit, which in a race build first sleeps for a second
}

// deaf lets us go on whatever signals somebody sends to everybody: our leader gets them
// too, ends well and lets us go, or dies and needs us. They are caught and not ignored,
// since the programs that we start would inherit that.
func deaf() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
}

// process is the watchdog, as it sees itself.
type process struct {
	leader *other
	order  Order
	ended  chan struct{} // closed when the leader has ended well
	death  chan string   // has room for one: what became of it otherwise

	mu      sync.Mutex // of all below
	records []journal.Record
	holdBy  time.Duration // when the run must be over, by uptime; 0 while nothing was held
	locks   []*os.File    // to be kept as long as we are here
	mounts  mounts
}

func newProcess() (*process, error) {
	conn, err := detached.Conn()
	if err != nil {
		return nil, err
	}
	// The number is that of our leader, and no other process's, if it is still our
	// parent after we have the descriptor.
	parent := os.Getppid()
	leader, err := newOther(parent, newWire(conn))
	if err != nil {
		return nil, err
	}
	if os.Getppid() != parent {
		return nil, errors.New("the leader has ended")
	}
	return &process{leader: leader, ended: make(chan struct{}), death: make(chan string, 1)}, nil
}

// serve is the life of the process.
func (p *process) serve(prepare func(json.RawMessage) (Successor, error)) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go p.leader.beat(ctx)
	// A service manager that ends the caller's control group must not end us with it.
	// Where that cannot be, check says so.
	back, _ := cgroup.Leave(os.Args[1])
	if !p.hearOrder() {
		return
	}
	successor, err := prepare(p.order.Payload)
	if err != nil {
		_ = p.leader.send(frame{Ready: &ready{Err: err.Error()}}, nil)
		return
	}
	go p.read()
	go p.leader.watch(ctx, p.pulse, p.lost)
	_ = p.leader.send(frame{Ready: &ready{}}, nil)
	select {
	case <-p.ended:
		successor.Close()
	case reason := <-p.death:
		p.succeed(reason, successor)
		defer back() // the leader that would remove the group is gone
	}
	p.mounts.close()
}

// hearOrder waits for the order, while the leader makes its run ready. Without one there
// is no run. A leader that is stopped meanwhile holds nothing.
func (p *process) hearOrder() bool {
	for {
		f, err := p.leader.receive()
		switch {
		case err != nil:
			return false
		case f.Order != nil:
			p.order = *f.Order
			return true
		case !f.Alive:
			return false
		}
	}
}

// read takes in what the leader says, until the connection ends.
func (p *process) read() {
	for {
		f, err := p.leader.receive()
		switch {
		case err != nil:
			p.dead("ended without a word")
			return
		case f.Alive:
			p.leader.heard.Add(1)
		case f.Record != nil:
			p.record(*f.Record)
		case f.Lock:
			if file, err := p.leader.take(); err == nil {
				p.mu.Lock()
				p.locks = append(p.locks, file)
				p.mu.Unlock()
			}
		case f.Ask != nil:
			a := *f.Ask
			go func() { // the kernel may take its time
				got := p.mounts.do(a, p.order.Freeze)
				_ = p.leader.send(frame{Answer: &got}, nil) // if nobody reads it, that is found out by the receiver
			}()
		case f.End:
			close(p.ended)
			return
		}
	}
}

// record notes a record of the journal. The first that holds something starts the clock.
func (p *process) record(r journal.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records = append(p.records, r)
	if p.holdBy == 0 && r.Action != nil && len(r.Action.Undo) > 0 {
		p.holdBy = uptime() + p.order.Hold
	}
}

// known returns the records so far.
func (p *process) known() []journal.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.records)
}

// pulse is for what must happen at some time although everybody is alive.
func (p *process) pulse() {
	p.mounts.expire()
	p.mu.Lock()
	late := p.holdBy != 0 && uptime() > p.holdBy
	p.mu.Unlock()
	if late && p.holds() {
		p.dead("should have given everything back by now")
	}
}

func (p *process) holds() bool { return len(undo.Plan(p.known())) > 0 }

// lost is told that the leader shows no sign of life. That is nobody's harm before the
// run has begun: a person may have stopped it at a terminal. Later it would lock a
// database at a time that nobody expects, and even after its end it has connections.
func (p *process) lost(reason string) bool {
	begun := len(p.known()) > 0
	if begun {
		p.dead(reason)
	}
	return begun
}

func (p *process) dead(reason string) {
	select {
	case p.death <- reason:
	default: // it has been said
	}
}

// succeed does what the leader cannot do any more. The order is the point of it all:
// see the package comment.
func (p *process) succeed(reason string, successor Successor) {
	p.leader.proc.Kill()
	p.mounts.thawAll()
	p.leader.proc.Ended(reapTime) // its sessions end with it; one that sleeps in the kernel is not waited for
	successor.Succeed(Death{Reason: reason, Records: p.known(), Thaw: &p.mounts})
}
