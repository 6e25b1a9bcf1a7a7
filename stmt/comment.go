package stmt

import (
	"fmt"
	"strings"
)

// skip goes over blanks and comments.
func (x *lexer) skip() error {
	for x.i < len(x.s) {
		switch {
		case strings.IndexByte(blanks, x.s[x.i]) >= 0:
			x.i++
		case !x.comment(x.i):
			return nil
		case x.s[x.i] != '/':
			x.skipLine()
		default:
			if err := x.skipBlock(); err != nil || x.stop {
				return err
			}
		}
		x.gap = true
	}
	return nil
}

// comment reports whether a comment begins at i.
func (x *lexer) comment(i int) bool {
	switch x.s[i] {
	case '#':
		return x.hash
	case '/':
		return x.at(i+1) == '*'
	case '-':
		// MySQL wants a blank or a control character after the second dash:
		// 1--1 is 2 there. At the end of the text it wants nothing.
		return x.at(i+1) == '-' && (!x.dashBlank || x.at(i+2) <= ' ' || x.at(i+2) == 0x7f)
	}
	return false
}

func (x *lexer) skipLine() {
	for x.i < len(x.s) && x.s[x.i] != '\n' && (x.s[x.i] != '\r' || !x.returnEnds) {
		x.i++
	}
}

func (x *lexer) skipBlock() error {
	start := x.i
	rest := x.s[start+2:]
	if x.executable && (strings.HasPrefix(rest, "!") || len(rest) > 1 && rest[0]|0x20 == 'm' && rest[1] == '!') {
		x.doubt("has an executable comment /*! … */: write it without")
		x.stop = true
		return nil
	}
	depth := 1
	for x.i += 2; x.i < len(x.s); x.i++ {
		switch {
		case x.s[x.i] == '*' && x.at(x.i+1) == '/':
			x.i++
			depth--
		case x.nested && x.s[x.i] == '/' && x.at(x.i+1) == '*':
			x.i++
			depth++
		}
		if depth == 0 {
			x.i++
			return nil
		}
	}
	return fmt.Errorf("the comment at byte %d does not end", start+1)
}
