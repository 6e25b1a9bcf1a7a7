package oracle

import (
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/host/driver/internal/table"
)

// Forms of dates as texts, those of the session.
const (
	isoDate      = "2006-01-02 15:04:05"
	isoTimestamp = "2006-01-02 15:04:05.999999999"
	isoZone      = " -07:00"
)

// value converts what the library has read from a column of that type.
func value(column string, v sqldriver.Value) (action.Value, error) {
	switch v := v.(type) {
	case nil:
		return action.Value{}, nil
	case string:
		if column == "NUMBER" {
			return number(v), nil
		}
		return table.Text([]byte(v)), nil
	case []byte:
		return action.Bytes(v), nil
	case bool:
		return action.Bool(v), nil
	case float32:
		return float(strconv.FormatFloat(float64(v), 'g', -1, 32)), nil
	case float64:
		return float(strconv.FormatFloat(v, 'g', -1, 64)), nil
	case time.Time:
		return action.String(v.Format(timeForm(column))), nil
	}
	return action.Value{}, fmt.Errorf("its type, %s, has no place in a script: convert it, with TO_CHAR say", column)
}

// number is an int if it is whole and small enough, and the server's text of it otherwise.
func number(text string) action.Value {
	text = strings.TrimSuffix(text, ".")
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return action.Int(i)
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return action.Uint(u)
	}
	return action.String(text)
}

// float is a string if it is not finite.
func float(text string) action.Value {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return action.String(text)
	}
	return action.Float(f)
}

// timeForm goes by the library's names of types: TIMESTAMP WITH TIME ZONE has TZ in all of
// its names, as WITH LOCAL TIME ZONE has: TimeStampLTZ_DTY and, so spelled, TimeStampeLTZ.
func timeForm(column string) string {
	switch {
	case column == "DATE":
		return isoDate
	case strings.Contains(column, "TZ"):
		return isoTimestamp + isoZone
	}
	return isoTimestamp
}

// unfit refuses what the library cannot write as a NUMBER.
func unfit(params []action.Value) *action.Result {
	for i, p := range params {
		if f, ok := p.AsFloat(); ok && p.Kind() == action.FloatKind && (math.IsInf(f, 0) || math.IsNaN(f)) {
			r := action.Refuse(action.KindScript, "parameter %d of the statement: %v is not a number that Oracle can hold", i+1, f)
			return &r
		}
	}
	return nil
}

// arguments are of the kinds that package pin lets through. They have no names: their
// places count.
func arguments(params []action.Value) []sqldriver.NamedValue {
	var args []sqldriver.NamedValue
	for i, p := range params {
		args = append(args, sqldriver.NamedValue{Ordinal: i + 1, Value: argument(p)})
	}
	return args
}

func argument(p action.Value) sqldriver.Value {
	switch p.Kind() {
	case action.BoolKind:
		if p.AsBool() {
			return int64(1)
		}
		return int64(0)
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
