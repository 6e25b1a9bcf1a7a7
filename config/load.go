package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/starhost/starhost/internal/asuser"
)

// Load reads the configuration at path and the secrets that it names. Its error
// is one *[Error], or several joined as [errors.Join] does; with an error there
// is no File.
func Load(path string) (*File, error) { return LoadWith(path, "") }

// load reads workload.conf alone.
func load(full string) (*File, error) {
	text, mode, err := readFile(full, ReadOptions{})
	if err != nil {
		return nil, err
	}
	f, err := parse(full, text, mode, theMachine)
	if err != nil {
		return nil, err
	}
	return f, f.findPairs()
}

// machine is what a configuration leads to: files, users of the machine.
type machine struct {
	readSecret func(path string, rest restRule) (Secret, error)
	// lookup returns a user; of no name it is whoever runs this process.
	lookup func(name string) (asuser.User, error)
	// files are those that a user can read.
	files func(user asuser.User) clientFiles
	// oratab reads an oratab for a user.
	oratab func(user asuser.User, path string) ([]byte, fileTrust, error)
	// checkClient looks at the sqlplus of a home that a user is to run.
	checkClient func(user asuser.User, home string, trust fileTrust) error
}

// theMachine is the one that this process runs on. It is never written to.
var theMachine = machine{
	readSecret: readSecret,
	lookup: func(name string) (asuser.User, error) {
		if name == "" {
			return asuser.Current()
		}
		return asuser.Lookup(name)
	},
	files:       func(user asuser.User) clientFiles { return userFiles{user} },
	oratab:      machineOratab,
	checkClient: machineClient,
}

// loader builds a File from its sections.
type loader struct {
	problems
	machine
	mode     fs.FileMode // permissions of the file
	warnings []string
}

// parse reads text, the content of the file path with that mode. It opens nothing but
// by m.
func parse(path string, text []byte, mode fs.FileMode, m machine) (*File, error) {
	l := &loader{problems: problems{file: path}, mode: mode, machine: m}
	sections := scan(text, &l.problems)
	f := &File{Path: path}
	lines := l.settingLines(sections)
	for _, sec := range sections {
		if sec.kind == workloadSection && !sec.bad {
			f.Workloads = append(f.Workloads, l.workload(sec).workloads(lines)...)
		}
	}
	l.distinct(f.Workloads)
	for _, sec := range sections {
		if sec.kind == settingsSection && !sec.bad && !lines.used[sec.name] {
			l.fail(sec, nil, sec.line, fmt.Errorf("there is no workload %q that these settings are for; correct the name or add the workload", sec.name))
		}
	}
	if len(f.Workloads) == 0 && len(l.all) == 0 {
		l.add(Error{Line: 1}, errors.New("there is no [workload] section; add one with workload_name, say, mysql"))
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	l.warnReadable(f)
	f.Warnings = l.warnings
	return f, nil
}

// distinct makes sure that no instance has the name of another workload.
func (l *loader) distinct(workloads []Workload) {
	lines := map[string]int{}
	for _, w := range workloads {
		if first := lines[w.Name]; first > 0 {
			l.add(Error{Line: w.Line, Section: sectionLabel(workloadSection, w.Section)},
				fmt.Errorf("the workload %s is that of line %d too; give one of the sections another name", w.Name, first))
		}
		lines[w.Name] = w.Line
	}
}

// fail notes err for an entry of sec, or for the section itself if e is nil.
func (l *loader) fail(sec *section, e *entry, line int, err error) {
	where := Error{Line: line, Section: sec.label()}
	if e != nil {
		where.Key = e.key
	}
	l.add(where, err)
}

func (l *loader) warn(sec *section, key, msg string) {
	w := Error{File: l.file, Line: sec.keys[key], Section: sec.label(), Key: key, Msg: msg}
	l.warnings = append(l.warnings, w.Error())
}

// warnReadable warns of a configuration that others can read, although it holds
// no secret: the next password that somebody writes into it would be an error.
func (l *loader) warnReadable(f *File) {
	if l.mode&0o044 != 0 {
		w := Error{File: f.Path, Msg: fmt.Sprintf("others can read the file (mode %04o), which holds no password now; chmod 600 %s", l.mode, f.Path)}
		l.warnings = append(l.warnings, w.Error())
	}
}

var errContinued = errors.New("an indented line continues the value above it, which is no list of lines; remove the indentation")

// build is one workload while it is being read.
type build struct {
	*loader
	Workload
	urlPassword  bool
	filePassword Secret
	freezeSet    bool // fs_freeze has had a line
	azure        azure
	credPassword bool // credString holds the password
	section      *section
	instances    []string
	local        *local // nil if there is a connection
}

// workload reads one section. Whatever is wrong is noted; the result is of use
// only if nothing was.
func (l *loader) workload(sec *section) *build {
	b := &build{loader: l, section: sec, Workload: Workload{
		Name: sec.name, Section: sec.name,
		Timeout:          90 * time.Second,
		PrescriptTimeout: 60 * time.Second, PostscriptTimeout: 60 * time.Second,
		FreezeTimeout: 10 * time.Second,
		Require:       Application,
		FSFreeze:      FSFreeze{Mode: FreezeAuto},
		Isolation:     IsolationAvailable,
		File:          l.file, Line: sec.line,
	}}
	for _, e := range sec.entries {
		b.entry(sec, e)
	}
	b.finish(sec)
	return b
}

func (b *build) entry(sec *section, e *entry) {
	k, err := findKey(e.key)
	if err != nil {
		b.fail(sec, e, e.line, err)
		return
	}
	set := false
	for i, v := range e.values {
		switch {
		case v.text == "": // the list begins in the next line, or there is no value
			continue
		case i > 0 && !k.lines:
			b.fail(sec, e, v.line, errContinued)
			return
		}
		set = true
		if err := k.set(b, v.text); err != nil {
			b.fail(sec, e, v.line, err)
		}
	}
	if !set && len(e.values) > 0 && !slices.Contains(templateKeys, e.key) {
		b.fail(sec, e, e.line, errors.New("there is no value; write one, or remove the line to get the default"))
	}
}

// finish makes the checks that look at more than one key.
func (b *build) finish(sec *section) {
	at := func(key string) *entry { return &entry{key: key, line: sec.keys[key]} }
	refuse := func(key, msg string) { b.fail(sec, at(key), sec.keys[key], errors.New(msg)) }
	if sec.keys["workload_name"] == 0 {
		b.fail(sec, &entry{key: "workload_name"}, sec.line, errors.New("the key is missing; add it with the name of a bundled script, such as mysql"))
	}
	b.finishAzure(sec)
	switch hasFile := sec.keys["password_file"] > 0; {
	case b.credPassword && hasFile:
		refuse("password_file", "credString holds a password already; remove one of the two")
	case b.credPassword && b.mode&0o077 != 0:
		refuse("credString", fmt.Sprintf("it holds a password and others have access to the file (mode %04o); chmod 600 %s, or use password_file", b.mode, b.file))
	case b.urlPassword && hasFile:
		refuse("password_file", "the connection holds a password already; remove one of the two")
	case b.urlPassword && b.mode&0o077 != 0:
		refuse("connection", fmt.Sprintf("it holds a password and others have access to the file (mode %04o); chmod 600 %s, or use password_file", b.mode, b.file))
	case hasFile && sec.keys["connection"] == 0 && b.azure.credString == "" && b.Connection.IsZero():
		refuse("password_file", "there is no connection that the password is for; add connection or remove the line")
	case hasFile && b.Connection.Driver == SQLite:
		refuse("password_file", "an SQLite file has no password; remove the line")
	case hasFile:
		b.Connection.Password = b.filePassword
	}
	if b.UndoTimeout > 0 && b.UndoTimeout >= b.Timeout {
		refuse("undo_timeout", fmt.Sprintf("it leaves nothing of timeout (%d s) for anything else; make it shorter, or timeout longer", b.Timeout/time.Second))
	}
	if b.Timeout < 60*time.Second {
		b.warn(sec, "timeout", fmt.Sprintf("%d s is short for a snapshot, after which everything is undone; 60 or more is usual", b.Timeout/time.Second))
	}
}

// restRule says what becomes of the lines after the first one of a secret's file.
type restRule int

const (
	ignoreRest restRule = iota
	refuseRest
)

// readSecret reads the first line of the file path.
func readSecret(path string, rest restRule) (Secret, error) {
	if !filepath.IsAbs(path) {
		// Not shown: it may be the password itself, written in the wrong place.
		return Secret{}, errors.New("the value is not an absolute path; give the path of a file that holds the secret")
	}
	data, err := ReadFile(path, ReadOptions{Secret: true})
	if err != nil {
		return Secret{}, err
	}
	text, err := firstLine(path, string(data), rest)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", path, err)
	}
	return NewSecret(text), nil
}

// firstLine returns the first line of text, the content of the file path, which must be
// something that one can type.
func firstLine(path, text string, rest restRule) (string, error) {
	line, more, _ := strings.Cut(text, "\n")
	switch {
	case strings.HasSuffix(line, "\r"):
		return "", fmt.Errorf(`the line ends with a carriage return; convert the file with: sed -i 's/\r$//' %s`, path)
	case line == "":
		return "", errors.New("the first line is empty; write the secret there")
	case !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl):
		return "", errors.New("the first line is not text; write the secret there, in UTF-8")
	case rest == refuseRest && more != "":
		return "", errors.New("there is more than one line; a secret is one line")
	}
	return line, nil
}
