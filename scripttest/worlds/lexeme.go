package worlds

import (
	"slices"
	"strings"
)

// A lexeme is one word of a statement. Comments and blanks are left out.
type lexeme struct {
	kind lexemeKind
	text string // a word in lower case; names and strings without their quotes
	raw  string // as it was written
	from int    // where it begins in the statement
}

type lexemeKind int

const (
	wordLexeme   lexemeKind = iota // keyword or name
	nameLexeme                     // "name"
	stringLexeme                   // 'text'
	numberLexeme
	paramLexeme // $1, ?
	signLexeme
)

// longSigns are the operators of more than one character that are read.
var longSigns = []string{"::", "<>", "!=", "<=", ">=", "||", "==", "=>", ":="}

// cut returns the lexemes of one statement without a semicolon at its end; not ok
// if a quote or a comment has no end.
func cut(query string) (all []lexeme, ok bool) { return cutBy(query, next) }

// cutBy cuts by the rules of a product.
func cutBy(query string, next func(s string) (int, lexeme)) (all []lexeme, ok bool) {
	for at := 0; ; {
		at += span(query[at:], blank)
		if at == len(query) {
			break
		}
		size, l := next(query[at:])
		if size == 0 {
			return nil, false
		}
		if l.from = at; l.raw != "" {
			all = append(all, l)
		}
		at += size
	}
	for len(all) > 0 && all[len(all)-1].text == ";" && all[len(all)-1].kind == signLexeme {
		all = all[:len(all)-1]
	}
	return all, true
}

// next returns the length of the first lexeme, 0 if it has no end, and the lexeme; one
// without raw is a comment.
func next(s string) (size int, l lexeme) {
	switch c := s[0]; {
	case strings.HasPrefix(s, "--"):
		return spanUntil(s, "\n"), lexeme{}
	case strings.HasPrefix(s, "/*"):
		if end := strings.Index(s, "*/"); end >= 0 {
			return end + len("*/"), lexeme{}
		}
		return 0, lexeme{}
	case c == '\'' || c == '"':
		return quotedLexeme(s)
	case wordByte(c) && (c < '0' || c > '9'):
		size = span(s, wordByte)
		return size, lexeme{kind: wordLexeme, text: strings.ToLower(s[:size]), raw: s[:size]}
	case c >= '0' && c <= '9':
		size = span(s, func(c byte) bool { return wordByte(c) || c == '.' })
		return size, lexeme{kind: numberLexeme, text: s[:size], raw: s[:size]}
	case c == '$' || c == '?':
		size = 1 + span(s[1:], wordByte)
		return size, lexeme{kind: paramLexeme, text: s[1:size], raw: s[:size]}
	}
	size = 1
	if len(s) > 1 && slices.Contains(longSigns, s[:2]) {
		size = 2
	}
	return size, lexeme{kind: signLexeme, text: s[:size], raw: s[:size]}
}

// quotedLexeme reads a string or a name; a doubled quote stands for one.
func quotedLexeme(s string) (size int, l lexeme) {
	quote := s[:1]
	kind := map[string]lexemeKind{"'": stringLexeme, `"`: nameLexeme}[quote]
	var text strings.Builder
	for at := 1; ; {
		end := strings.Index(s[at:], quote)
		if end < 0 {
			return 0, lexeme{}
		}
		text.WriteString(s[at : at+end])
		at += end + 1
		if !strings.HasPrefix(s[at:], quote) {
			return at, lexeme{kind: kind, text: text.String(), raw: s[:at]}
		}
		text.WriteString(quote)
		at++
	}
}

func spanUntil(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i
	}
	return len(s)
}

func span(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

func blank(c byte) bool { return strings.IndexByte(" \t\r\n\f\v", c) >= 0 }

func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// A reader goes through the lexemes of a statement.
type reader struct {
	all []lexeme
	at  int
}

func (r *reader) peek() lexeme {
	if r.at < len(r.all) {
		return r.all[r.at]
	}
	return lexeme{kind: -1}
}

func (r *reader) done() bool { return r.at >= len(r.all) }

func (r *reader) next() lexeme {
	l := r.peek()
	r.at++
	return l
}

// take goes over these words or signs, which are separated by blanks, if they come next.
func (r *reader) take(words string) bool {
	list := strings.Fields(words)
	for i, w := range list {
		if r.at+i >= len(r.all) {
			return false
		}
		if l := r.all[r.at+i]; l.text != w || l.kind != wordLexeme && l.kind != signLexeme {
			return false
		}
	}
	r.at += len(list)
	return true
}

// takeAny goes over any of these words, as often as they come.
func (r *reader) takeAny(words string) {
	list := strings.Fields(words)
	for !r.done() && r.peek().kind == wordLexeme && slices.Contains(list, r.peek().text) {
		r.at++
	}
}

// name reads a name, quoted or not; "" if there is none.
func (r *reader) name() string {
	if l := r.peek(); l.kind == wordLexeme || l.kind == nameLexeme {
		r.at++
		return l.text
	}
	return ""
}
