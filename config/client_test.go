package config

import (
	"io/fs"
	"maps"
	"path"
	"slices"
)

// mapFiles are the files of a machine that is not there. A text that begins with
// "mode NNNN\n" has that mode, others 0600; "socket" is one.
type mapFiles map[string]string

func (m mapFiles) read(name string) ([]byte, fs.FileMode, error) {
	text, found := m[name]
	if !found {
		return nil, 0, osError(name, fs.ErrNotExist)
	}
	if len(text) > 10 && text[:5] == "mode " {
		mode := fs.FileMode(0)
		for _, digit := range text[5:9] {
			mode = mode<<3 | fs.FileMode(digit-'0')
		}
		return []byte(text[10:]), mode, nil
	}
	return []byte(text), 0o600, nil
}

func (m mapFiles) list(dir string) (names []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

func (m mapFiles) is(name string, kind fs.FileMode) bool {
	text, found := m[name]
	return found && (text == "socket") == (kind == fs.ModeSocket)
}
