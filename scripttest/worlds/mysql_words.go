package worlds

import (
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// myWord is one piece of a MySQL statement: a word, a sign, or a literal.
type myWord struct {
	text     string       // of a word, in upper case, or of a sign; empty for a literal
	value    action.Value // of a literal
	from, to int          // where it stands in the statement
}

func (w myWord) literal() bool { return w.text == "" }

// myWords is a statement without its blanks, comments and last semicolon.
type myWords []myWord

// mySplit cuts a statement into words; each ? is the next parameter. It is false for
// what it cannot read.
func mySplit(query string, params []action.Value) (words myWords, ok bool) {
	for at := 0; at < len(query); {
		size, w, ok := myNext(query[at:])
		switch {
		case !ok:
			return nil, false
		case w.text == "?":
			if len(params) == 0 {
				return nil, false
			}
			w, params = myWord{value: myParam(params[0])}, params[1:]
		}
		if size > 0 && !strings.HasPrefix(w.text, " ") {
			w.from, w.to = at, at+size
			words = append(words, w)
		}
		at += size
	}
	for len(words) > 0 && words[len(words)-1].text == ";" {
		words = words[:len(words)-1]
	}
	return words, len(words) > 0 && len(params) == 0
}

// myParam is a parameter as the driver puts it into the text.
func myParam(v action.Value) action.Value {
	if v.Kind() == action.BoolKind {
		return myInt(v.AsBool())
	}
	return v
}

func myInt(b bool) action.Value {
	if b {
		return action.Int(1)
	}
	return action.Int(0)
}

// myNext returns the first piece of s and its size; blanks and comments are a word " ".
func myNext(s string) (size int, w myWord, ok bool) {
	switch c := s[0]; {
	case strings.HasPrefix(s, "/*!"), strings.HasPrefix(s, "/*M!"):
		return 0, w, false // a statement inside of a comment
	case strings.HasPrefix(s, "/*"):
		size, ok = myUntil(s, "*/")
		return size, myWord{text: " "}, ok
	case c == '#', strings.HasPrefix(s, "-- "):
		line, _, _ := strings.Cut(s, "\n")
		return len(line), myWord{text: " "}, true
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return 1, myWord{text: " "}, true
	case c == '\'' || c == '"' || c == '`':
		return myQuoted(s)
	case c >= '0' && c <= '9':
		size = mySpan(s, "0123456789.")
		value, ok := myNumber(s[:size])
		return size, myWord{value: value}, ok
	}
	if size = mySpan(s, myLetters); size > 0 {
		return size, myWord{text: strings.ToUpper(s[:size])}, true
	}
	for _, sign := range []string{":=", "<>", "!=", "<=", ">="} {
		if strings.HasPrefix(s, sign) {
			return 2, myWord{text: sign}, true
		}
	}
	return 1, myWord{text: s[:1]}, true
}

// myLetters are those of names; variables and qualified names are one word.
const myLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$@."

func mySpan(s, letters string) int { return len(s) - len(strings.TrimLeft(s, letters)) }

func myUntil(s, end string) (size int, ok bool) {
	i := strings.Index(s, end)
	return i + len(end), i >= 0
}

func myNumber(s string) (action.Value, bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return action.Int(i), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return action.Float(f), err == nil
}

// myQuoted reads a string or a quoted name.
func myQuoted(s string) (size int, w myWord, ok bool) {
	quote := s[0]
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`' && i+1 < len(s):
			i++
		case s[i] != quote:
		case i+1 < len(s) && s[i+1] == quote:
			i++
		case quote == '`':
			return i + 1, myWord{text: strings.ToUpper(text.String())}, true
		default:
			return i + 1, myWord{value: action.String(text.String())}, true
		}
		text.WriteByte(s[i])
	}
	return 0, w, false
}

// is reports whether the words begin with one of these.
func (t myWords) is(words ...string) bool {
	return len(t) > 0 && !t[0].literal() && slices.Contains(words, t[0].text)
}

// match returns what follows the pattern: words, A|B for one of them, [A|B] for one or
// none of them, * for any rest. Without the star nothing may follow.
func (t myWords) match(pattern string) (rest myWords, ok bool) {
	for _, p := range strings.Fields(pattern) {
		if p == "*" {
			return t, true
		}
		words := strings.Split(strings.Trim(p, "[]"), "|")
		switch {
		case t.is(words...):
			t = t[1:]
		case p[0] != '[':
			return nil, false
		}
	}
	return t, len(t) == 0
}

// split cuts the words at the commas that are in no parentheses.
func (t myWords) split() []myWords {
	var parts []myWords
	depth, from := 0, 0
	for i, w := range t {
		switch w.text {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 0 {
				parts, from = append(parts, t[from:i]), i+1
			}
		}
	}
	return append(parts, t[from:])
}

// normal is the statement in one spelling.
func (t myWords) normal() string {
	var words []string
	for _, w := range t {
		if w.literal() {
			w.text = w.value.String()
		}
		words = append(words, w.text)
	}
	return strings.Join(words, " ")
}
