package stmt

import (
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
)

// tokens are a statement, or a part of one. Its methods answer "" and false for
// places outside.
type tokens []token

func (t tokens) get(i int, k kind) string {
	if i < 0 || i >= len(t) || t[i].kind != k {
		return ""
	}
	return t[i].text
}

// word returns the keyword or unquoted name at i.
func (t tokens) word(i int) string { return t.get(i, word) }

// op returns the operator at i.
func (t tokens) op(i int) string { return t.get(i, operator) }

// is reports whether the word at i is one of words.
func (t tokens) is(i int, words ...string) bool {
	return t.word(i) != "" && slices.Contains(words, t.word(i))
}

// called reports whether a parenthesis follows the word, name or value at i. The
// first word of a statement is never called.
func (t tokens) called(i int) bool {
	return i > 0 && t[i].kind != operator && t.op(i+1) == "("
}

// find returns the place of the first of words, or -1.
func (t tokens) find(words ...string) int {
	for i := range t {
		if t.is(i, words...) {
			return i
		}
	}
	return -1
}

// head returns the first word, parentheses before it aside.
func (t tokens) head() string {
	i := 0
	for t.op(i) == "(" {
		i++
	}
	return t.word(i)
}

// outside returns the place of the first token outside all parentheses for which
// f is true, or -1.
func (t tokens) outside(f func(i int) bool) int {
	depth := 0
	for i := range t {
		switch {
		case t.op(i) == "(":
			depth++
		case t.op(i) == ")":
			depth--
		case depth == 0 && f(i):
			return i
		}
	}
	return -1
}

// split cuts t at the commas outside parentheses.
func (t tokens) split() []tokens {
	var parts []tokens
	for {
		i := t.outside(func(i int) bool { return t.op(i) == "," })
		if i < 0 {
			return append(parts, t)
		}
		parts = append(parts, t[:i])
		t = t[i+1:]
	}
}

// A change is a kind of statement: words, where * stands for any tokens.
type change struct {
	words string
	scope action.Scope
	what  string
}

// matches reports whether the whole of t is what the pattern says.
func (t tokens) matches(pattern []string) bool {
	for i, p := range pattern {
		switch {
		case p == "*" && i == len(pattern)-1:
			return true
		case p == "*":
			for j := range len(t) - i + 1 {
				if t[i+j:].matches(pattern[i+1:]) {
					return true
				}
			}
			return false
		case t.word(i) != p:
			return false
		}
	}
	return len(t) == len(pattern)
}

// change returns what a statement does that is no query.
func (d *dialect) change(t tokens) Info {
	for _, c := range d.changes {
		if t.matches(strings.Fields(c.words)) {
			return worse(changing(c.scope, c.what), d.inside(t))
		}
	}
	if name := t.head(); name != "" {
		return unknown(strings.ToUpper(name) + " is not on the list of statements that only read")
	}
	return unknown("is no statement that is known")
}

// inside returns what the expressions of a changing statement do on top of it.
// The definition of a table is not made of expressions; the query that fills
// the table is.
func (d *dialect) inside(t tokens) Info {
	if t.is(0, "create") {
		i := t.find("as", "select", "with", "values", "execute")
		switch {
		case i < 0:
			return read()
		case t[i:].find("execute") >= 0:
			return unknown("executes a prepared statement, which is not seen here")
		}
		t = t[i:]
	}
	return d.expressions(t)
}

// A set is a table of words.
type set map[string]bool

// words makes a set of the words in lists.
func words(lists ...string) set {
	s := set{}
	for _, list := range lists {
		for _, w := range strings.Fields(list) {
			s[w] = true
		}
	}
	return s
}
