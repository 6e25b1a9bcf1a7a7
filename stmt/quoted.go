package stmt

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// backslash is what a backslash means between quotes.
type backslash uint8

const (
	literal      backslash = iota // itself
	escape                        // it escapes the next character
	maybeEscape                   // it escapes, unless a setting says otherwise
	maybeLiteral                  // itself, unless a setting says otherwise
)

var tagPattern = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)?\$`)

// quote reads what stands between the quote at open and the closing one, which
// is doubled inside.
func (x *lexer) quote(k kind, open int, closing byte, b backslash) error {
	for j := open + 1; j < len(x.s); j++ {
		switch {
		case x.s[j] == '\\' && b != literal:
			j = x.backslashes(j, closing, b)
		case x.s[j] != closing:
		case x.at(j+1) == closing && closing != ']':
			j++
		default:
			if closing == '`' && x.at(j-1) >= utf8.RuneSelf && x.plain == maybeEscape {
				x.doubt("has a name that GBK, Big5 or Shift-JIS would end elsewhere")
			}
			x.emit(k, x.s[open+1:j], j+1)
			return nil
		}
	}
	return fmt.Errorf("the quote %c at byte %d does not end", x.s[open], open+1)
}

// backslashes goes over a run of backslashes at j and, if it escapes the closing
// quote, over that. An even run means the same in every reading.
func (x *lexer) backslashes(j int, closing byte, b backslash) int {
	if x.s[j-1] >= utf8.RuneSelf {
		x.doubt("has a backslash that GBK, Big5 or Shift-JIS would make part of a character")
	}
	first := j
	for x.at(j+1) == '\\' {
		j++
	}
	if (j-first)%2 == 1 || x.at(j+1) != closing {
		return j
	}
	if b != escape {
		x.doubt("has a backslash before a quote, which a server setting decides the meaning of: double the quote instead")
	}
	if b == maybeLiteral {
		return j
	}
	return j + 1
}

// qQuotePattern is how a text of Oracle begins that ends only where its own delimiter
// stands before the quote: q'[…]', nq'!…!'.
var qQuotePattern = regexp.MustCompile(`^[nN]?[qQ]'`)

// closers are the delimiters that end with another character.
var closers = map[rune]rune{'[': ']', '{': '}', '(': ')', '<': '>'}

func (x *lexer) qQuote() error {
	from := x.i + len(qQuotePattern.FindString(x.s[x.i:]))
	c, size := utf8.DecodeRuneInString(x.s[from:])
	if size == 0 || strings.ContainsRune(blanks, c) || c == '\'' {
		return fmt.Errorf("the quote q' at byte %d has no delimiter", x.i+1)
	}
	if closer, ok := closers[c]; ok {
		c = closer
	}
	length := strings.Index(x.s[from+size:], string(c)+"'")
	if length < 0 {
		return fmt.Errorf("the quote q' at byte %d does not end", x.i+1)
	}
	end := from + size + length
	x.emit(text, x.s[from+size:end], end+utf8.RuneLen(c)+1)
	return nil
}

func (x *lexer) dollarQuote() error {
	tag := tagPattern.FindString(x.s[x.i:])
	from := x.i + len(tag)
	length := strings.Index(x.s[from:], tag)
	if length < 0 {
		return fmt.Errorf("the quote %s at byte %d does not end", tag, x.i+1)
	}
	x.emit(text, x.s[from:from+length], from+length+len(tag))
	return nil
}
