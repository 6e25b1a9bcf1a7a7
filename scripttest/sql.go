package scripttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
	"github.com/starhost/starhost/scripttest/worlds"
	"github.com/starhost/starhost/stmt"
)

// sqlStub answers statements that look like its pattern.
type sqlStub struct {
	stub
	pattern pattern
	session string // empty: of every session
	rows    *action.Rows
	fault   *action.Fault
}

// server is the database server of a world, as the host meets it: the real host, with
// its sessions and its undos, stands in front of it.
type server struct {
	w        *world
	opened   map[string]bool // ids: opened here, or adopted
	sessions []*session
}

func newServer(w *world) *server { return &server{w: w, opened: map[string]bool{}} }

// session is one session of a server.
type session struct {
	w    *world
	id   string
	name string
	lost chan struct{}
	over bool
}

// Identity implements [driver.Server].
func (s *server) Identity() driver.Identity {
	if s.w.server != nil {
		return s.w.server.Identity()
	}
	return driver.Identity{
		Product: "a server of stubs", Version: "1", Server: "stubs", Address: "unix:/stubs", Local: true,
		Started: epoch.Add(time.Duration(s.w.life) * time.Hour),
	}
}

// Open implements [driver.Server].
func (s *server) Open(_ context.Context, name string) (driver.Session, error) {
	c := &session{w: s.w, name: name, lost: make(chan struct{})}
	if s.w.server != nil {
		c.id = s.w.server.Connect()
	} else {
		s.w.nextID++
		c.id = strconv.Itoa(s.w.nextID)
	}
	s.w.sessions[c.id] = c
	s.opened[c.id] = true
	s.sessions = append(s.sessions, c)
	return c, nil
}

// End implements [driver.Server].
func (s *server) End(_ context.Context, id string) error {
	if !s.opened[id] {
		return fmt.Errorf("session %s is not one of ours", id)
	}
	c := s.w.sessions[id]
	if c == nil || c.over {
		return driver.ErrGone
	}
	s.w.lose(c)
	return nil
}

// Adopt implements [driver.Server].
func (s *server) Adopt(recorded driver.Identity, ids ...string) error {
	if !s.Identity().SameLife(recorded) {
		return fmt.Errorf("the server was restarted since")
	}
	for _, id := range ids {
		s.opened[id] = true
	}
	return nil
}

// Close implements [driver.Server].
func (s *server) Close() error {
	for _, c := range s.sessions {
		s.w.lose(c)
	}
	return nil
}

// ID implements [driver.Session].
func (c *session) ID() string { return c.id }

// Lost implements [driver.Session].
func (c *session) Lost() <-chan struct{} { return c.lost }

// Close implements [driver.Session].
func (c *session) Close() error {
	c.w.lose(c)
	return nil
}

// Do implements [driver.Session].
func (c *session) Do(_ context.Context, query string, params []action.Value) action.Result {
	if c.over {
		return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindKilled, Message: "session " + c.id + " has ended", Lost: true}}
	}
	if s := c.w.stubFor(c, query); s != nil {
		return c.stubbed(s, query)
	}
	if c.w.replay != nil {
		return c.w.replay.statement(c, query, params)
	}
	if c.w.server == nil {
		return c.unexpected(query)
	}
	return c.answer(query, c.w.server.Do(c.id, query, params))
}

func (c *session) stubbed(s *sqlStub, query string) action.Result {
	if s.fault != nil {
		// Refused: but a stub that says so may have taken something all the same.
		c.w.take(s.stub, c.owner(query))
		state := action.NotApplied
		if s.acquires != "" || s.releases != "" {
			state = action.Unknown
		}
		return action.Result{State: state, Err: s.fault}
	}
	c.w.take(s.stub, c.owner(query))
	c.w.mustAcquire(s.stub, query)
	return action.Result{State: action.Applied, Rows: s.rows}
}

// owner is the session that a statement's effect ends with; none if it outlives it.
func (c *session) owner(query string) string {
	info, err := stmt.Classify(c.w.database, query)
	if err == nil && (info.Class != stmt.Change || info.Scope == action.ScopeSession) {
		return c.id
	}
	return ""
}

func (c *session) answer(query string, a worlds.Answer) action.Result {
	switch {
	case a.Unknown:
		return c.unexpected(query)
	case a.Waits:
		return action.Result{State: action.Unknown, Err: &action.Fault{Kind: action.KindTimeout, Message: "it waited for somebody else until its time was over"}}
	case !a.Code.IsNone():
		fault := &action.Fault{Kind: action.KindRefused, Code: a.Code, Message: a.Message}
		if !c.w.server.Alive(c.id) {
			fault.Lost = true
			c.w.lose(c)
		}
		return action.Result{State: action.NotApplied, Err: fault}
	}
	return action.Result{State: action.Applied, Rows: a.Rows}
}

func (c *session) unexpected(query string) action.Result {
	text := c.w.surprised("unexpected statement on session %q: %s\nadd t.sql.on(%s)", c.name, oneLine(query), quoted(oneLine(query)))
	return action.Result{State: action.NotApplied, Err: &action.Fault{Kind: action.KindScript, Message: text}}
}

// stubFor returns the stub that answers a statement: the last one that was written and
// has an answer left.
func (w *world) stubFor(c *session, query string) *sqlStub {
	for i := len(w.sql) - 1; i >= 0; i-- {
		s := w.sql[i]
		if (s.session == "" || s.session == c.name) && s.left(w.used[s]) && s.pattern.matches(query) {
			w.used[s]++
			return s
		}
	}
	return nil
}

// lose ends a session, and with it what it held.
func (w *world) lose(c *session) {
	if c.over {
		return
	}
	c.over = true
	close(c.lost)
	if w.server != nil {
		w.server.Disconnect(c.id)
	}
	for name, id := range w.taken {
		if id == c.id {
			delete(w.taken, name)
		}
	}
}

// loseAll ends all sessions, in the order of their ids: the same every time.
func (w *world) loseAll() {
	for _, id := range slices.Sorted(maps.Keys(w.sessions)) {
		w.lose(w.sessions[id])
	}
}

// loseNamed ends the sessions of that name.
func (w *world) loseNamed(name string) (found bool) {
	for _, id := range slices.Sorted(maps.Keys(w.sessions)) {
		if c := w.sessions[id]; c.name == name && !c.over {
			w.lose(c)
			found = true
		}
	}
	return found
}

// dropLocks takes away everything that the server holds, although nobody gave it back.
func (w *world) dropLocks() {
	for _, name := range w.server.Held() {
		w.server.Drop(name)
	}
}

// restart restarts the server.
func (w *world) restart() {
	w.life++
	if w.server != nil {
		w.server.Restart()
	}
	w.loseAll()
}

// pattern is a text in which * stands for any text. Blanks are all alike.
type pattern string

func (p pattern) matches(text string) bool { return glob(oneLine(string(p)), oneLine(text)) }

// glob matches with * alone, from the left, without going back further than the last *.
func glob(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// oneLine is a text with single blanks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
