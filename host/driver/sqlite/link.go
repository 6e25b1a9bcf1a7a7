package sqlite

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"sync"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/table"
)

// link is one connection and what stops it.
type link struct {
	id string
	db *database

	mu      sync.Mutex
	running bool // a statement is in flight: it can be interrupted
	stopped bool // it was
	broken  bool // none is made any more
}

var (
	_ pin.Link    = (*link)(nil)
	_ pin.Stopper = (*link)(nil)
)

func (l *link) ID() string { return l.id }

// Ended returns nil: a file does not hang up.
func (l *link) Ended() <-chan struct{} { return nil }

// Break stops the statement in flight and refuses later ones.
func (l *link) Break() { l.stop(true) }

// Interrupt stops the statement in flight. A wait for a lock goes on until
// busy_timeout is over, however.
func (l *link) Interrupt(context.Context) error {
	l.stop(false)
	return nil
}

// End is Break: the connection is closed when the statement is back.
func (l *link) End(context.Context) error {
	l.stop(true)
	return nil
}

func (l *link) stop(forGood bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = l.broken || forGood
	if l.running {
		l.stopped = true
		l.db.interrupt()
	}
}

// begin reports whether a statement may be made.
func (l *link) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return false
	}
	l.running, l.stopped = true, false
	return true
}

func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = false
}

// interrupted reports whether the statement in flight has been stopped. SQLite
// forgets an interruption that comes before the first step.
func (l *link) interrupted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// Close closes the connection.
func (l *link) Close() { l.db.close() }

// Run makes one statement.
func (l *link) Run(query string, params []action.Value, over func()) action.Result {
	if !l.begin() {
		return pin.LostResult(errors.New("it was closed"))
	}
	defer l.end()
	s, tail, err := l.db.prepare(query)
	if err != nil {
		return failed(err)
	}
	if s == 0 { // nothing but blanks and comments
		return action.Result{State: action.Applied}
	}
	if !blank(tail) {
		_ = l.db.finalize(s)
		return action.Refuse(action.KindScript, "one statement at a time: there is text after the end of the first one")
	}
	if err := l.db.bind(s, params); err != nil {
		_ = l.db.finalize(s)
		return action.Refuse(action.KindScript, "%v", err)
	}
	columns := l.db.columns(s)
	t := table.New(columns, over)
	err = l.read(s, t, len(columns))
	// A write with rows (RETURNING) may be committed here only.
	if finalErr := l.db.finalize(s); err == nil {
		err = finalErr
	}
	switch {
	case err != nil && t.Fault() != nil:
		r := failed(err)
		r.Err = t.Fault() // the error is that of our own interruption
		return r
	case err != nil:
		return failed(err)
	case len(columns) == 0:
		return action.Result{State: action.Applied}
	}
	return t.Result(action.Applied)
}

func (l *link) read(s statement, t *table.Table, columns int) error {
	for {
		if l.interrupted() {
			return &failure{lib.SQLITE_INTERRUPT, "interrupted"}
		}
		more, err := l.db.step(s)
		if err != nil || !more {
			return err
		}
		row := make([]action.Value, columns)
		for i := range row {
			row[i] = l.db.value(s, i)
		}
		t.Add(row)
	}
}

// value returns a value of the current row. Values have a type of their own,
// whatever the column says, and there are five.
func (d *database) value(s statement, column int) action.Value {
	stmt, i := uintptr(s), int32(column)
	switch lib.Xsqlite3_column_type(d.tls, stmt, i) {
	case lib.SQLITE_INTEGER:
		return action.Int(lib.Xsqlite3_column_int64(d.tls, stmt, i))
	case lib.SQLITE_FLOAT:
		f := lib.Xsqlite3_column_double(d.tls, stmt, i)
		if math.IsInf(f, 0) { // there is no NaN
			return action.String(strconv.FormatFloat(f, 'g', -1, 64))
		}
		return action.Float(f)
	case lib.SQLITE_TEXT:
		text := lib.Xsqlite3_column_text(d.tls, stmt, i)
		return table.Text(libc.GoBytes(text, int(lib.Xsqlite3_column_bytes(d.tls, stmt, i))))
	case lib.SQLITE_BLOB:
		blob := lib.Xsqlite3_column_blob(d.tls, stmt, i)
		return action.Bytes(libc.GoBytes(blob, int(lib.Xsqlite3_column_bytes(d.tls, stmt, i))))
	}
	return action.Value{}
}

// blank reports whether there is nothing to be made in text: white space,
// semicolons and comments only.
func blank(text string) bool {
	for {
		text = strings.TrimLeft(text, " \t\r\n\f;")
		var found bool
		switch {
		case text == "":
			return true
		case strings.HasPrefix(text, "--"):
			_, text, found = strings.Cut(text, "\n")
		case strings.HasPrefix(text, "/*"):
			_, text, found = strings.Cut(text[2:], "*/")
		default:
			return false
		}
		if !found { // a comment may end with the text
			return true
		}
	}
}
