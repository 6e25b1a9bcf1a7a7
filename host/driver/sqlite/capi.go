package sqlite

import (
	"fmt"
	"strings"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/starhost/starhost/action"
)

// The C interface of SQLite, as far as it is used. It is called directly, not
// through the library's database/sql driver, which makes every statement of a text
// at once, turns texts in columns declared as DATE into times, and stops looking at
// a context after the first row.

// database is one connection. It is for one goroutine, but for interrupt.
type database struct {
	tls *libc.TLS
	db  uintptr // sqlite3*
}

// failure is a result code with its message.
type failure struct {
	code    int // extended
	message string
}

func (f *failure) Error() string { return fmt.Sprintf("%d: %s", f.code, f.message) }

// openFile opens an existing file.
func openFile(path string, busy int) (*database, error) {
	d := &database{tls: libc.NewTLS()}
	name, err := libc.CString(path)
	if err != nil {
		d.close()
		return nil, err
	}
	defer libc.Xfree(d.tls, name)
	out := lib.Xsqlite3_malloc(d.tls, wordSize)
	defer lib.Xsqlite3_free(d.tls, out)
	const flags = lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_FULLMUTEX | lib.SQLITE_OPEN_EXRESCODE
	rc := lib.Xsqlite3_open_v2(d.tls, name, out, flags, 0)
	d.db = libc.AtomicLoadPUintptr(out) // there is one after a failure too
	if err := d.check(rc); err != nil {
		d.close()
		return nil, err
	}
	lib.Xsqlite3_busy_timeout(d.tls, d.db, int32(busy))
	return d, nil
}

// wordSize is room for a pointer on any machine.
const wordSize = 8

func (d *database) check(rc int32) error {
	if rc == lib.SQLITE_OK {
		return nil
	}
	message := lib.Xsqlite3_errstr(d.tls, rc)
	if d.db != 0 && lib.Xsqlite3_extended_errcode(d.tls, d.db) == rc {
		message = lib.Xsqlite3_errmsg(d.tls, d.db)
	}
	return &failure{int(rc), libc.GoString(message)}
}

// close closes the connection, which rolls back and gives back its locks.
func (d *database) close() {
	if d.db != 0 {
		lib.Xsqlite3_close_v2(d.tls, d.db)
		d.db = 0
	}
	d.tls.Close()
}

// interrupt makes the statement in flight fail. It may be called from any
// goroutine while the connection is open; d.tls belongs to the other one.
func (d *database) interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	lib.Xsqlite3_interrupt(tls, d.db)
}

// statement is a compiled statement; 0 if the text has none.
type statement uintptr

// prepare compiles the first statement of query and returns the text after it.
func (d *database) prepare(query string) (s statement, tail string, err error) {
	text, err := libc.CString(query)
	if err != nil {
		return 0, "", err
	}
	defer libc.Xfree(d.tls, text)
	out := lib.Xsqlite3_malloc(d.tls, 2*wordSize)
	defer lib.Xsqlite3_free(d.tls, out)
	rc := lib.Xsqlite3_prepare_v2(d.tls, d.db, text, int32(len(query)), out, out+wordSize)
	if err := d.check(rc); err != nil {
		return 0, "", err
	}
	end := libc.AtomicLoadPUintptr(out+wordSize) - text
	return statement(libc.AtomicLoadPUintptr(out)), query[end:], nil
}

// finalize frees a statement; it repeats the error of the last step.
func (d *database) finalize(s statement) error {
	return d.check(lib.Xsqlite3_finalize(d.tls, uintptr(s)))
}

// step computes the next row and reports whether there is one.
func (d *database) step(s statement) (bool, error) {
	switch rc := lib.Xsqlite3_step(d.tls, uintptr(s)); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, d.check(rc)
	}
}

// bind sets the parameters, which are of the kinds that package pin lets through.
func (d *database) bind(s statement, params []action.Value) error {
	if want := int(lib.Xsqlite3_bind_parameter_count(d.tls, uintptr(s))); want != len(params) {
		return fmt.Errorf("the statement wants %d parameters, got %d", want, len(params))
	}
	for i, p := range params {
		if err := d.bindOne(uintptr(s), int32(i+1), p); err != nil {
			return fmt.Errorf("parameter %d: %w", i+1, err)
		}
	}
	return nil
}

func (d *database) bindOne(s uintptr, i int32, p action.Value) error {
	switch p.Kind() {
	case action.BoolKind:
		n := int64(0)
		if p.AsBool() {
			n = 1
		}
		return d.check(lib.Xsqlite3_bind_int64(d.tls, s, i, n))
	case action.IntKind:
		n, ok := p.AsInt()
		if !ok {
			return fmt.Errorf("%s is larger than SQLite's integers", p)
		}
		return d.check(lib.Xsqlite3_bind_int64(d.tls, s, i, n))
	case action.FloatKind:
		f, _ := p.AsFloat()
		return d.check(lib.Xsqlite3_bind_double(d.tls, s, i, f))
	case action.StringKind, action.BytesKind:
		text, err := libc.CString(p.Text())
		if err != nil {
			return err
		}
		defer libc.Xfree(d.tls, text) // transient: SQLite makes a copy
		if p.Kind() == action.StringKind {
			return d.check(lib.Xsqlite3_bind_text(d.tls, s, i, text, int32(len(p.Text())), lib.SQLITE_TRANSIENT))
		}
		return d.check(lib.Xsqlite3_bind_blob(d.tls, s, i, text, int32(len(p.Text())), lib.SQLITE_TRANSIENT))
	}
	return nil // NULL is what a parameter is before it is bound
}

func (d *database) columns(s statement) []string {
	names := make([]string, lib.Xsqlite3_column_count(d.tls, uintptr(s)))
	for i := range names {
		names[i] = strings.Clone(libc.GoString(lib.Xsqlite3_column_name(d.tls, uintptr(s), int32(i))))
	}
	return names
}
