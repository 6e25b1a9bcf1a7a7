// Package host makes actions happen: statements at servers, programs as users,
// freezes of filesystems, events. One file a word, named as the script sees it.
//
// A [Host] is the world of one member of a run; [Filesystems] are those of the
// whole run. A Host owns its sessions, which it opens when asked and closes in
// Close, and nothing else. Its methods may be called from several goroutines; the
// drivers put statements on one session in a row.
//
// Nothing here decides what may be done or remembers what was: that is the
// business of policy and of the journal.
package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/journal"
)

// Options are what a host is made of.
type Options struct {
	Workload string
	// Database and Server are the kind and the server of the workload; a nil
	// Server means that it has no connection. The Host closes it.
	Database string
	Server   driver.Server
	// Secret returns the text of a secret.
	Secret func(name string) (string, error)
	// Emit sends an event; it never waits.
	Emit        func(event, workload string, data action.Value)
	Filesystems *Filesystems
}

// Host is the world of one member.
type Host struct {
	Options

	mu       sync.Mutex
	sessions map[string]driver.Session
	ended    map[string]bool // by us
}

// New returns a host.
func New(o Options) *Host {
	return &Host{Options: o, sessions: map[string]driver.Session{}, ended: map[string]bool{}}
}

// Do makes one action; see [action.Executor].
func (h *Host) Do(ctx context.Context, a action.Action) (action.Result, error) {
	switch {
	case a.SQL != nil:
		return h.sql(ctx, a.SQL), nil
	case a.Exec != nil:
		return h.execAs(ctx, a.Exec), nil
	case a.Freeze != nil:
		return h.freeze(ctx, a.Freeze), nil
	case a.Emit != nil:
		return h.emit(a.Emit), nil
	case a.Sleep != nil:
		return sleep(ctx, a.Sleep), nil
	}
	return action.Result{State: action.NotApplied}, fmt.Errorf("no host makes %s happen", a.Op.Name())
}

// Open opens the session of that name unless it is open, and tells the journal who
// it is at the server.
func (h *Host) Open(ctx context.Context, name string) (journal.Session, bool, error) {
	if h.Server == nil {
		return journal.Session{}, false, errors.New("the workload has no connection: give connection = in the config")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s, open := h.sessions[name]
	if !open {
		var err error
		if s, err = h.Server.Open(ctx, name); err != nil {
			return journal.Session{}, false, err
		}
		h.sessions[name] = s
	}
	id := h.Server.Identity()
	return journal.Session{
		Name: name, ID: s.ID(), Driver: h.Database, Server: id.Server, Started: id.Started, Address: id.Address, Local: id.Local,
	}, !open, nil
}

// Lost names the sessions that have ended although we did not end them.
func (h *Host) Lost() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for name, s := range h.sessions {
		if isClosed(s.Lost()) && !h.ended[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Close ends all sessions, and with them everything that they hold.
func (h *Host) Close() error {
	if h.Server == nil {
		return nil
	}
	return h.Server.Close()
}

func (h *Host) session(name string) driver.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[name]
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// reveal puts the texts of secrets in their places.
func (h *Host) reveal(v action.Value) (action.Value, error) {
	if v.Kind() != action.SecretKind {
		return v, nil
	}
	text, err := h.Secret(v.Text())
	return action.String(text), err
}
