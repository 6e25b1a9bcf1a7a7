package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/sock"
	"github.com/starhost/starhost/host/driver/internal/table"
)

// link is one connection. Its fields are not written to after Dial.
type link struct {
	id    string
	conn  sqldriver.Conn
	query sqldriver.QueryerContext
	sock  *sock.Conn
}

var _ pin.Link = (*link)(nil)

func (l *link) ID() string             { return l.id }
func (l *link) Break()                 { _ = l.sock.Close() }
func (l *link) Ended() <-chan struct{} { return l.sock.Ended() }

// Close says goodbye, so that the server does not count an aborted connection.
func (l *link) Close() {
	_ = l.sock.SetDeadline(time.Now().Add(quitGrace))
	_ = l.conn.Close()
	_ = l.sock.Close()
}

// quitGrace bounds the write of the goodbye, which a full socket could block.
const quitGrace = 20 * time.Millisecond

// Run makes one statement. Whether it has rows is for the server to say: the
// library's query is right for statements without a result set too.
func (l *link) Run(query string, params []action.Value, over func()) action.Result {
	rows, err := l.query.QueryContext(context.Background(), query, arguments(params))
	if err != nil {
		return failed(query, err, false)
	}
	columns := rows.Columns()
	if len(columns) == 0 {
		if err := rows.Close(); err != nil {
			return failed(query, err, true)
		}
		return action.Result{State: action.Applied}
	}
	t := table.New(columns, over)
	err = read(rows, t)
	// Closing reads what else there is: a procedure has several results.
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		return t.Result(action.Applied)
	}
	r := failed(query, err, true)
	if t.Fault() != nil && !r.Err.Lost {
		r.Err = t.Fault() // the error is that of our own interruption
	}
	return r
}

// read fills the table and reads on when it is full.
func read(rows sqldriver.Rows, t *table.Table) error {
	types := rows.(sqldriver.RowsColumnTypeDatabaseTypeName)
	columns := len(rows.Columns())
	dest := make([]sqldriver.Value, columns)
	binary := make([]bool, columns)
	for i := range binary {
		binary[i] = slices.Contains(binaryTypes, types.ColumnTypeDatabaseTypeName(i))
	}
	for {
		err := rows.Next(dest)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		row := make([]action.Value, columns)
		for i, v := range dest {
			row[i] = value(v, binary[i])
		}
		t.Add(row)
	}
}

// binaryTypes are the library's names of types whose values are bytes. They have
// the same wire types as character text and differ by their character set.
var binaryTypes = []string{
	"BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "BIT", "GEOMETRY", "VECTOR",
}

// value converts what the library reads from the text protocol; bytes are only
// valid until the next row.
func value(v sqldriver.Value, binary bool) action.Value {
	switch v := v.(type) {
	case int64:
		return action.Int(v)
	case uint64:
		return action.Uint(v)
	case float64:
		return action.Float(v)
	case float32:
		// 1.1 was read as a float32: the float64 that the server's text means is
		// the one with the same shortest decimals.
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return action.Float(f)
	case []byte:
		if binary {
			return action.Bytes(v)
		}
		return table.Text(v)
	case string:
		return action.String(strings.Clone(v))
	}
	return action.Value{}
}

// arguments are of the kinds that package pin lets through.
func arguments(params []action.Value) []sqldriver.NamedValue {
	args := make([]sqldriver.NamedValue, len(params))
	for i, p := range params {
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: argument(p)}
	}
	return args
}

func argument(p action.Value) sqldriver.Value {
	switch p.Kind() {
	case action.BoolKind:
		return p.AsBool()
	case action.IntKind:
		if i, ok := p.AsInt(); ok {
			return i
		}
		u, _ := p.AsUint()
		return u
	case action.FloatKind:
		f, _ := p.AsFloat()
		return f
	case action.StringKind:
		return p.Text()
	case action.BytesKind:
		return []byte(p.Text())
	}
	return nil
}
