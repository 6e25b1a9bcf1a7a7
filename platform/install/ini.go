package install

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/starhost/starhost/platform"
)

// iniLine is one line of an INI file of somebody else: a header, a setting, or neither.
type iniLine struct {
	section    string // in which it is
	header     bool
	key, value string
}

// scanINI reads a file as GLib, Go and Python do where they agree. A setting of Python's
// may have : for =.
func scanINI(text string, separators string) []iniLine {
	var lines []iniLine
	section := ""
	for raw := range strings.SplitAfterSeq(text, "\n") {
		line := strings.TrimSpace(raw)
		l := iniLine{section: section}
		switch at := strings.IndexAny(line, separators); {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = strings.TrimSpace(line[1 : len(line)-1])
			l.section, l.header = section, true
		case at > 0:
			l.key, l.value = strings.TrimSpace(line[:at]), strings.TrimSpace(line[at+1:])
		}
		lines = append(lines, l)
	}
	return lines
}

// value returns the last value of a key, as Python takes it: keys in any letters.
func value(lines []iniLine, section, key string) (text string) {
	for _, l := range lines {
		if l.section == section && strings.EqualFold(l.key, key) {
			text = l.value
		}
	}
	return text
}

// setKey returns the text with a setting added at the end of its section, unless it is
// there. Another value is a problem: it is somebody else's.
func setKey(text string, put platform.Put, want string) (edited, problem string) {
	lines := scanINI(text, "=")
	found, last := false, -1
	for i, l := range lines {
		inside := l.section == put.Section
		switch {
		case l.key == put.Key && inside && !enough(l.value, want, put.Least):
			return text, fmt.Sprintf("has %s = %s in [%s], want %s; if nobody needs that, correct the line or remove it, then try again", l.key, l.value, l.section, want)
		case l.key == put.Key && inside:
			found = true
		case strings.EqualFold(l.key, put.Key) && strings.EqualFold(l.section, put.Section):
			return text, fmt.Sprintf("has %s in [%s], in other letters than %s in [%s]; correct the line or remove it, then try again", l.key, l.section, put.Key, put.Section)
		}
		if inside && (l.header || l.key != "") {
			last = i
		}
	}
	if found {
		return text, ""
	}
	setting := put.Key + "=" + want + "\n"
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if last < 0 {
		if text != "" {
			text += "\n"
		}
		return text + "[" + put.Section + "]\n" + setting, ""
	}
	raw := strings.SplitAfter(text, "\n")
	return strings.Join(raw[:last+1], "") + setting + strings.Join(raw[last+1:], ""), ""
}

// enough reports whether a value will do.
func enough(have, want string, least int) bool {
	n, err := strconv.Atoi(have)
	return have == want || least > 0 && err == nil && n >= least
}
