// Package table collects the rows of a result and bounds them.
package table

import (
	"fmt"
	"unicode/utf8"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver"
)

// A Table is the result of one statement, as far as it was read. It is for one
// goroutine.
type Table struct {
	rows  *action.Rows
	count int // rows, those that were not kept too
	size  int // of the rows kept, encoded as a list of dicts
	fault *action.Fault
	over  func()
}

// New returns an empty table, which calls over once if it is given too many rows:
// then the server is to be stopped. Two columns of one name are its fault: a
// script sees a row as a dict.
func New(columns []string, over func()) *Table {
	t := &Table{rows: &action.Rows{Columns: columns, Rows: [][]action.Value{}}, over: over}
	seen := make(map[string]bool, len(columns))
	for _, name := range columns {
		if seen[name] {
			t.refuse("the result has two columns named %q: give it an alias (SELECT a.x AS a_x, b.x AS b_x)", name)
			break
		}
		seen[name] = true
	}
	return t
}

// Add appends a row, which it keeps, unless the table has a fault.
func (t *Table) Add(row []action.Value) {
	t.count++
	if t.count > driver.MaxRows {
		t.refuse("the result has more than %d rows: ask for fewer, with LIMIT", driver.MaxRows)
		t.stop()
	}
	if t.fault != nil {
		return
	}
	for i, v := range row {
		text, err := v.MarshalJSON()
		t.size += len(text) + len(t.rows.Columns[i]) + len(`"":,`)
		if err != nil || t.size > driver.MaxBytes {
			t.refuse("the result is larger than %d bytes: ask for fewer columns or rows", driver.MaxBytes)
			t.stop()
			return
		}
	}
	t.rows.Rows = append(t.rows.Rows, row)
}

// refuse sets the fault; the first one stays.
func (t *Table) refuse(format string, args ...any) {
	if t.fault == nil {
		t.rows.Rows = nil
		t.fault = &action.Fault{Kind: action.KindScript, Message: fmt.Sprintf(format, args...)}
	}
}

func (t *Table) stop() {
	if t.over != nil {
		t.over()
		t.over = nil
	}
}

// Result returns the rows, or the fault if they cannot be used.
func (t *Table) Result(state action.State) action.Result {
	if t.fault != nil {
		return action.Result{State: state, Err: t.fault}
	}
	return action.Result{State: state, Rows: t.rows}
}

// Fault returns why the rows cannot be used; nil if they can.
func (t *Table) Fault() *action.Fault { return t.fault }

// Text returns a string, or bytes if text is not UTF-8: a string would be
// altered where it is recorded as JSON.
func Text(text []byte) action.Value {
	if utf8.Valid(text) {
		return action.String(string(text))
	}
	return action.Bytes(text)
}
