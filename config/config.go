// Package config reads workload.conf, the file that says which databases to
// quiesce, with which script and within which limits.
//
// Nothing is guessed, defaulted over or ignored: a mistake in the file is an
// error that names file, line, section and key, never a weaker snapshot. All
// mistakes are reported at once. No error or warning contains a secret or a
// value that could be one.
//
// # Syntax
//
// UTF-8 text with LF line ends, at most [MaxFileSize] bytes. Blank lines, and
// lines whose first character is # or ;, are skipped; there are no comments at
// the end of a line. A section begins with [kind] or [kind "name"], a setting is
// "key = value", and a value is taken as it stands without the blanks around it:
// no quotes, escapes, interpolation of % or $, or continuation by a backslash.
// Keys that are lists (exec_as, fs_freeze) may go on over indented lines. It is
// the INI dialect of Python's configparser without the parts that surprise, read
// by a scanner of its own: common INI libraries merge duplicates, strip quotes,
// quote lines (and so passwords) in their errors and do not know line numbers.
//
// # Ownership and concurrency
//
// Load reads the file and the secrets it names once and keeps nothing open. The
// result is plain data: it belongs to the caller and may be shared between
// goroutines that do not write to it. Who may own, write and read these files is
// the business of [ReadFile].
package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// Verdicts that a workload can require, from best to worst.
const (
	Application = "application" // the database was quiesced for the whole snapshot
	Filesystem  = "filesystem"  // only the filesystems were frozen
	Crash       = "crash"       // as after a power cut
)

// Modes of [FSFreeze]: who freezes the filesystems.
const (
	FreezeAuto     = "auto"     // starhost freezes what the script names
	FreezeSnapshot = "snapshot" // the snapshot tool is atomic and syncs
	FreezeCaller   = "caller"   // whoever calls starhost does it
	FreezeOff      = "off"      // nobody
	FreezeList     = "list"     // starhost freezes FSFreeze.Mounts
)

// Modes of Workload.Isolation.
const (
	IsolationAvailable = "available" // as much of the sandbox as this machine has
	IsolationFull      = "full"      // refuse to run with less than all of it
)

// File is one configuration that was read without an error.
type File struct {
	// Path is the absolute path of workload.conf, which need not be there if
	// PluginConfig is set.
	Path string
	// PluginConfig is the absolute path of the VMSnapshotScriptPluginConfig.json that
	// the workload [Classic] is from. Empty: there is none.
	PluginConfig string
	// Workloads are in the order of the file; there is at least one. That of
	// PluginConfig is the last.
	Workloads []Workload
	// Warnings are lines for people, of the form of [Error].
	Warnings []string
}

// Workload is one database to protect.
type Workload struct {
	// Section is NAME of [workload "NAME"], or "workload" for [workload].
	Section string
	// Name is unique within the file: Section, or Section.INSTANCE if the section stands
	// for the instances of a product on this machine.
	Name string
	// Script is workload_name, the name of a bundled script. Whether there is
	// one of that name is not checked here.
	Script string
	// ScriptPath is the absolute path of a script to run in place of the bundled
	// one, or empty. The file has not been opened yet.
	ScriptPath string
	// Connection is how to reach the server. Its IsZero is true if there is none.
	Connection Connection
	// Secrets are the texts of the secret.NAME files by NAME.
	Secrets map[string]Secret

	// Timeout bounds how long anything stays held, undo included. The timeouts
	// of the phases and of the filesystem freeze are limits of their own; the
	// run caps them by what is left of Timeout.
	Timeout, PrescriptTimeout, PostscriptTimeout, FreezeTimeout time.Duration
	// UndoTimeout is the part of Timeout that is kept for the undo; 0 is the usual one.
	UndoTimeout time.Duration
	// Retries of a failed prescript after it has been undone; 0 is none.
	Retries int
	// Order is when its turn comes among the workloads of a run: lower ones are
	// quiesced first and go back to work last, equal ones at the same time.
	Order int
	// Require is the lowest verdict that is a success: [Application],
	// [Filesystem] or [Crash].
	Require string
	// NoFallback makes a failed prescript the end of the run, although Require asks for
	// less than [Application]: whoever takes the snapshot must hear of it. It is set for
	// the workload [Classic].
	NoFallback bool
	// ContinueOnFailure is continueBackupOnFailure: whoever takes the snapshot may take
	// it although a script failed. It changes nothing in a run.
	ContinueOnFailure bool
	// FSFreeze says who freezes which filesystems.
	FSFreeze FSFreeze
	// ExecAs are the programs that a script may start.
	ExecAs []ExecRule
	// Isolation is [IsolationAvailable] or [IsolationFull].
	Isolation string

	// LinuxUser, CommandPath and IPCFolder are handed to the script as they are;
	// the two paths are absolute. Empty means not set.
	LinuxUser, CommandPath, IPCFolder string
	// Settings are the lines of the [settings] section of this workload. Only
	// the script knows their types: see the function [Settings].
	Settings []Setting
	// Params become entries of ctx.params; a dict, or None.
	Params action.Value

	// File and Line are where the section begins.
	File string
	Line int
}

// FSFreeze says who freezes the filesystems. Mounts is set, absolute and without
// duplicates, if and only if Mode is [FreezeList].
type FSFreeze struct {
	Mode   string
	Mounts []string
}

// ExecRule allows a script to run the program with the absolute path Path as the
// user User of this machine.
type ExecRule struct {
	User, Path string
}

// Setting is one line of a [settings] section: what was written, not yet typed. A
// setting that is not from there has a Value of its type in place of Text.
type Setting struct {
	Key, Text string
	Line      int
	Value     action.Value
}

// Named returns the names of workloads that these names stand for: that of a section is
// all its instances. What is in no section stays as it is.
func (f *File) Named(names []string) []string {
	var all []string
	for _, name := range names {
		found := false
		for _, w := range f.Workloads {
			if w.Section == name && w.Name != name {
				all, found = append(all, w.Name), true
			}
		}
		if !found {
			all = append(all, name)
		}
	}
	return all
}

// Select returns the workloads of these names, in the order asked for, the instances of
// a section by its name; no name at all means every workload. A name that is unknown or
// given twice is an error.
func (f *File) Select(names []string) ([]Workload, error) {
	if len(names) == 0 {
		return slices.Clone(f.Workloads), nil
	}
	names = f.Named(names)
	selected := make([]Workload, 0, len(names))
	for i, name := range names {
		at := slices.IndexFunc(f.Workloads, func(w Workload) bool { return w.Name == name })
		if at < 0 {
			return nil, &Error{File: f.source(), Msg: fmt.Sprintf("there is no workload %q; the file has %s", name, f.names())}
		}
		if slices.Contains(names[:i], name) {
			return nil, &Error{File: f.source(), Msg: fmt.Sprintf("workload %q is given twice; name it once", name)}
		}
		selected = append(selected, f.Workloads[at])
	}
	return selected, nil
}

// source is the file that people know the workloads from.
func (f *File) source() string {
	if len(f.Workloads) == 1 {
		return f.Workloads[0].File
	}
	return f.Path
}

func (f *File) names() string {
	names := make([]string, len(f.Workloads))
	for i, w := range f.Workloads {
		names[i] = w.Name
	}
	return strings.Join(names, ", ")
}

// Secrets returns the text of every secret of the file, sorted and without
// duplicates, so that a log writer can blot them out. Take care of the result.
func (f *File) Secrets() []string {
	var texts []string
	for _, w := range f.Workloads {
		texts = append(texts, w.Connection.Password.Reveal())
		for _, s := range w.Secrets {
			texts = append(texts, s.Reveal())
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
