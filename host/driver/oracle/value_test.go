package oracle

import (
	"math"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
)

func TestValue(t *testing.T) {
	east := time.FixedZone("", 5*3600+1800)
	at := time.Date(2024, 2, 29, 1, 2, 3, 450_000_000, east)
	for _, c := range []struct {
		column string
		from   any
		want   action.Value
	}{
		{"NUMBER", "5.", action.Int(5)},
		{"NUMBER", "-0.5", action.String("-0.5")},
		{"NUMBER", "18446744073709551616", action.String("18446744073709551616")},
		{"NCHAR", "5", action.String("5")},
		{"NCHAR", "\xff", action.Bytes([]byte{0xff})},
		{"RAW", []byte{0}, action.Bytes([]byte{0})},
		{"IBFloat", float32(1.1), action.Float(1.1)},
		{"IBDouble", math.Inf(-1), action.String("-Inf")},
		{"IBDouble", math.NaN(), action.String("NaN")},
		{"Boolean", true, action.Bool(true)},
		{"DATE", at, action.String("2024-02-29 01:02:03")},
		{"TimeStampDTY", at, action.String("2024-02-29 01:02:03.45")},
		{"TimeStampTZ_DTY", at, action.String("2024-02-29 01:02:03.45 +05:30")},
		{"TimeStampLTZ_DTY", at, action.String("2024-02-29 01:02:03.45 +05:30")},
		{"NUMBER", nil, action.Value{}},
	} {
		if got, err := value(c.column, c.from); err != nil || !got.Equal(c.want) {
			t.Errorf("%s %v: got %s %s, %v; want %s", c.column, c.from, got.Kind(), got, err, c.want)
		}
	}
	if v, err := value("REFCURSOR", struct{}{}); err == nil {
		t.Errorf("a cursor became %s", v)
	}
}

func TestFirstWord(t *testing.T) {
	for query, want := range map[string]string{
		"select 1 from dual": "SELECT", " \n( SELECT 1 FROM dual)": "SELECT", "/* it's */ -- x\n with a as (select 1 from dual) select * from a": "WITH",
		"SELECTED": "SELECTED", "begin null; end;": "BEGIN", "-- only a comment": "", "/* open": "", "": "",
	} {
		if got := firstWord(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}
