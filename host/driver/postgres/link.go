package postgres

import (
	"bytes"
	"context"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/pin"
	"github.com/starhost/starhost/host/driver/internal/sock"
	"github.com/starhost/starhost/host/driver/internal/table"
)

// link is one connection. Its fields are not written to after Dial.
type link struct {
	id   string
	conn *pgconn.PgConn
	sock *sock.Conn
}

var _ pin.Link = (*link)(nil)

func (l *link) ID() string             { return l.id }
func (l *link) Break()                 { _ = l.sock.Close() }
func (l *link) Ended() <-chan struct{} { return l.sock.Ended() }

// Close says goodbye, so that the server does not log a lost connection.
func (l *link) Close() {
	_ = l.sock.SetDeadline(time.Now().Add(quitGrace))
	_ = l.conn.Close(context.Background())
	_ = l.sock.Close()
}

// quitGrace bounds the write of the goodbye, which a full socket could block.
const quitGrace = 20 * time.Millisecond

// Run makes one statement.
func (l *link) Run(query string, params []action.Value, over func()) action.Result {
	values, oids, formats := arguments(params)
	reader := l.conn.ExecParams(context.Background(), query, values, oids, formats, nil)
	var t *table.Table
	if fields := reader.FieldDescriptions(); fields != nil {
		t = table.New(names(fields), over)
	}
	for reader.NextRow() {
		row := make([]action.Value, len(reader.Values()))
		for i, text := range reader.Values() {
			row[i] = value(reader.FieldDescriptions()[i].DataTypeOID, text)
		}
		t.Add(row)
	}
	_, err := reader.Close()
	switch {
	case err == nil && t == nil:
		return action.Result{State: action.Applied}
	case err == nil:
		return t.Result(action.Applied)
	}
	r := failed(query, err)
	if t != nil && t.Fault() != nil && !r.Err.Lost {
		r.Err = t.Fault() // the error is that of our own interruption
	}
	return r
}

func names(fields []pgconn.FieldDescription) []string {
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.Name
	}
	return columns
}

// The types that are not strings to a script, by object id (pg_type.dat, the same
// in every version).
const (
	boolType   = 16
	byteaType  = 17
	int8Type   = 20
	int2Type   = 21
	int4Type   = 23
	oidType    = 26
	float4Type = 700
	float8Type = 701
)

// value converts the text form of a value; text is only valid until the next row.
// What is not as expected stays a string: infinities, bytea in escape format.
func value(oid uint32, text []byte) action.Value {
	if text == nil {
		return action.Value{}
	}
	switch oid {
	case boolType:
		return action.Bool(string(text) == "t")
	case int2Type, int4Type, int8Type, oidType:
		if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return action.Int(i)
		}
	case float4Type, float8Type:
		f, err := strconv.ParseFloat(string(text), 64)
		if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return action.Float(f)
		}
	case byteaType:
		if digits, ok := bytes.CutPrefix(text, []byte(`\x`)); ok {
			if b, err := hex.DecodeString(string(digits)); err == nil {
				return action.Bytes(b)
			}
		}
	}
	return table.Text(text)
}

// arguments are of the kinds that package pin lets through. An object id of 0 has
// the server infer the type.
func arguments(params []action.Value) (values [][]byte, oids []uint32, formats []int16) {
	const textFormat, binaryFormat = 0, 1
	for _, p := range params {
		oid, format := uint32(0), int16(textFormat)
		if p.Kind() == action.BytesKind {
			oid, format = byteaType, binaryFormat
		}
		values = append(values, argument(p))
		oids = append(oids, oid)
		formats = append(formats, format)
	}
	return values, oids, formats
}

func argument(p action.Value) []byte {
	switch p.Kind() {
	case action.BoolKind:
		return strconv.AppendBool(nil, p.AsBool())
	case action.IntKind:
		if i, ok := p.AsInt(); ok {
			return strconv.AppendInt(nil, i, 10)
		}
		u, _ := p.AsUint()
		return strconv.AppendUint(nil, u, 10)
	case action.FloatKind:
		f, _ := p.AsFloat()
		return strconv.AppendFloat(nil, f, 'g', -1, 64)
	case action.StringKind, action.BytesKind:
		return append([]byte{}, p.Text()...)
	}
	return nil
}
