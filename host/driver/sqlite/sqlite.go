// Package sqlite is the driver of SQLite database files.
//
// Each session is a connection of its own to one file, through modernc.org/sqlite;
// several sessions lock each other out as those of several processes do. The file
// must exist. There is no server: End closes a connection of this process, and the
// sessions of another process ended with it, so that none can be adopted.
//
// SQLite locks with POSIX record locks, which the kernel drops when any descriptor
// of the file is closed by the process: nothing else in the process may open the
// file while a session holds a lock.
//
// Identity: Server is the canonical path with device and inode, where the system
// has them, so that a file put in the place of another one is told apart.
//
// Parameters of the connection: "busy_timeout" is how many milliseconds a
// statement waits for a lock; 0, the default, is not at all. SQLite cannot interrupt
// such a wait: a session whose time is over meanwhile is lost.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	lib "modernc.org/sqlite/lib"

	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/host/driver/internal/pin"
)

// Connect finds the file. It opens it to see that it is a database.
func Connect(ctx context.Context, cfg driver.Config) (driver.Server, error) {
	if err := cfg.Known("busy_timeout"); err != nil {
		return nil, err
	}
	busy := 0
	if text := cfg.Params["busy_timeout"]; text != "" {
		var err error
		if busy, err = strconv.Atoi(text); err != nil || busy < 0 {
			return nil, fmt.Errorf("connection: busy_timeout: got %q, want milliseconds", text)
		}
	}
	id, err := identify(cfg.Database)
	if err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	s := &server{identity: id, busy: busy, sessions: map[string]*pin.Session{}}
	probe, err := s.Open(ctx, "probe")
	if err != nil {
		return nil, err
	}
	defer probe.Close()
	if r := probe.Do(ctx, "SELECT count(*) FROM sqlite_schema", nil); r.Err != nil && !isBusy(r.Err.Code) {
		return nil, fmt.Errorf("%s cannot be read as an SQLite database: %w", id.Address, r.Err)
	}
	return s, nil
}

// identify returns the identity of the file that path leads to.
func identify(path string) (driver.Identity, error) {
	if path == "" {
		return driver.Identity{}, errors.New("the path of the database file is missing (sqlite:///path)")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return driver.Identity{}, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return driver.Identity{}, fmt.Errorf("the database file must exist: %w", err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return driver.Identity{}, err
	}
	if !info.Mode().IsRegular() {
		return driver.Identity{}, fmt.Errorf("%s is not a file", abs)
	}
	return driver.Identity{
		Product: "SQLite", Version: lib.SQLITE_VERSION,
		Server: abs + inode(info), Address: "file:" + abs, Local: true,
	}, nil
}

// server hands out the sessions on one file.
type server struct {
	identity driver.Identity
	busy     int // milliseconds

	mu       sync.Mutex
	opened   int
	closed   bool
	sessions map[string]*pin.Session
}

var _ driver.Server = (*server)(nil)

func (s *server) Identity() driver.Identity { return s.identity }

// Open opens a connection to the file, which must still be the same one.
func (s *server) Open(ctx context.Context, name string) (driver.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("session %q: %w", name, err)
	}
	path := strings.TrimPrefix(s.identity.Address, "file:")
	now, err := identify(path)
	if err != nil {
		return nil, fmt.Errorf("session %q: %w", name, err)
	}
	if now.Server != s.identity.Server {
		return nil, fmt.Errorf("session %q: %w: the file was %s and is now %s", name, driver.ErrGone, s.identity.Server, now.Server)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("session %q: the connection was closed", name)
	}
	db, err := openFile(path, s.busy)
	if err != nil {
		return nil, fmt.Errorf("session %q: %s: %w", name, path, err)
	}
	s.opened++
	l := &link{id: fmt.Sprintf("sqlite-%d", s.opened), db: db}
	session := pin.NewSession(name, l, l, "SELECT 1")
	s.sessions[l.id] = session
	return session, nil
}

// End closes a connection of this process, which rolls back what it has open.
func (s *server) End(_ context.Context, id string) error {
	s.mu.Lock()
	session, known := s.sessions[id]
	s.mu.Unlock()
	if !known {
		return fmt.Errorf("session %s was not opened here: %w", id, errors.ErrUnsupported)
	}
	select {
	case <-session.Lost():
		return driver.ErrGone
	default:
		return session.Close()
	}
}

// Adopt refuses: the sessions of another process are not known to anybody.
func (s *server) Adopt(_ driver.Identity, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	return fmt.Errorf("the SQLite sessions %q of another process cannot be adopted; they end with it: %w", ids, driver.ErrGone)
}

// Close closes all connections, at the same time.
func (s *server) Close() error {
	s.mu.Lock()
	s.closed = true
	sessions := s.sessions
	s.sessions = map[string]*pin.Session{}
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, session := range sessions {
		all.Go(func() { _ = session.Close() })
	}
	all.Wait()
	return nil
}
