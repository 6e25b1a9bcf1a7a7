package worlds

import (
	"fmt"
	"strings"

	"github.com/starhost/starhost/action"
)

// variable returns what is known of a variable: one of the table, or one that a test
// has made by the option "variables"; nil if there is neither.
func (s *mysqlServer) variable(name string) *myVariable {
	if v := myLookUp(name); v != nil {
		return v
	}
	value, ok := s.variables[strings.ToLower(name)]
	if !ok {
		return nil
	}
	return &myVariable{name: strings.ToLower(name), kind: value.Kind(), scope: myGlobal}
}

// has reports whether this product has the variable.
func (s *mysqlServer) has(v *myVariable) bool {
	_, ok := s.variables[v.name]
	return ok
}

// value is that of a variable as a session sees it, or the global one without a session.
func (s *mysqlServer) value(v *myVariable, c *mySession) action.Value {
	if c != nil && v.scope == myBoth {
		return c.variables[v.name]
	}
	switch v.name {
	case "gtid_binlog_pos", "gtid_current_pos", "gtid_executed":
		return action.String(s.gtids())
	case "log_bin":
		return action.Bool(s.binlog)
	case "log_bin_basename":
		if !s.binlog {
			return action.Value{}
		}
	}
	return s.variables[v.name]
}

// gtids is what the binary log holds.
func (s *mysqlServer) gtids() string {
	switch {
	case !s.binlog:
		return ""
	case s.product.bit == myMariaDB:
		return fmt.Sprintf("0-1-%d", s.gtid)
	case s.variables["gtid_mode"].Text() != "ON":
		return ""
	}
	return fmt.Sprintf("%s:1-%d", s.variables["server_uuid"].Text(), s.gtid)
}

// myName takes a variable as it is written apart: @@global.x is x, GLOBAL.
func myName(word string) (name, scope string, ok bool) {
	name, ok = strings.CutPrefix(word, "@@")
	if scope, rest, found := strings.Cut(name, "."); found {
		return rest, scope, ok
	}
	return name, "", ok
}

// assignment is one variable that SET sets.
type myAssignment struct {
	v      *myVariable
	global bool
	value  action.Value
}

// set makes all assignments, or none if one is refused.
func (m myCall) set() Answer {
	if m.words.is("NAMES") {
		return Answer{}
	}
	var all []myAssignment
	keyword := "SESSION" // holds for those after it, too
	for _, words := range m.words.split() {
		if words.is("GLOBAL", "SESSION", "LOCAL") {
			keyword, words = words[0].text, words[1:]
		}
		one, answer, ok := m.assignment(words, keyword)
		if !ok {
			return answer
		}
		all = append(all, one)
	}
	for _, one := range all {
		if one.global {
			m.variables[one.v.name] = one.value
		} else {
			m.session.variables[one.v.name] = one.value
		}
	}
	return Answer{}
}

// assignment reads "x = 1" and asks whether it may be. Without ok the answer is the
// whole statement's.
func (m myCall) assignment(words myWords, scope string) (one myAssignment, a Answer, ok bool) {
	if len(words) < 3 || words[0].literal() || words[1].text != "=" && words[1].text != ":=" {
		return one, Answer{Unknown: true}, false
	}
	name := words[0].text
	if plain, inner, ok := myName(name); ok {
		name, scope = plain, inner
	}
	one.v, one.global = m.variable(name), scope == "GLOBAL"
	if one.v == nil {
		return one, Answer{Unknown: true}, false
	}
	value, ok := m.literal(one.v, words[2:])
	if !ok {
		return one, Answer{Unknown: true}, false
	}
	a, ok = m.permitted(one)
	if !ok {
		return one, a, false
	}
	accepted, code := one.v.accept(m.product, value)
	switch code {
	case 1231:
		return one, m.refuse(code, one.v.name, myShown(value)), false
	case 1232:
		return one, m.refuse(code, one.v.name), false
	}
	one.value = accepted
	return one, Answer{}, true
}

// literal reads the value of an assignment.
func (m myCall) literal(v *myVariable, words myWords) (action.Value, bool) {
	switch {
	case len(words) == 2 && words[0].text == "-" && words[1].value.Kind() == action.IntKind:
		n, _ := words[1].value.AsInt()
		return action.Int(-n), true
	case len(words) != 1:
		return action.Value{}, false
	case words[0].literal():
		return words[0].value, true
	case words[0].text == "DEFAULT" && m.product.defaults()[v.name].Kind() == v.kind:
		return m.product.defaults()[v.name], true
	case words.is("TRUE", "FALSE"):
		return myInt(words[0].text == "TRUE"), true
	case words.is("ON", "OFF"):
		return action.String(words[0].text), true
	}
	return action.Value{}, false
}

// permitted asks for everything but the value.
func (m myCall) permitted(one myAssignment) (Answer, bool) {
	v := one.v
	needs := "set"
	if m.product.needs["set "+v.name] != nil {
		needs = "set " + v.name
	}
	switch {
	case !m.has(v):
		return m.refuse(1193, v.name), false
	case v.scope == myFixed:
		return m.refuse(1238, v.name, "read only"), false
	case !one.global && v.scope == myGlobal:
		return m.refuse(1229, v.name), false
	case one.global && !m.granted("*.*", m.product.needs[needs]...):
		return m.lacks(needs), false
	case v.name == "wsrep_desync" && m.galera == "":
		return m.refuse(1210), false
	case v.name == "read_only" && m.session.stage > 0:
		return m.refuse(1192), false
	case v.name == "read_only" && m.writing():
		return Answer{Waits: true}, false
	}
	return Answer{}, true
}
