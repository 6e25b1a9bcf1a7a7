package config

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// optionGroups are those that the clients of MySQL and MariaDB read.
var optionGroups = []string{"client", "mysql", "client-server", "client-mariadb", "mariadb-client"}

// maxIncludes is how deep option files may include each other; it is the clients' limit.
const maxIncludes = 10

// maxOptionFiles is how many files may be read in all. The clients know no such limit: it
// is their user's own time. Here ten levels of a few lines each would keep everybody
// else's databases waiting.
const maxOptionFiles = 200

// optionFiles reads option files of MySQL's clients.
type optionFiles struct {
	client client
	groups []string
	count  int // of the files so far
	// set is called with each option of the groups. has is false if there is no = .
	set func(o fileOption) error
}

// fileOption is one option as it stands in a file.
type fileOption struct {
	file        string
	line        int
	name, value string
	has         bool
}

// read reads the file name, which must be there, and those that it includes.
func (f *optionFiles) read(name string, depth int) error {
	text, _, err := f.client.files.read(name)
	if err != nil {
		return err
	}
	return f.parse(name, string(text), depth)
}

// readIfThere reads the file name as the client does, which goes on without it.
func (f *optionFiles) readIfThere(name string, depth int) error {
	text, _, err := optional(f.client.files.read(name))
	if err != nil {
		return err
	}
	return f.parse(name, string(text), depth)
}

// parse reads text, that of the file name. No error repeats a part of it.
func (f *optionFiles) parse(name, text string, depth int) error {
	if f.count++; f.count > maxOptionFiles {
		return fmt.Errorf("more than %d files are included in all; remove this file or lines that begin with !include", maxOptionFiles)
	}
	group := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		var err error
		switch {
		case line == "", line[0] == '#', line[0] == ';':
		case line[0] == '!':
			err = f.include(line, depth)
		case line[0] == '[':
			group, err = groupOf(line)
		case group == "":
			err = errors.New("there is an option before the first [group]; put it below one")
		case slices.Contains(f.groups, group):
			err = f.set(optionOf(name, i+1, line))
		}
		if err != nil {
			return inFile(name, i+1, err)
		}
	}
	return nil
}

func groupOf(line string) (string, error) {
	group, _, closed := strings.Cut(line[1:], "]")
	if group = strings.TrimSpace(group); !closed || group == "" {
		return "", errors.New("this is not a group; write [client]")
	}
	return group, nil
}

// include follows !include FILE and !includedir FOLDER.
func (f *optionFiles) include(line string, depth int) error {
	if depth == maxIncludes {
		return fmt.Errorf("files include each other more than %d deep; remove this line", maxIncludes)
	}
	word, name := line, ""
	if i := strings.IndexAny(line, " \t"); i > 0 {
		word, name = line[:i], strings.TrimSpace(line[i:])
	}
	name, err := f.client.absolute(name)
	if err != nil {
		return err
	}
	switch word {
	case "!include":
		return f.readIfThere(name, depth+1)
	case "!includedir":
		return f.includeDir(name, depth)
	}
	return errors.New("a line begins with ! and is neither !include nor !includedir; remove it")
}

func (f *optionFiles) includeDir(dir string, depth int) error {
	names, err := f.client.files.list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".cnf") {
			continue
		}
		if err := f.readIfThere(path.Join(dir, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// optionOf reads one line: a comment may end it, a value may be in quotes, and \ is
// an escape in both.
func optionOf(file string, n int, line string) fileOption {
	line = line[:endOfOption(line)]
	name, value, has := strings.Cut(line, "=")
	o := fileOption{file: file, line: n, name: optionName(strings.TrimSpace(name)), has: has}
	value = strings.TrimSpace(value)
	if last := len(value) - 1; last > 0 && value[0] == value[last] && (value[0] == '"' || value[0] == '\'') {
		value = value[1:last]
	}
	o.value = unescapeOption(value)
	return o
}

// endOfOption returns where the comment begins.
func endOfOption(line string) int {
	var quote byte
	escaped := false
	for i := range len(line) {
		c := line[i]
		if (c == '"' || c == '\'') && !escaped {
			switch quote {
			case 0:
				quote = c
			case c:
				quote = 0
			}
		}
		if quote == 0 && c == '#' {
			return i
		}
		escaped = quote != 0 && c == '\\' && !escaped
	}
	return len(line)
}

var optionEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 's': ' ', '"': '"', '\'': '\'', '\\': '\\'}

func unescapeOption(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i == len(text)-1 {
			b.WriteByte(text[i])
			continue
		}
		i++
		if c, ok := optionEscapes[text[i]]; ok {
			b.WriteByte(c)
			continue
		}
		b.WriteString(text[i-1 : i+1])
	}
	return b.String()
}

// optionName is the form of a name that all its spellings share.
func optionName(name string) string {
	return strings.TrimPrefix(strings.ReplaceAll(name, "_", "-"), "loose-")
}
