package tns

import (
	"regexp"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// What the stand-in answers by itself: what is about connections, of which a world has none,
// and what a driver asks that no script does.

var sessionStatement = regexp.MustCompile(`(?i)^\s*ALTER\s+SYSTEM\s+(KILL|DISCONNECT|CANCEL)\s+(?:SESSION|SQL)\s+'\s*(\d+)\s*,\s*(\d+)\s*'`)

// endSession makes the statements about sessions, which are the stand-in's own.
func (l *Listener) endSession(query string) (done bool, a worlds.Answer) {
	match := sessionStatement.FindStringSubmatch(query)
	if match == nil {
		return false, a
	}
	c := l.session(match[2] + "," + match[3])
	if c == nil {
		return true, worlds.Answer{Code: action.Int(30), Message: "ORA-00030: User session ID does not exist."}
	}
	switch strings.ToUpper(match[1]) {
	case "CANCEL":
		l.mu.Lock()
		busy := c.running != ""
		l.mu.Unlock()
		if busy {
			select {
			case c.cancel <- struct{}{}:
			default:
			}
		}
	case "KILL":
		c.dieOnce.Do(func() { close(c.killed) })
		c.leaveWorld()
	default:
		c.cut()
		c.leave()
	}
	return true, a
}

// leaveWorld ends the session in the world. The connection stays until the client's next call.
func (c *conn) leaveWorld() {
	c.l.mu.Lock()
	id := c.id
	c.id = ""
	c.l.mu.Unlock()
	c.l.ask(func(w worlds.Server) {
		w.Disconnect(id)
		c.l.tell(w)
	})
}

// known answers what a driver says by itself and a world need not know.
func known(query string, l *Listener) worlds.Answer {
	switch {
	case begins(query, "ALTER SESSION SET"), begins(query, "BEGIN NULL; END;"):
		return worlds.Answer{}
	case begins(query, "SELECT instance_number, instance_name, version, startup_time FROM v$instance"):
		var a worlds.Answer
		l.ask(func(w worlds.Server) {
			id := w.Identity()
			a.Rows = row([]string{"INSTANCE_NUMBER", "INSTANCE_NAME", "VERSION", "STARTUP_TIME"}, action.Int(1),
				action.String(instance), action.String(id.Version), action.String(id.Started.Format("2006-01-02 15:04:05")))
		})
		return a
	case begins(query, "SELECT dbid, name FROM v$database"):
		return worlds.Answer{Rows: row([]string{"DBID", "NAME"}, action.Int(1467841234), action.String(service))}
	}
	return worlds.Answer{Code: action.Int(900), Message: "ORA-00900: the stand-in's world does not know this statement: " + query}
}

func row(columns []string, values ...action.Value) *action.Rows {
	return &action.Rows{Columns: columns, Rows: [][]action.Value{values}}
}
