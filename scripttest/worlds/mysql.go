package worlds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// mysqlServer is a server of MySQL's family. What differs between the products is in
// its product and in the tables of variables, statements and columns.
type mysqlServer struct {
	product *myProduct
	life    int
	next    int // id of the next session

	grants      []string
	longQueries []myLongQuery
	binlog      bool
	galera      string                  // wsrep_local_state_comment; empty is no Galera
	redoLog     bool                    // whether InnoDB writes one
	group       string                  // what it is in its group of Group Replication: PRIMARY, SECONDARY or RECOVERING
	prepared    []string                // ids of XA transactions
	channels    []string                // what it replicates from; the usual one is called ""
	stopped     map[string]bool         // threads of the replica, by their names in Held
	variables   map[string]action.Value // global ones now, by lower-case name
	first       map[string]action.Value // as they were at first, or were set by an administrator
	sessions    map[string]*mySession

	file           int // of the binary log
	position, gtid int64
	lsn, flushed   int64 // of the redo log
}

// mySession is one session. Its locks end with it.
type mySession struct {
	id        string
	variables map[string]action.Value // those that a session has of its own
	readLock  bool                    // FLUSH TABLES WITH READ LOCK
	instance  bool                    // LOCK INSTANCE FOR BACKUP
	stage     int                     // of BACKUP STAGE; index into myStages
}

// myLongQuery is a statement of somebody else that has run for long.
type myLongQuery struct {
	id, time        int64
	user, statement string
}

// myStages are the stages of BACKUP STAGE, in order.
var myStages = []string{"", "START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"}

const (
	myBlockDDL    = 3
	myBlockCommit = 4
)

var _ Server = (*mysqlServer)(nil)

// Identity is local: the socket is where Debian has it.
func (s *mysqlServer) Identity() driver.Identity {
	server := s.variables["server_uuid"].Text()
	if server == "" {
		server = s.variables["hostname"].Text() + ":" + s.variables["datadir"].Text() + ":3306"
	}
	return driver.Identity{
		Product: s.product.name, Version: s.variables["version"].Text(), Server: server,
		Started: time.Date(2026, time.January, 1, s.life, 0, 0, 0, time.UTC),
		Address: "unix:/run/mysqld/mysqld.sock", Local: true,
	}
}

// Connect gives the session the global values of the variables that it has of its own.
func (s *mysqlServer) Connect() string {
	c := &mySession{id: strconv.Itoa(s.next), variables: map[string]action.Value{}}
	for _, v := range myVariables {
		if value, ok := s.variables[v.name]; ok && v.scope == myBoth {
			c.variables[v.name] = value
		}
	}
	s.next++
	s.sessions[c.id] = c
	return c.id
}

// Do looks the statement up in the table.
func (s *mysqlServer) Do(id, query string, params []action.Value) Answer {
	c := s.sessions[id]
	if c == nil {
		return s.refuse(2006)
	}
	words, ok := mySplit(query, params)
	if !ok {
		return Answer{Unknown: true}
	}
	call := myCall{mysqlServer: s, session: c, query: query, all: words}
	for i := range myStatements {
		st := &myStatements[i]
		rest, ok := words.match(st.pattern)
		switch {
		case !ok:
			continue
		case st.products != 0 && st.products&s.product.bit == 0:
			return s.refuse(1064, s.product.name, query)
		}
		if needs := s.product.needs[st.needs]; needs != nil && !s.granted("*.*", needs...) {
			return s.lacks(st.needs)
		}
		call.words = rest
		if a := st.do(call); !a.Unknown {
			return a
		}
		break
	}
	return Answer{Unknown: true}
}

// Disconnect ends a session and its locks.
func (s *mysqlServer) Disconnect(id string) { delete(s.sessions, id) }

// Alive reports whether a session is there.
func (s *mysqlServer) Alive(id string) bool { return s.sessions[id] != nil }

// Restart forgets what SET GLOBAL changed. The replica's threads start again.
func (s *mysqlServer) Restart() {
	s.life++
	s.file, s.position = s.file+1, 4
	s.flushed = s.lsn
	s.variables = maps.Clone(s.first)
	clear(s.sessions)
	clear(s.stopped)
	s.longQueries = nil
}

// Held names locks, variables and threads.
func (s *mysqlServer) Held() []string {
	held := map[string]bool{}
	for _, c := range s.sessions {
		for name, lock := range c.locks() {
			held[name] = held[name] || *lock
		}
		if c.stage > 0 {
			held[c.stageName()] = true
		}
	}
	for name, now := range s.variables {
		held[s.changed(name)] = !now.Equal(s.first[name])
	}
	maps.Copy(held, s.stopped)
	maps.DeleteFunc(held, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(held))
}

func (c *mySession) locks() map[string]*bool {
	return map[string]*bool{"global read lock": &c.readLock, "backup lock": &c.instance}
}

func (c *mySession) stageName() string { return "backup stage " + myStages[c.stage] }

func (s *mysqlServer) changed(name string) string {
	return "global " + name + " = " + myShown(s.variables[name]) + ", was " + myShown(s.first[name])
}

// Drop takes a lock away from every session that has it.
func (s *mysqlServer) Drop(held string) bool {
	if !slices.Contains(s.Held(), held) {
		return false
	}
	for _, c := range s.sessions {
		if lock := c.locks()[held]; lock != nil {
			*lock = false
		}
		if c.stageName() == held {
			c.stage = 0
		}
	}
	for name := range s.variables {
		if s.changed(name) == held {
			s.variables[name] = s.first[name]
		}
	}
	delete(s.stopped, held)
	return true
}

// Commit is made by a client without special rights.
func (s *mysqlServer) Commit() bool {
	locked := s.others(nil, func(c *mySession) bool { return c.readLock || c.stage == myBlockCommit })
	if locked || s.variables["read_only"].AsBool() || s.variables["super_read_only"].AsBool() {
		return false
	}
	s.write(300)
	s.lsn += 500
	if n, _ := s.variables["innodb_flush_log_at_trx_commit"].AsInt(); n == 1 {
		s.flushed = s.lsn
	}
	return true
}

// write puts an event into the binary log.
func (s *mysqlServer) write(bytes int64) {
	if s.binlog {
		s.position += bytes
		s.gtid++
	}
}

// others reports whether a session other than c is so.
func (s *mysqlServer) others(c *mySession, is func(*mySession) bool) bool {
	for _, other := range s.sessions {
		if other != c && is(other) {
			return true
		}
	}
	return false
}

// Clone copies everything that changes.
func (s *mysqlServer) Clone() Server {
	c := *s
	c.variables, c.first, c.stopped = maps.Clone(s.variables), maps.Clone(s.first), maps.Clone(s.stopped)
	c.sessions = map[string]*mySession{}
	for id, session := range s.sessions {
		copied := *session
		copied.variables = maps.Clone(session.variables)
		c.sessions[id] = &copied
	}
	return &c // the slices are replaced, never written to
}

// granted reports whether the user has one of the privileges in that place, or everywhere.
func (s *mysqlServer) granted(place string, privileges ...string) bool {
	for _, line := range s.grants {
		what, rest, _ := strings.Cut(strings.TrimPrefix(line, "GRANT "), " ON ")
		where, _, _ := strings.Cut(rest, " TO ")
		if where != "*.*" && where != place {
			continue
		}
		for _, word := range strings.Split(what, ",") {
			if word = strings.TrimSpace(word); word == "ALL PRIVILEGES" || slices.Contains(privileges, word) {
				return true
			}
		}
	}
	return false
}
