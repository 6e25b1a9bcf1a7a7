package starhost

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/internal/lock"
	"github.com/starhost/starhost/internal/redact"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/undo"
	"github.com/starhost/starhost/watchdog"
)

// slack is how much later than the leader of a run its watchdog finds that a time is
// over: the leader knows more, and ends a run in better order.
const slack = time.Second

// heirTime is how long the watchdog may take to reach the servers beforehand. One that
// it cannot reach then is tried again when it is needed.
const heirTime = 5 * time.Second

// inheritance is what the watchdog of a run makes its [heir] of.
type inheritance struct {
	Run          string   `json:"run"`
	Config       string   `json:"config"`
	PluginConfig string   `json:"plugin_config,omitempty"`
	Workloads    []string `json:"workloads"`
	StateDir     string   `json:"state_dir"`
}

// startWatchdog starts the watchdog of a run that is not prepared yet: it takes as long
// as the workers of the scripts. It is nil for scripts in our own process, which do
// without one: whoever leads the run would be killed with it.
func (o Options) startWatchdog() (*watchdog.Watchdog, error) {
	if o.InProcess || runtime.GOOS != "linux" {
		return nil, nil
	}
	return watchdog.Start()
}

// watch gives the watchdog to the run, whose locks it shares. It ends before they are
// given back.
func (p *prepared) watch(dog *watchdog.Watchdog) error {
	if dog == nil {
		return nil
	}
	payload, err := json.Marshal(inheritance{Run: p.id, Config: p.Config.Path, PluginConfig: p.Config.PluginConfig, Workloads: namesOf(p.workloads), StateDir: p.StateDir})
	if err != nil {
		return err
	}
	l := limits(p.workloads)
	dog.Begin(watchdog.Order{Freeze: l.Freeze + slack, Hold: l.Hold + l.Reserve() + slack, Payload: payload})
	p.dog = dog
	p.onClose(dog.End)
	for _, l := range p.workloadLocks {
		if err := dog.Share(l.File()); err != nil {
			return err
		}
	}
	return nil
}

// watched makes the watchdog part of the run: it hears of every record, freezes and
// thaws. The context ends when it dies.
func (p *prepared) watched(ctx context.Context, c *run.Config) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	c.Journal.Mirror(func(r journal.Record) {
		if p.dog != nil {
			p.dog.Record(r)
		}
		if p.Observe != nil {
			p.Observe(r)
		}
	})
	if p.dog == nil {
		return ctx, func() { cancel(nil) }
	}
	c.Filesystems = watchdog.Filesystems{Filesystems: p.filesystems, Watchdog: p.dog}
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
		case <-p.dog.Dead():
			cancel(&action.Fault{Kind: action.KindKilled, Message: p.dog.Reason() + ": nothing would thaw if this process died too"})
		}
	}()
	return ctx, func() { close(ended); cancel(nil) }
}

// share makes the watchdog one of the owners of a lock.
func (p *prepared) share(l *lock.Lock) error {
	if p.dog == nil {
		return nil
	}
	return p.dog.Share(l.File())
}

// heir is the [watchdog.Successor] of a run: it recovers it as [Recover] would, at
// once, without a disk, and with connections that it has already.
type heir struct {
	inheritance
	file *prepared // of the config

	mu      sync.Mutex
	servers map[string]driver.Server
}

// prepareHeir reads the config in the process of the watchdog, and reaches the servers:
// later they may have no connection to spare.
func prepareHeir(payload json.RawMessage) (watchdog.Successor, error) {
	h := &heir{servers: map[string]driver.Server{}}
	if err := json.Unmarshal(payload, &h.inheritance); err != nil {
		return nil, err
	}
	file, err := config.LoadWith(h.Config, h.PluginConfig)
	if err != nil {
		return nil, err
	}
	h.file = &prepared{Options: Options{Config: file, StateDir: h.StateDir}, id: h.Run}
	if h.file.workloads, err = file.Select(h.Workloads); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), heirTime)
	defer cancel()
	var all sync.WaitGroup
	for _, w := range h.file.workloads {
		if w.Connection.Driver == config.SQLite {
			continue // there is no server: what a dead process held is free
		}
		all.Go(func() { _, _ = h.connect(ctx, w.Name) })
	}
	all.Wait()
	return h, nil
}

// connect reaches the server of a member, or returns the one that was reached.
func (h *heir) connect(ctx context.Context, member string) (driver.Server, error) {
	h.mu.Lock()
	server := h.servers[member]
	h.mu.Unlock()
	if server != nil {
		return server, nil
	}
	server, err := h.file.connectMember(ctx, member)
	if err != nil || server == nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.servers[member] = server
	return server, nil
}

// Succeed undoes what the run has left, and then brings its journal up to date.
func (h *heir) Succeed(d watchdog.Death) {
	records := journal.NewMemory(d.Records, time.Now)
	if n := len(d.Records); n > 0 && d.Records[n-1].Type == journal.TypeEnd {
		h.finish(records) // the leader died with everything given back
		return
	}
	_, _ = records.Append(journal.Record{Type: journal.TypeNote, Note: "the process that led the run " + d.Reason + ": the watchdog undoes the rest"}, false)
	recovery := &recoveries{template: host.Recovery{Records: d.Records, SameBoot: true, SameKernel: true, Connect: h.connect, Secret: h.file.secretOf}}
	ctx, cancel := context.WithTimeout(context.Background(), undo.Budget(d.Records, recoverBudget))
	defer cancel()
	u := undo.Unwinder{Log: records, Perform: discreet{succession{recovery, d.Thaw}, h.file.Redactor()}}
	if _, left := u.UnwindMembers(ctx, backwards(h.file.workloads), nil); len(left) == 0 {
		_, _ = records.Append(journal.Record{Type: journal.TypeEnd, Exit: run.ExitInternal}, false)
	}
	h.finish(records)
}

// finish gives the connections back and brings the journal up to date.
func (h *heir) finish(records *journal.Memory) {
	h.Close()
	path, err := journal.Path(journals(h.StateDir), h.Run)
	if err != nil {
		return // the run had no journal
	}
	_ = records.Extend(journal.OS{}, path) // the next recovery makes the steps again, which is harmless
}

// Close gives the connections back.
func (h *heir) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.servers {
		_ = s.Close() // everything has been said
	}
	clear(h.servers)
}

// succession undoes by the watchdog's descriptors what it has frozen, and the rest as
// every recovery does.
type succession struct {
	recoveries *recoveries
	thaw       undo.Performer
}

// Undo implements [undo.Performer].
func (s succession) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	if step.FS != nil {
		return s.thaw.Undo(ctx, h, step)
	}
	return s.recoveries.Undo(ctx, h, step)
}

// discreet keeps secrets out of what a performer says.
type discreet struct {
	undo.Performer
	red *redact.Redactor
}

// Undo implements [undo.Performer].
func (d discreet) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	state, text := d.Performer.Undo(ctx, h, step)
	if hasSecret(step) && text != "" {
		return state, withheld
	}
	return state, d.red.String(text)
}

// ready waits until the watchdog can do its work.
func (p *prepared) ready(ctx context.Context) error {
	if p.dog == nil {
		return nil
	}
	if err := p.dog.Ready(ctx); err != nil {
		return &action.Fault{Kind: action.KindOf(ctx, action.KindInternal), Message: fmt.Sprintf("nothing was done: %v", err)}
	}
	return nil
}
