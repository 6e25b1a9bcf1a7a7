package tns

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/scripttest/worlds"
)

// call is a request to make a statement.
type call struct {
	query  string
	params []action.Value
	rows   uint64 // that the client takes at once
}

// readCall reads what follows the function code.
func readCall(r *request) call {
	var n call
	r.num() // options
	r.num() // the cursor, 0: each statement is a new one
	r.byte()
	r.num() // length of the statement
	r.byte()
	r.num()
	r.take(2)
	r.byte()
	n.rows = r.num()
	r.num()
	r.byte()
	count := r.num()
	r.take(5)
	r.byte()
	r.num()
	n.query = string(r.text())
	for range 13 {
		r.num()
	}
	kinds := make([]byte, min(count, 1000))
	for i := range kinds {
		kinds[i] = readBind(r)
	}
	if len(kinds) > 0 {
		r.byte() // the mark of values
	}
	for _, kind := range kinds {
		n.params = append(n.params, bound(kind, r.text()))
	}
	return n
}

// readBind reads the description of a parameter and returns its type.
func readBind(r *request) byte {
	kind := r.byte()
	r.take(3)
	r.num() // length
	r.num() // of an array
	r.num() // flags
	if r.num() != 0 {
		r.text()
	}
	r.num()
	r.num() // character set
	r.byte()
	r.num()
	return kind
}

// bound is the value of a parameter. Oracle has no empty texts: they are NULL.
func bound(kind byte, raw []byte) action.Value {
	switch {
	case len(raw) == 0:
		return action.Value{}
	case kind == typeRaw || kind == typeLongRaw:
		return action.Bytes(raw)
	case kind != typeNumber:
		return action.String(string(raw))
	}
	text := decimal(raw)
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return action.Int(i)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return action.Float(f)
	}
	return action.String(text)
}

// execute makes a statement.
func (c *conn) execute(r *request) error {
	n := readCall(r)
	if r.err != nil {
		return r.err
	}
	select {
	case <-c.cancel: // of an earlier statement
	default:
	}
	fault := c.l.arrived(c, n.query)
	defer c.rest()
	switch fault {
	case Mute:
		return c.mute()
	case Cut:
		return errGone
	case Refuse:
		c.rest()
		return c.refuse(2000, "ORA-02000: missing a keyword that this release knows")
	}
	if c.broken {
		c.rest()
		return c.breakOff()
	}
	a, ending := c.perform(n)
	if fault == MuteAfter {
		return c.mute()
	}
	c.rest() // before the client can know that it is over
	switch {
	case fault == CutAfter:
		return errGone
	case ending != nil:
		return ending()
	case !a.Code.IsNone() || a.Message != "":
		code, _ := a.Code.AsInt()
		return c.refuse(uint64(code), a.Message)
	case a.Rows == nil:
		return c.refuse(0, "")
	}
	return c.rows(a.Rows, n.rows)
}

// rest says that no statement is in flight.
func (c *conn) rest() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.running = ""
}

// mute reads on and says nothing, until the connection ends.
func (c *conn) mute() error {
	for {
		if _, err := c.next(); err != nil {
			return err
		}
	}
}

// perform has the world make a statement, and waits as long as the world says so. A
// statement that did not come to its end has an ending in place of an answer.
func (c *conn) perform(n call) (a worlds.Answer, ending func() error) {
	if refusal := c.misfit(n); refusal != nil {
		return *refusal, nil
	}
	if done, a := c.l.endSession(n.query); done {
		return a, nil
	}
	id := c.session()
	for {
		var changed chan struct{}
		ended := false
		if !c.l.ask(func(w worlds.Server) {
			if ended = !w.Alive(id); ended {
				return
			}
			if a = w.Do(id, n.query, n.params); a.Waits {
				c.l.mu.Lock()
				changed = c.l.changed
				c.l.mu.Unlock()
				return
			}
			c.l.tell(w)
		}) {
			return a, func() error { return errGone }
		}
		if ended { // between the arrival of the statement and its turn
			return a, c.killedLast
		}
		if a.Unknown {
			a = known(n.query, c.l)
		}
		if !a.Waits {
			return a, nil
		}
		if ending := c.wait(changed); ending != nil {
			return a, ending
		}
	}
}

// wait waits until somebody has given something back, nil, or the statement is ended.
func (c *conn) wait(changed <-chan struct{}) (ending func() error) {
	for {
		select {
		case <-changed:
			return nil
		case <-c.done:
			return func() error { return errGone }
		case <-c.killed:
			return c.killedLast
		case <-c.cancel:
			return func() error { return c.refuse(1013, "ORA-01013: user requested cancel of current operation") }
		case p, ok := <-c.packets:
			c.gate()
			if !ok {
				return func() error { return errGone }
			}
			if isMark(p, markInterrupt) {
				return c.breakOff
			}
		}
	}
}

// places are the parameters of a statement, outside of quotes and comments.
var places = regexp.MustCompile(`'[^']*'|"[^"]*"|--[^\n]*|/\*(?s:.*?)\*/|:\w+`)

// misfit is the refusal of a statement whose parameters do not fit.
func (c *conn) misfit(n call) *worlds.Answer {
	want := 0
	for _, found := range places.FindAllString(n.query, -1) {
		if found[0] == ':' {
			want++
		}
	}
	switch {
	case strings.HasPrefix(strings.ToUpper(strings.TrimSpace(n.query)), "ALTER"), want == len(n.params):
		return nil // no parameters can be in those; a colon is part of a name
	case want > len(n.params):
		return &worlds.Answer{Code: action.Int(1008), Message: "ORA-01008: not all variables bound"}
	}
	return &worlds.Answer{Code: action.Int(1036), Message: "ORA-01036: illegal variable name/number"}
}
