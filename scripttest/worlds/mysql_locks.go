package worlds

import (
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// flushWithReadLock is shared: any number of sessions can have it. MySQL takes the lock
// before it waits for tables that are read, and keeps it when that fails.
func (m myCall) flushWithReadLock() Answer {
	switch {
	case m.session.stage > 0:
		return m.refuse(4145)
	case m.writing():
		return Answer{Waits: true}
	}
	m.session.readLock = true
	return Answer{Waits: m.reading()}
}

// reading reports whether a long statement has a table open, which MySQL waits for in a
// flush and MariaDB does not.
func (s *mysqlServer) reading() bool {
	return s.product.bit != myMariaDB && slices.ContainsFunc(s.longQueries, func(l myLongQuery) bool {
		return strings.Contains(strings.ToUpper(l.statement), " FROM ")
	})
}

// writing reports whether a long statement writes.
func (s *mysqlServer) writing() bool {
	return slices.ContainsFunc(s.longQueries, func(l myLongQuery) bool {
		return !strings.HasPrefix(strings.ToUpper(l.statement), "SELECT")
	})
}

func (m myCall) flushTables() Answer {
	locked := m.others(m.session, func(c *mySession) bool { return c.readLock || c.stage == myBlockCommit })
	if locked && m.product.bit == myMariaDB || m.reading() || m.writing() && m.product.bit != myMariaDB {
		return Answer{Waits: true}
	}
	return Answer{}
}

// flushEngine makes the redo log durable; MariaDB does not if it need not at a commit.
func (m myCall) flushEngine() Answer {
	if n, _ := m.variables["innodb_flush_log_at_trx_commit"].AsInt(); m.product.bit != myMariaDB || n == 1 || n == 3 {
		m.flushed = m.lsn
	}
	return Answer{}
}

// flushLogs begins a new file of the binary log.
func (m myCall) flushLogs() Answer {
	if m.binlog {
		m.file, m.position = m.file+1, 200
	}
	return m.flushEngine()
}

// unlock is right without a lock, and does not end a backup stage.
func (m myCall) unlock() Answer {
	m.session.readLock = false
	return Answer{}
}

func (m myCall) lockInstance() Answer {
	m.session.instance = true
	return Answer{}
}

func (m myCall) unlockInstance() Answer {
	m.session.instance = false
	return Answer{}
}

// backupStage goes forward only; one session at a time can be in a stage.
func (m myCall) backupStage() Answer {
	if len(m.words) != 1 || m.words[0].literal() {
		return m.refuse(1064, m.product.name, m.query)
	}
	name, c := m.words[0].text, m.session
	stage := slices.Index(myStages, name)
	switch {
	case name != "END" && stage < 1:
		return m.refuse(4149, name)
	case name == "END" && c.stage > 0:
		c.stage = 0
		return Answer{}
	case name != "START" && c.stage == 0:
		return m.refuse(4146)
	case stage <= c.stage:
		return m.refuse(4147, name, myStages[c.stage])
	case c.stage == 0 && c.readLock:
		return m.refuse(1223)
	case c.stage == 0 && m.others(c, func(c *mySession) bool { return c.stage > 0 }):
		return Answer{Waits: true}
	}
	c.stage = stage
	return Answer{}
}

// createDatabase changes nothing, because the database is there, but has to be allowed to.
func (m myCall) createDatabase() Answer {
	switch {
	case m.variables["super_read_only"].AsBool(), m.variables["read_only"].AsBool() && !m.granted("*.*", m.product.needs["write anyway"]...):
		return m.refuse(1290, m.product.name)
	case !m.granted("`mysql`.*", "CREATE"):
		return m.refuse(1044, m.user(), "mysql")
	case m.session.readLock:
		return m.refuse(1223)
	case m.session.stage > 0:
		return m.refuse(4145)
	case m.others(m.session, func(c *mySession) bool { return c.readLock || c.instance || c.stage >= myBlockDDL }):
		return Answer{Waits: true}
	}
	m.write(145)
	return Answer{}
}

// doNumber takes only what has no effect: DO 0.
func (m myCall) doNumber() Answer {
	return Answer{Unknown: len(m.words) != 1 || !m.words[0].literal()}
}

// kill ends a session, or a long statement of somebody else.
func (m myCall) kill() Answer {
	if len(m.words) != 1 || m.words[0].value.Kind() != action.IntKind {
		return Answer{Unknown: true}
	}
	n, _ := m.words[0].value.AsInt()
	id := strconv.FormatInt(n, 10)
	long := slices.IndexFunc(m.longQueries, func(l myLongQuery) bool { return l.id == n })
	_, query := m.all.match("KILL QUERY *")
	switch {
	case long >= 0 && !m.granted("*.*", m.product.needs["kill"]...):
		return m.refuse(1095, id)
	case long >= 0:
		m.longQueries = slices.Delete(slices.Clone(m.longQueries), long, long+1)
	case !m.Alive(id):
		return m.refuse(1094, id)
	case id == m.session.id:
		if !query {
			m.Disconnect(id)
		}
		return m.refuse(m.product.killed)
	case !query:
		m.Disconnect(id)
	}
	return Answer{}
}
