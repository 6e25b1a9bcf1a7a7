package config

import "strings"

// settingLines are those of the [settings] sections by name, and which were asked for.
type settingLines struct {
	texts map[string][]Setting
	used  map[string]bool
}

func (l *loader) settingLines(sections []*section) settingLines {
	t := settingLines{texts: map[string][]Setting{}, used: map[string]bool{}}
	for _, sec := range sections {
		if sec.kind == settingsSection && !sec.bad {
			t.texts[sec.name] = l.settings(sec)
		}
	}
	return t
}

func (t settingLines) of(name string) []Setting {
	t.used[name] = true
	return t.texts[name]
}

// claim says that sections whose names begin so are of use, whatever they are.
func (t settingLines) claim(prefix string) {
	for name := range t.texts {
		t.used[name] = t.used[name] || strings.HasPrefix(name, prefix)
	}
}

// settings returns the lines of a [settings] section. An empty text is legal:
// the script may declare a string or a list.
func (l *loader) settings(sec *section) []Setting {
	var settings []Setting
	for _, e := range sec.entries {
		if len(e.values) > 1 {
			l.fail(sec, e, e.values[1].line, errContinued)
		}
		if len(e.values) > 0 {
			settings = append(settings, Setting{Key: e.key, Text: e.values[0].text, Line: e.line})
		}
	}
	return settings
}
