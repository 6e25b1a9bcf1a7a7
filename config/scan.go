package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of section.
const (
	workloadSection  = "workload"
	settingsSection  = "settings"
	logBackupSection = "logbackup" // of Azure's format; an error
)

// section is one header and what stands below it.
type section struct {
	kind    string
	name    string // "workload" if it has none
	line    int
	entries []*entry
	keys    map[string]int // line of each key
	bad     bool           // the header is an error: what stands below is not looked at
}

// label returns what stands between the brackets of the header.
func (s *section) label() string { return sectionLabel(s.kind, s.name) }

func sectionLabel(kind, name string) string {
	if name == unnamed {
		return kind
	}
	return fmt.Sprintf("%s %q", kind, name)
}

// entry is one key with its values: what follows the =, then one per indented line.
type entry struct {
	key    string
	line   int
	values []value
}

type value struct {
	text string
	line int
}

// unnamed is the name of the workload of [workload].
const unnamed = "workload"

var (
	headerForm = regexp.MustCompile(`^\[([A-Za-z]+)(?:[ \t]+"([^"]*)")?\]$`)
	nameForm   = formOf(`^[A-Za-z0-9][A-Za-z0-9._-]*$`, 64)
	keyForm    = formOf(`^[A-Za-z][A-Za-z0-9_.-]*$`, 64)
)

// scan cuts text into sections. Mistakes in the syntax are added to p, and what
// can be read in spite of them is returned.
func scan(text []byte, p *problems) []*section {
	if line, err := checkBytes(p.file, text); err != nil {
		p.add(Error{Line: line}, err)
		return nil
	}
	s := scanner{problems: p, seen: map[string]int{}}
	for i, line := range strings.Split(string(text), "\n") {
		s.scanLine(i+1, line)
	}
	return s.sections
}

// checkBytes refuses texts, of the file path, that only look like the configuration
// that somebody sees in an editor. It returns the line of the first bad byte.
func checkBytes(path string, text []byte) (line int, err error) {
	at := func(i int) int { return 1 + bytes.Count(text[:i], []byte("\n")) }
	if bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		return 1, errors.New("the file begins with a byte order mark; save it as UTF-8 without BOM")
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return at(i), errors.New("there is a NUL byte; save the file as UTF-8 text")
	}
	if i := bytes.IndexByte(text, '\r'); i >= 0 {
		return at(i), fmt.Errorf(`there is a carriage return (CRLF line end); convert the file with: sed -i 's/\r$//' %s`, path)
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return at(i), errors.New("there is a byte that is not UTF-8; save the file as UTF-8 text")
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return at(i), fmt.Errorf("there is a control character (%U); remove it", r)
		}
		i += size
	}
	return 0, nil
}

type scanner struct {
	problems *problems
	sections []*section
	seen     map[string]int // line of each good section by its label
	section  *section       // the current one
	entry    *entry         // the one that an indented line continues
}

func (s *scanner) scanLine(n int, line string) {
	text := strings.Trim(line, " \t")
	switch {
	case text == "", text[0] == '#', text[0] == ';':
	case strings.HasSuffix(text, `\`):
		s.fail(n, "", `the line ends with a backslash, which continues nothing; write the value in one line`)
		s.entry = &entry{}
	case line[0] == ' ', line[0] == '\t':
		s.continuation(n, text)
	case text[0] == '[':
		s.header(n, text)
	default:
		s.keyValue(n, text)
	}
}

func (s *scanner) continuation(n int, text string) {
	if s.entry == nil {
		s.fail(n, "", "an indented line continues the value above it, and there is none; remove the indentation")
		return
	}
	s.value(n, text)
}

func (s *scanner) header(n int, text string) {
	sec := &section{name: unnamed, line: n, keys: map[string]int{}}
	s.sections, s.section, s.entry = append(s.sections, sec), sec, nil
	if err := s.parseHeader(sec, text); err != nil {
		sec.bad = true
		s.fail(n, "", err.Error())
		return
	}
	s.seen[sec.label()] = n
}

// parseHeader fills in kind and name as far as they may be shown.
func (s *scanner) parseHeader(sec *section, text string) error {
	m := headerForm.FindStringSubmatch(text)
	if m == nil || len(m[1]) > 64 {
		return errors.New(`this is not a section; write [workload], [workload "name"], [settings] or [settings "name"] and nothing else in the line`)
	}
	sec.kind = m[1]
	switch {
	case sec.kind == logBackupSection:
		return errors.New("the section is for log backups of oracle, which are not made here; remove it, and back up the archived logs by a job of their own")
	case sec.kind != workloadSection && sec.kind != settingsSection:
		return errors.New("unknown section; the sections are [workload] and [settings], with a name in quotes if there are several")
	case strings.Contains(text, `"`) && !nameForm.matches(m[2]):
		return errors.New("bad name; use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or a digit")
	case m[2] != "":
		sec.name = m[2]
	}
	if first := s.seen[sec.label()]; first > 0 {
		return fmt.Errorf("duplicate section, the first is in line %d (without a name it is %q); put everything in one", first, unnamed)
	}
	return nil
}

func (s *scanner) keyValue(n int, text string) {
	// A key that is an error still takes the indented lines below it.
	s.entry = &entry{line: n}
	key, val, found := strings.Cut(text, "=")
	key = strings.TrimRight(key, " \t")
	switch {
	case !found:
		s.fail(n, "", `there is no "=" in this line; write key = value`)
		return
	case !keyForm.matches(key):
		s.fail(n, "", "what stands before the = is not a key; a key is a letter, then letters, digits and _ . -")
		return
	case s.section == nil:
		s.fail(n, key, "the key stands before the first section; put it below [workload]")
		return
	}
	if first := s.section.keys[key]; first > 0 {
		s.fail(n, key, fmt.Sprintf("duplicate key, the first is in line %d; remove one", first))
		return
	}
	s.entry.key, s.section.keys[key] = key, n
	s.section.entries = append(s.section.entries, s.entry)
	s.value(n, strings.TrimLeft(val, " \t"))
}

func (s *scanner) value(n int, text string) {
	// The words of credString have quotes of their own.
	if s.entry.key != "credString" && len(text) > 1 && text[0] == text[len(text)-1] && strings.ContainsRune(`"'`, rune(text[0])) {
		s.fail(n, s.entry.key, "the value is in quotes, which would be part of it; remove them")
		return
	}
	s.entry.values = append(s.entry.values, value{text, n})
}

func (s *scanner) fail(n int, key, msg string) {
	where := Error{Line: n, Key: key}
	if s.section != nil {
		where.Section = s.section.label()
	}
	s.problems.add(where, errors.New(msg))
}
