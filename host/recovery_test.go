package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// What a dead run recorded of its server.
var recorded = driver.Identity{Server: "uuid-1", Started: time.Unix(1000, 0), Address: "unix:/run/db.sock", Local: true}

// identity is the recorded one with changes.
func identity(change ...func(*driver.Identity)) driver.Identity {
	id := recorded
	for _, c := range change {
		c(&id)
	}
	return id
}

func restarted(id *driver.Identity) { id.Started = id.Started.Add(time.Hour) }
func stranger(id *driver.Identity)  { id.Server = "uuid-2" }
func nameless(id *driver.Identity)  { id.Server = "" }
func remote(id *driver.Identity)    { id.Address, id.Local = "tcp:192.0.2.1:3306", false }

// server answers as answers, and notes what is asked of it.
type server struct {
	answers driver.Identity
	said    []string
	end     error
}

func (s *server) Identity() driver.Identity { return s.answers }
func (s *server) Close() error              { return nil }

func (s *server) Open(_ context.Context, name string) (driver.Session, error) {
	s.said = append(s.said, "open")
	return session{s, name}, nil
}

func (s *server) End(_ context.Context, id string) error {
	s.said = append(s.said, "end "+id)
	return s.end
}

func (s *server) Adopt(life driver.Identity, _ ...string) error {
	if !life.SameLife(s.answers) {
		return driver.ErrGone
	}
	return nil
}

type session struct {
	*server
	name string
}

func (s session) ID() string            { return "9" }
func (s session) Lost() <-chan struct{} { return nil }

func (s session) Do(_ context.Context, query string, _ []action.Value) action.Result {
	s.said = append(s.said, query)
	return action.Result{State: action.Applied}
}

// holds are one of each scope, in the order of the letters in the tables.
var scopes = []action.Scope{action.ScopeSession, action.ScopeServer, action.ScopeBoot, action.ScopeDurable}

func holdOf(scope action.Scope, step action.Op) undo.Hold {
	return undo.Hold{Of: 3, Member: "orders", Name: "thing", Action: action.Action{Scope: scope, Undo: []action.Op{step}}}
}

func recovery(was driver.Identity, connect func() (driver.Server, error)) *host.Recovery {
	return &host.Recovery{
		Records: []journal.Record{{N: 2, Type: journal.TypeSession, Member: "orders", Session: &journal.Session{
			Name: "main", ID: "7", Driver: "mysql", Server: was.Server, Started: was.Started, Address: was.Address, Local: was.Local,
		}}},
		Connect: func(context.Context, string) (driver.Server, error) { return connect() },
	}
}

var (
	none     = host.Consent{}
	same     = host.Consent{SameDisks: true}
	far      = host.Consent{Remote: true}
	sameFar  = host.Consent{SameDisks: true, Remote: true}
	restored = host.Consent{RestoredCopy: true}
)

// The machine, the server that was, the server that answers and what a person has
// said decide about each scope. A letter stands for what happens to it: u it is undone
// at the server, e it has ended by itself, r it is refused with the words in says.
// Where nothing but e and r stands nothing was said to the server.
func TestRecoveryByIdentity(t *testing.T) {
	for _, tt := range []struct {
		name         string
		sameBoot     bool
		was, answers driver.Identity
		consent      host.Consent
		want, says   string
		unconnected  bool // the server is not even connected to
	}{
		{"this boot", true, identity(), identity(), none, "uuuu", "", false},
		{"this boot, same disks", true, identity(), identity(), same, "uuuu", "", false},
		{"this boot, said to be a copy", true, identity(), identity(), restored, "rrrr", "without --restored-copy", true},
		{"this boot, server restarted", true, identity(), identity(restarted), none, "eeuu", "", false},
		{"this boot, another server", true, identity(), identity(stranger), none, "rrrr", "another server answers", false},
		{"this boot, another server, all is said", true, identity(), identity(stranger), sameFar, "rrrr", "another server answers", false},
		{"this boot, another server, restarted", true, identity(), identity(stranger, restarted), same, "rrrr", "another server answers", false},
		{"this boot, nobody said who it was", true, identity(nameless), identity(nameless), sameFar, "rrrr", "another server answers", false},
		{"this boot, remote", true, identity(remote), identity(remote), none, "uuuu", "", false},
		{"this boot, remote, restarted", true, identity(remote), identity(remote, restarted), none, "eeuu", "", false},
		{"this boot, another one is remote", true, identity(), identity(remote, stranger), far, "rrrr", "another server answers", false},

		{"booted", false, identity(), identity(restarted), none, "eeer", "--same-disks, or --restored-copy", true},
		{"booted, remote is said", false, identity(), identity(restarted), far, "eeer", "--same-disks, or --restored-copy", true},
		{"booted, same disks", false, identity(), identity(restarted), same, "eeeu", "", false},
		{"booted, same disks, another server", false, identity(), identity(stranger), sameFar, "eeer", "another server answers", false},
		{"booted, same disks, nobody said who it was", false, identity(nameless), identity(nameless), sameFar, "eeer", "another server answers", false},
		{"booted, same disks, the config leads away", false, identity(), identity(remote), same, "eeer", "--remote", false},
		{"booted, a copy", false, identity(), identity(restarted), restored, "eeee", "", true},
		{"booted, a copy that leads to production", false, identity(), identity(remote), restored, "eeee", "", true},

		{"booted, remote server", false, identity(remote), identity(remote), none, "erer", "--same-disks, or --restored-copy", true},
		{"booted, remote server, same disks", false, identity(remote), identity(remote), same, "erer", "say --remote", true},
		{"booted, remote server, remote alone", false, identity(remote), identity(remote), far, "erer", "--same-disks, or --restored-copy", true},
		{"booted, remote server, both", false, identity(remote), identity(remote), sameFar, "eueu", "", false},
		{"booted, remote server restarted, both", false, identity(remote), identity(remote, restarted), sameFar, "eeeu", "", false},
		{"booted, another remote server, both", false, identity(remote), identity(remote, stranger), sameFar, "erer", "another server answers", false},
		{"booted, remote server, a copy", false, identity(remote), identity(remote), restored, "eeee", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, scope := range scopes {
				s, connected := &server{answers: tt.answers}, false
				r := recovery(tt.was, func() (driver.Server, error) { connected = true; return s, nil })
				r.SameBoot, r.Consent = tt.sameBoot, tt.consent
				state, text := r.Undo(t.Context(), holdOf(scope, action.Op{SQL: &action.SQL{Session: "main", Query: "UNDO"}}), action.Op{SQL: &action.SQL{Session: "main", Query: "UNDO"}})
				r.Close()
				check(t, scope, tt.want[i], tt.says, state, text, s.said)
				if connected && tt.unconnected {
					t.Errorf("%v: the server was connected to", scope)
				}
			}
		})
	}
}

// Where only the machine id differs nothing has ended by a boot, so that nothing is
// taken for ended; what a person says is asked for, as after a boot.
func TestRecoveryByIdentityWithAnotherMachineID(t *testing.T) {
	for _, tt := range []struct {
		name        string
		answers     driver.Identity
		consent     host.Consent
		want, says  string
		unconnected bool
	}{
		{"nothing is said", identity(), none, "rrrr", "another id since: say --same-disks", true},
		{"same disks", identity(), same, "uuuu", "", false},
		{"same disks, restarted", identity(restarted), same, "eeuu", "", false},
		{"same disks, another server", identity(stranger), sameFar, "rrrr", "another server answers", false},
		{"same disks, the config leads away", identity(remote), same, "rrrr", "say --remote", false},
		{"a copy", identity(), restored, "eeee", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, scope := range scopes {
				s, connected := &server{answers: tt.answers}, false
				r := recovery(identity(), func() (driver.Server, error) { connected = true; return s, nil })
				r.SameKernel, r.Consent = true, tt.consent
				step := action.Op{SQL: &action.SQL{Session: "main", Query: "UNDO"}}
				state, text := r.Undo(t.Context(), holdOf(scope, step), step)
				check(t, scope, tt.want[i], tt.says, state, text, s.said)
				if connected && tt.unconnected {
					t.Errorf("%v: the server was connected to", scope)
				}
			}
		})
	}
}

// check compares what happened to a hold with the letter that stands for it.
func check(t *testing.T, scope action.Scope, want byte, says string, state action.State, text string, said []string) {
	t.Helper()
	states := map[byte]action.State{'u': journal.Done, 'e': journal.Already, 'r': journal.Failed}
	var heard []string
	switch {
	case want == 'u' && scope == action.ScopeSession:
		heard = []string{"end 7"}
	case want == 'u':
		heard = []string{"open", "UNDO"}
	}
	if state != states[want] || !slices.Equal(said, heard) {
		t.Errorf("%v: %s (%s), the server heard %q; want %s and %q", scope, state, text, said, states[want], heard)
	}
	if want == 'r' && !strings.Contains(text, says) {
		t.Errorf("%v: refused with %q, want %q", scope, text, says)
	}
}

// A program may speak to anything, so that after a boot it is run only if that is said.
func TestRecoveryByIdentityOfPrograms(t *testing.T) {
	for _, tt := range []struct {
		sameBoot bool
		consent  host.Consent
		want     string
		says     string
	}{
		{false, none, "erer", "--same-disks"},
		{false, far, "erer", "--same-disks"},
		{false, restored, "eeee", ""},
		{true, restored, "rrrr", "without --restored-copy"},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			marker := filepath.Join(t.TempDir(), "was-run")
			step := action.Op{Exec: &action.Exec{User: "root", Argv: []string{"/usr/bin/touch", marker}}}
			for i, scope := range scopes {
				r := recovery(identity(), func() (driver.Server, error) { t.Error("the server was connected to"); return nil, nil })
				r.SameBoot, r.Consent = tt.sameBoot, tt.consent
				state, text := r.Undo(t.Context(), holdOf(scope, step), step)
				check(t, scope, tt.want[i], tt.says, state, text, nil)
			}
			if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
				t.Error("the program was run")
			}
		})
	}
}

// A filesystem was thawed by a boot; here the device is that of no filesystem.
func TestRecoveryByIdentityOfFilesystems(t *testing.T) {
	step := action.Op{FS: &action.FS{Device: "0:0", Mountpoint: t.TempDir(), Thaw: true}}
	for _, tt := range []struct {
		sameBoot, sameKernel bool
		consent              host.Consent
		want                 byte
		says                 string
	}{
		{false, false, none, 'e', ""},
		{false, false, same, 'e', ""},
		{false, false, restored, 'e', ""},
		{true, false, none, 'r', "0:0"},
		{true, false, restored, 'r', "without --restored-copy"},
		{false, true, none, 'r', "0:0"},
		{false, true, restored, 'r', "without --restored-copy"},
	} {
		r := recovery(identity(), func() (driver.Server, error) { t.Error("the server was connected to"); return nil, nil })
		r.SameBoot, r.SameKernel, r.Consent = tt.sameBoot, tt.sameKernel, tt.consent
		state, text := r.Undo(t.Context(), holdOf(action.ScopeBoot, step), step)
		check(t, action.ScopeBoot, tt.want, tt.says, state, text, nil)
	}
}

// A server that cannot be reached, or that does not answer, leaves the hold where it is.
func TestRecoveryWithoutAnswer(t *testing.T) {
	step := action.Op{SQL: &action.SQL{Session: "main", Query: "UNDO"}}
	unreachable := recovery(identity(), func() (driver.Server, error) { return nil, errors.New("connection refused") })
	unconfigured := recovery(identity(), func() (driver.Server, error) { return nil, nil })
	for _, tt := range []struct {
		r    *host.Recovery
		says string
	}{{unreachable, "connection refused"}, {unconfigured, "no connection for orders any more"}} {
		tt.r.SameBoot = true
		for _, scope := range scopes {
			state, text := tt.r.Undo(t.Context(), holdOf(scope, step), step)
			check(t, scope, 'r', tt.says, state, text, nil)
		}
	}
	s := &server{answers: identity(), end: driver.ErrGone}
	r := recovery(identity(), func() (driver.Server, error) { return s, nil })
	r.SameBoot = true
	if state, text := r.Undo(t.Context(), holdOf(action.ScopeSession, step), step); state != journal.Already {
		t.Errorf("a session that the server does not know: %s %s", state, text)
	}
	s.end = errors.New("still there")
	if state, text := r.Undo(t.Context(), holdOf(action.ScopeSession, step), step); state != journal.Failed {
		t.Errorf("a session that is still there: %s %s", state, text)
	}
	never := action.Op{SQL: &action.SQL{Session: "other", Query: "UNDO"}}
	s.said = nil
	for _, scope := range scopes {
		state, text := r.Undo(t.Context(), holdOf(scope, never), never)
		check(t, scope, 'e', "", state, text, s.said)
	}
}
