package stmt

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A kind of token.
type kind uint8

const (
	word     kind = iota // keyword or unquoted name
	quoted               // quoted name; in MySQL also "…", which may be a string
	text                 // string, with its prefix if that decides how it is read
	number               // 1, 0x1f, 1.5e3
	variable             // @x, @@x, ?, $1, :x
	operator             // operator or punctuation
)

// A token is one word of a statement.
type token struct {
	kind kind
	text string // without quotes; a word and a variable in lower case
	raw  string // as written
	gap  bool   // a blank or a comment stands before it
}

// lexis is how a database reads text.
type lexis struct {
	plain       backslash // in '…'
	double      backslash // in "…"
	prefixE     bool      // E'…' has escapes
	dollar      bool      // $tag$…$tag$
	backtick    bool      // `…` is a name
	bracket     bool      // […] is a name
	nested      bool      // comments nest
	prefixQ     bool      // q'[…]' has quotes inside
	sharp       bool      // # is part of a name
	hash        bool      // # begins a comment
	dashBlank   bool      // -- begins a comment only before a blank
	returnEnds  bool      // a carriage return ends a line comment
	executable  bool      // the server executes the content of /*! … */
	variables   string    // characters that begin a variable
	system      bool      // @x, @'x' and @@x.y are variables
	operators   string    // characters of operators that are read as long as possible
	punctuation string    // characters that are a token each
}

const blanks = " \t\n\r\f\v"

var numberPattern = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)`)

// A lexer cuts one text.
type lexer struct {
	*lexis
	s    string
	i    int
	gap  bool
	out  tokens
	odd  string
	stop bool
}

// lex cuts s into tokens. odd says, if it is not empty, why the server may see
// other tokens than these: the first reason that was found. The error is for a
// quote or comment without an end, and for a NUL byte.
func lex(l *lexis, s string) (t tokens, odd string, err error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, "", fmt.Errorf("the statement has a NUL byte: send it as a parameter")
	}
	x := &lexer{lexis: l, s: s}
	if !utf8.ValidString(s) {
		x.doubt("is not valid UTF-8")
	}
	for {
		if err := x.skip(); err != nil {
			return nil, "", err
		}
		if x.stop || x.i >= len(s) {
			return x.out, x.odd, nil
		}
		if err := x.next(); err != nil {
			return nil, "", err
		}
	}
}

// doubt notes a reason why the tokens may not be what the server sees.
func (x *lexer) doubt(format string, args ...any) {
	if x.odd == "" {
		x.odd = fmt.Sprintf(format, args...)
	}
}

// emit ends a token at end.
func (x *lexer) emit(k kind, content string, end int) {
	if k == word || k == variable {
		content = strings.ToLower(content)
	}
	x.out = append(x.out, token{kind: k, text: content, raw: x.s[x.i:end], gap: x.gap})
	x.i, x.gap = end, false
}

func (x *lexer) at(i int) byte {
	if i >= 0 && i < len(x.s) {
		return x.s[i]
	}
	return 0
}

// next reads one token; x.i is at its first byte.
func (x *lexer) next() error {
	c := x.s[x.i]
	switch {
	case (c == 'e' || c == 'E') && x.prefixE && x.at(x.i+1) == '\'':
		return x.quote(text, x.i+1, '\'', escape)
	case x.prefixQ && qQuotePattern.MatchString(x.s[x.i:]):
		return x.qQuote()
	case isLetter(c):
		end := x.identifier(x.i)
		x.emit(word, x.s[x.i:end], end)
	case isDigit(c) || c == '.' && isDigit(x.at(x.i+1)):
		x.number()
	case c == '\'':
		return x.quote(text, x.i, c, x.plain)
	case c == '"':
		return x.quote(quoted, x.i, c, x.double)
	case c == '`' && x.backtick:
		return x.quote(quoted, x.i, c, literal)
	case c == '[' && x.bracket:
		return x.quote(quoted, x.i, ']', literal)
	case c == '$' && x.dollar && tagPattern.MatchString(x.s[x.i:]):
		return x.dollarQuote()
	case strings.IndexByte(x.variables, c) >= 0:
		return x.variable()
	default:
		x.operator()
	}
	return nil
}

func (x *lexer) number() {
	end := x.i + len(numberPattern.FindString(x.s[x.i:]))
	x.emit(number, x.s[x.i:end], end)
	x.alone(end)
}

// alone doubts a number or variable that something is glued to: servers, and
// versions of one server, cut there differently (1e'…', 1sleep, $a(…)).
func (x *lexer) alone(end int) {
	if c := x.at(end); isIdentifier(c) || c == '.' || c == '\'' || c == '"' || c == '`' || c >= utf8.RuneSelf {
		x.doubt("has %q glued to %q", c, x.out[len(x.out)-1].raw)
	}
}

// variable reads ?, ?1, $1, :x, @x, @@x.y and @'x'.
func (x *lexer) variable() error {
	c, end := x.s[x.i], x.i+1
	if c == '@' && x.system {
		return x.atVariable()
	}
	digits := c == '?' || x.dollar
	for isDigit(x.at(end)) || isIdentifier(x.at(end)) && !digits {
		end++
	}
	if end == x.i+1 && c != '?' {
		x.doubt("has a %c that begins no variable", c)
	}
	x.emit(variable, x.s[x.i:end], end)
	// SQLite reads $a(…) and $a::b as one variable, whatever is between.
	if next := x.at(end); next == '(' || next == ':' && !x.dollar {
		x.doubt("has %q glued to a variable", next)
	}
	x.alone(end)
	return nil
}

// atVariable reads a variable of MySQL.
func (x *lexer) atVariable() error {
	from := x.i + 1
	if c := x.at(from); c == '\'' || c == '"' || c == '`' {
		b := x.plain
		if c == '`' {
			b = literal
		}
		return x.quote(variable, from, c, b)
	}
	if x.at(from) == '@' {
		from++
	}
	end := from
	for isIdentifier(x.at(end)) || x.at(end) == '.' {
		end++
	}
	if end == from {
		x.doubt("has an @ that begins no variable")
	}
	x.emit(variable, x.s[x.i:end], end)
	return nil
}

func (x *lexer) operator() {
	c, size := utf8.DecodeRuneInString(x.s[x.i:])
	end := x.i + size
	switch {
	case strings.ContainsRune(x.operators, c):
		end = x.longOperator()
	case c == ':' && x.at(end) == '=' && strings.Contains(x.punctuation, ":"):
		end++
	case !strings.ContainsRune(x.punctuation, c):
		x.doubt("has the character %q outside quotes", c)
	}
	x.emit(operator, x.s[x.i:end], end)
}

// longOperator reads an operator of PostgreSQL, which ends before a comment and,
// if it could be one of standard SQL, before a sign.
func (x *lexer) longOperator() int {
	end := x.i
	for end < len(x.s) && strings.IndexByte(x.operators, x.s[end]) >= 0 && !x.comment(end) {
		end++
	}
	for end-x.i > 1 && (x.s[end-1] == '+' || x.s[end-1] == '-') && !strings.ContainsAny(x.s[x.i:end], "~!@#%^&|`?") {
		end--
	}
	return end
}

func (x *lexer) identifier(i int) int {
	for isIdentifier(x.at(i)) || x.sharp && x.at(i) == '#' {
		i++
	}
	return i
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdentifier(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' }
