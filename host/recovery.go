package host

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/freeze"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// Consent is what a person has said about a machine that has booted since a run
// died: it may be the same machine, or one that was restored from the snapshot, on
// which an undo can do harm, and whose configuration may name production.
type Consent struct {
	SameDisks    bool // the disks are those of the run: undo everything
	RestoredCopy bool // they are a copy: undo nothing, what was held is not held here
	Remote       bool // servers on other machines may be spoken to as well
}

// Recovery undoes what a dead run left behind, from its journal alone. It speaks to
// no server whose identity is not the recorded one. It belongs to one goroutine, but for
// filesystems: several may be thawed at the same time.
type Recovery struct {
	Records []journal.Record
	// SameBoot says that the machine is that of the run and has not booted since.
	SameBoot bool
	// SameKernel says that only the boot is that of the run, not the machine id: a
	// container beside it, or an id that was made anew. The kernel still has what the
	// run froze, and nothing has ended by a boot.
	SameKernel bool
	Consent    Consent
	// Connect reaches the server of a member as the config says now; nil without an
	// error means that the config has no connection for it any more.
	Connect func(ctx context.Context, member string) (driver.Server, error)
	// Secret returns the text of a secret of a member.
	Secret func(member, name string) (string, error)

	servers map[string]driver.Server
	hosts   map[string]*Host
}

// Undo makes one step of an undo; see [undo.Performer].
func (r *Recovery) Undo(ctx context.Context, h undo.Hold, step action.Op) (action.State, string) {
	booted := !r.SameBoot && !r.SameKernel
	switch scope := h.Action.Scope; {
	case r.Consent.RestoredCopy && (r.SameBoot || r.SameKernel && step.FS != nil):
		// Undoing would be the opposite of what was asked for, closing the journal would
		// leave a filesystem frozen.
		return journal.Failed, "it was taken since this machine booted, which is true of no restored copy: recover without --restored-copy"
	case step.FS != nil:
		return r.thaw(ctx, step.FS)
	case r.Consent.RestoredCopy:
		return journal.Already, "a restored copy: what was held is not held here"
	case booted && (scope == action.ScopeSession || scope == action.ScopeBoot):
		return journal.Already, "the machine has booted since"
	case booted && scope == action.ScopeServer && r.wasLocal(h.Member, step):
		return journal.Already, "the server has ended with the machine"
	case r.SameKernel && !r.SameBoot && !r.Consent.SameDisks:
		return journal.Failed, "the machine has another id since: say --same-disks, or --restored-copy if its disks come from a snapshot"
	case !r.SameBoot && !r.Consent.SameDisks:
		return journal.Failed, "the machine has booted since: say --same-disks, or --restored-copy if its disks come from a snapshot"
	case step.SQL != nil && scope == action.ScopeSession:
		return r.endSession(ctx, h.Member, step.SQL.Session)
	case step.SQL != nil:
		return r.statement(ctx, h, step.SQL)
	case step.Exec != nil:
		return r.host(h.Member, nil).Undo(ctx, h, step)
	}
	return journal.Failed, "no recovery undoes by " + step.Name()
}

// thaw thaws a filesystem that the run has frozen, or may have: this is the one case
// in which the freeze of somebody else can be ended, if it was made since.
func (r *Recovery) thaw(ctx context.Context, fs *action.FS) (action.State, string) {
	if !r.SameBoot && !r.SameKernel {
		return journal.Already, "the machine has booted since"
	}
	return ThawState(freeze.ThawMountpoint(ctx, fs.Mountpoint, fs.Device))
}

var errRemote = errors.New("the server is on another machine, which may be production: say --remote if it is meant")

// server reaches the server of a member, and makes sure that it is the recorded one.
// One that was on another machine is not even connected to without being told.
func (r *Recovery) server(ctx context.Context, member string, recorded journal.Session) (driver.Server, error) {
	if !r.SameBoot && !recorded.Local && !r.Consent.Remote {
		return nil, errRemote
	}
	s := r.servers[member]
	if s == nil {
		var err error
		if s, err = r.Connect(ctx, member); err != nil {
			return nil, err
		}
		if s == nil {
			return nil, fmt.Errorf("the config has no connection for %s any more", member)
		}
		if r.servers == nil {
			r.servers = map[string]driver.Server{}
		}
		r.servers[member] = s
	}
	id := s.Identity()
	if recorded.Server == "" || id.Server != recorded.Server {
		return nil, fmt.Errorf("another server answers at %s: %q, recorded is %q", id.Address, id.Server, recorded.Server)
	}
	if !r.SameBoot && !id.Local && !r.Consent.Remote {
		return nil, errRemote
	}
	return s, nil
}

// endSession makes sure that a session of the dead run is gone: its locks go with it.
// The end of the process closed its connection, but a statement that waited may
// still be queued at the server.
func (r *Recovery) endSession(ctx context.Context, member, name string) (action.State, string) {
	recorded, ok := r.session(member, name)
	if !ok {
		return journal.Already, "the session was never opened"
	}
	s, err := r.server(ctx, member, recorded)
	if err != nil {
		return journal.Failed, err.Error()
	}
	life := identity(recorded)
	if !s.Identity().SameLife(life) {
		return journal.Already, "the server was restarted since"
	}
	err = s.Adopt(life, recorded.ID)
	if err == nil {
		err = s.End(ctx, recorded.ID)
	}
	switch {
	case err == nil:
		return journal.Done, "the session was ended at the server"
	case errors.Is(err, driver.ErrGone):
		return journal.Already, "the session had ended at the server"
	}
	return journal.Failed, err.Error()
}

// statement undoes what outlives a session.
func (r *Recovery) statement(ctx context.Context, h undo.Hold, q *action.SQL) (action.State, string) {
	recorded, ok := r.session(h.Member, q.Session)
	if !ok {
		return journal.Already, "the session was never opened"
	}
	s, err := r.server(ctx, h.Member, recorded)
	if err != nil {
		return journal.Failed, err.Error()
	}
	if h.Action.Scope == action.ScopeServer && !s.Identity().SameLife(identity(recorded)) {
		return journal.Already, "the server was restarted since"
	}
	return r.host(h.Member, s).undoAnywhere(ctx, q)
}

func identity(s journal.Session) driver.Identity {
	return driver.Identity{Server: s.Server, Started: s.Started, Address: s.Address, Local: s.Local}
}

// host returns a host that makes undos of a member. The sessions of the dead run are
// not open in it, so a statement gets a session of its own.
func (r *Recovery) host(member string, s driver.Server) *Host {
	h := r.hosts[member]
	if h == nil {
		if r.hosts == nil {
			r.hosts = map[string]*Host{}
		}
		h = New(Options{Workload: member, Secret: func(name string) (string, error) { return r.Secret(member, name) }})
		r.hosts[member] = h
	}
	if s != nil {
		h.Server = s
		if i := slices.IndexFunc(r.Records, func(rec journal.Record) bool { return rec.Session != nil && rec.Member == member }); i >= 0 {
			h.Database = r.Records[i].Session.Driver
		}
	}
	return h
}

// wasLocal reports whether the server of a statement ran on the machine of the run.
func (r *Recovery) wasLocal(member string, step action.Op) bool {
	if step.SQL == nil {
		return false
	}
	recorded, ok := r.session(member, step.SQL.Session)
	return ok && recorded.Local
}

// session returns the recorded session of that name.
func (r *Recovery) session(member, name string) (journal.Session, bool) {
	for _, rec := range slices.Backward(r.Records) {
		if rec.Type == journal.TypeSession && rec.Member == member && rec.Session.Name == name {
			return *rec.Session, true
		}
	}
	return journal.Session{}, false
}

// Close gives the connections back.
func (r *Recovery) Close() {
	for _, s := range r.servers {
		_ = s.Close() // everything has been said by the undos
	}
}
