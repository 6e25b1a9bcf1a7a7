package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a configuration.
type Error struct {
	File string
	// Line counts from 1. It is 0 if the mistake is not in a line: the file is
	// missing, say, or may be written by anybody.
	Line int
	// Section is the header without its brackets: workload "orders". Section and
	// Key are empty where the mistake belongs to none, or where what was written
	// in their place must not be repeated because it could be a secret.
	Section, Key string
	// Msg says what is wrong and what to do.
	Msg string

	err error
}

// Error returns "FILE:LINE: [section] key: what is wrong; what to do", without
// the parts that are not known. It is a single line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.File != "" {
		b.WriteString(": ")
	}
	if e.Section != "" {
		fmt.Fprintf(&b, "[%s] ", e.Section)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "%s: ", e.Key)
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Unwrap returns what is behind e, or nil: the error of the operating system, such as
// [io/fs.ErrNotExist], an [AzureError], or both.
func (e *Error) Unwrap() error { return e.err }

// A file that is no configuration at all must fill neither the screen nor the memory.
const (
	maxShown    = 20
	maxProblems = 1000
)

// problems collects the mistakes of one file.
type problems struct {
	file string
	all  []*Error
	more int // not kept
}

// add notes a mistake; where says in which line and section, and what is its
// message. If what is an *Error itself, that of another file, it is shown whole.
func (p *problems) add(where Error, what error) {
	if len(p.all) == maxProblems {
		p.more++
		return
	}
	where.File, where.Msg = p.file, what.Error()
	if inner, ok := errors.AsType[*Error](what); ok && inner.err != nil {
		where.err = inner.err
	}
	p.all = append(p.all, &where)
}

// err returns everything noted in the order of the lines, or nil. Each error of
// the tree is an *Error.
func (p *problems) err() error {
	slices.SortStableFunc(p.all, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	all := p.all
	if len(all) > maxShown {
		more := fmt.Sprintf("%d more errors from here on; correct the first ones", len(all)-maxShown+p.more)
		all = append(slices.Clone(all[:maxShown]), &Error{File: p.file, Line: all[maxShown].Line, Msg: more})
	}
	if len(all) == 1 {
		return all[0]
	}
	errs := make([]error, len(all))
	for i, e := range all {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// show quotes a value for an error text, shortened, unless it looks like a place
// where a password could be.
func show(text string) string {
	const most = 40
	if strings.Contains(text, "://") || strings.Contains(text, "@") {
		return "the value"
	}
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}
