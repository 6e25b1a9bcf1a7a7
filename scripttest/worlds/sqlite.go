package worlds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

const sqliteVersion = "3.54.1"

func sqliteWorlds() []world {
	options := told(sqliteOptions)
	return []world{{
		info: Info{
			Name: "sqlite", Database: "sqlite", Doc: "one SQLite database file, with a write-ahead log or a rollback journal",
			Checked: "SQLite " + sqliteVersion, Options: options,
		},
		new: newSqlite,
	}}
}

// sqlite is one database file.
//
// Its write-ahead log is counted in frames, of which every commit writes one. There is no server,
// so that its identity has no start time.
type sqlite struct {
	path     string
	wal      bool
	pages    int64
	pageSize int64
	commits  int64
	frames   int64 // in the log
	moved    int64 // of them, to the file
	reader   int64 // frames that somebody else's reader sees, while it reads; -1 for none
	writer   string
	lastID   int
	sessions map[string]*liteSession
}

// liteSession is one connection.
type liteSession struct {
	begun     bool // a transaction
	exclusive bool
	knows     bool  // the schema, which the first statement reads
	temp      bool  // it has a database for temporary tables
	reads     bool  // it has begun to read
	sees      int64 // commits, when it began to
	frames    int64 // of the log that it needs
	busy      int64
	sync      int64
	flags     map[string]int64 // other settings of the session
}

var sqliteOptions = []option[*sqlite]{
	{Option{"path", "of the database file", action.String("/var/lib/app/app.db")}, func(s *sqlite, v action.Value) error {
		s.path = v.Text()
		return want(v, action.StringKind)
	}},
	{Option{"journal_mode", `"wal" or "delete"`, action.String("wal")}, func(s *sqlite, v action.Value) error {
		if s.wal = v.Text() == "wal"; !s.wal && v.Text() != "delete" {
			return fmt.Errorf(`got %s, want "wal" or "delete"`, v)
		}
		return nil
	}},
	{Option{"page_count", "pages of the file", action.Int(12)}, func(s *sqlite, v action.Value) error { return count(v, &s.pages) }},
	{Option{"page_size", "bytes of a page", action.Int(4096)}, func(s *sqlite, v action.Value) error { return count(v, &s.pageSize) }},
	{Option{"wal_frames", "frames of the write-ahead log that are not in the file yet", action.Int(3)}, func(s *sqlite, v action.Value) error {
		s.moved = 0
		return count(v, &s.frames)
	}},
	{Option{"reader", "somebody reads, and began before the last frame was written", action.Bool(false)}, func(s *sqlite, v action.Value) error {
		if s.reader = -1; v.Truth() {
			s.reader = max(s.moved, s.frames-1)
		}
		return want(v, action.BoolKind)
	}},
}

func count(v action.Value, to *int64) error {
	n, ok := v.AsInt()
	if !ok || n < 0 {
		return fmt.Errorf("got %s, want a number that is not negative", v)
	}
	*to = n
	return nil
}

func newSqlite(options action.Value) (Server, error) {
	s := &sqlite{lastID: 40, sessions: map[string]*liteSession{}}
	return s, begin(s, told(sqliteOptions), options)
}

func (s *sqlite) Set(name string, value action.Value) error {
	return setOne(s, "SQLite", sqliteOptions, name, value)
}

func (s *sqlite) Identity() driver.Identity {
	return driver.Identity{Product: "SQLite", Version: sqliteVersion, Server: s.path, Address: "file:" + s.path, Local: true}
}

func (s *sqlite) Connect() string {
	s.lastID++
	id := strconv.Itoa(s.lastID)
	s.sessions[id] = &liteSession{sync: 2, flags: map[string]int64{"wal_autocheckpoint": 1000}}
	return id
}

func (s *sqlite) Disconnect(id string) {
	if s.Alive(id) {
		s.end(id)
		delete(s.sessions, id)
	}
}

func (s *sqlite) Alive(id string) bool { return s.sessions[id] != nil }

// Restart ends all connections, the last of which moves the log into the file.
func (s *sqlite) Restart() {
	for id := range s.sessions {
		s.Disconnect(id)
	}
	s.frames, s.moved, s.reader = 0, 0, -1
}

// The words of Held, with heldTransaction.
const heldWrite = "write lock"

func (s *sqlite) Held() []string {
	held := map[string]bool{}
	for id, session := range s.sessions {
		switch {
		case s.writer == id:
			held[heldWrite] = true
		case session.begun:
			held[heldTransaction] = true
		}
	}
	return slices.Sorted(maps.Keys(held))
}

func (s *sqlite) Drop(held string) bool {
	found := slices.Contains(s.Held(), held)
	for id, session := range s.sessions {
		if held == heldWrite && s.writer == id || held == heldTransaction && session.begun && s.writer != id {
			s.end(id)
		}
	}
	return found
}

// Commit writes a row. Without a write-ahead log it has to wait for readers, too.
func (s *sqlite) Commit() bool {
	if s.writer != "" || !s.wal && (s.reader >= 0 || s.reading(func(*liteSession) bool { return true })) {
		return false
	}
	s.commits++
	if !s.wal {
		return true
	}
	// A log that is in the file is begun again, if nobody reads from it.
	if s.moved == s.frames && s.reader < 0 && !s.reading(func(r *liteSession) bool { return r.frames > 0 }) {
		s.frames, s.moved = 0, 0
	}
	s.frames++
	return true
}

// reading reports whether a session reads that is as which says.
func (s *sqlite) reading(which func(*liteSession) bool) bool {
	for _, session := range s.sessions {
		if session.reads && which(session) {
			return true
		}
	}
	return false
}

// end ends the transaction of a session.
func (s *sqlite) end(id string) {
	session := s.sessions[id]
	session.begun, session.exclusive, session.reads = false, false, false
	if s.writer == id {
		s.writer = ""
	}
}

func (s *sqlite) Clone() Server {
	c := *s
	c.sessions = map[string]*liteSession{}
	for id, session := range s.sessions {
		copied := *session
		copied.flags = maps.Clone(session.flags)
		c.sessions[id] = &copied
	}
	return &c
}
