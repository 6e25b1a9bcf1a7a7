package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

var (
	errQuoteOpen = errors.New("a quote is not closed; close it, or put a backslash before it")
	errControl   = errors.New("there is a control character; remove it")
	errLastSlash = errors.New("it ends with a backslash, which continues nothing; remove it")
)

// checkControl refuses characters that no client could be given, and no message can show.
func checkControl(text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		return errControl
	}
	return nil
}

// splitWords cuts text into words as a POSIX shell does: at blanks, with ', " and \.
// Whatever else a shell would do with the text is an error, because there is none
// here. No error repeats a part of the text.
func splitWords(text string) ([]string, error) {
	if err := checkControl(text); err != nil {
		return nil, err
	}
	w := words{rest: text}
	for w.rest != "" {
		c := w.rest[0]
		w.rest = w.rest[1:]
		if err := w.take(c); err != nil {
			return nil, err
		}
	}
	w.end()
	return w.list, nil
}

type words struct {
	rest string
	list []string
	word strings.Builder
	open bool // a word has begun; it may be empty
}

func (w *words) add(text string) {
	w.open = true
	w.word.WriteString(text)
}

func (w *words) end() {
	if w.open {
		w.list = append(w.list, w.word.String())
	}
	w.open = false
	w.word.Reset()
}

func (w *words) take(c byte) error {
	switch c {
	case ' ', '\t':
		w.end()
	case '\'':
		text, rest, closed := strings.Cut(w.rest, "'")
		if !closed {
			return errQuoteOpen
		}
		w.rest = rest
		w.add(text)
	case '"':
		return w.doubleQuoted()
	case '\\':
		if w.rest == "" {
			return errLastSlash
		}
		w.add(w.rest[:1])
		w.rest = w.rest[1:]
	case '$', '`', ';', '|', '>', '<', '&', '(', ')', '\n':
		return fmt.Errorf("there is a %q outside quotes, which a shell would act upon and nobody does here; put the word in single quotes if it is a part of it", c)
	case '#', '~':
		if !w.open {
			return fmt.Errorf("a word begins with %q, which a shell would replace; write what is meant, or put the word in single quotes", c)
		}
		w.add(string(c))
	default:
		w.add(string([]byte{c}))
	}
	return nil
}

// doubleQuoted reads up to the second quote. A backslash is one unless it stands
// before what it can escape.
func (w *words) doubleQuoted() error {
	w.add("")
	for w.rest != "" {
		c := w.rest[0]
		w.rest = w.rest[1:]
		switch {
		case c == '"':
			return nil
		case c == '$', c == '`':
			return fmt.Errorf("there is a %q in double quotes, which a shell would replace; use single quotes", c)
		case c == '\\' && w.rest != "" && strings.IndexByte("$`\"\\", w.rest[0]) >= 0:
			w.add(w.rest[:1])
			w.rest = w.rest[1:]
		default:
			w.add(string([]byte{c}))
		}
	}
	return errQuoteOpen
}
