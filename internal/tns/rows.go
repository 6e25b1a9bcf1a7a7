package tns

import (
	"encoding/binary"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/starhost/starhost/action"
)

// Types of Oracle, by number.
const (
	typeText      = 1 // VARCHAR2
	typeNumber    = 2
	typeDate      = 12
	typeRaw       = 23
	typeLongRaw   = 24
	typeDouble    = 101
	typeTimestamp = 180
)

var (
	dateForm      = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)
	timestampForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}$`)
	decimalForm   = regexp.MustCompile(`^-?(0|[1-9]\d{0,30})\.\d{0,8}[1-9]$`)
)

// cursor is a result that the client has not fetched to the end.
type cursor struct {
	types []byte
	rest  [][]action.Value
}

// typeOf is the type that a column of values has. A world says values; texts that look
// like a date, a timestamp or a decimal number are sent as what they look like, so that the
// client has all of these types to read.
func typeOf(rows [][]action.Value, column int) byte {
	kind := byte(0)
	for _, row := range rows {
		k := typeOfValue(row[column])
		switch {
		case k == 0 || k == kind:
		case kind == 0:
			kind = k
		default:
			return typeText
		}
	}
	if kind == 0 {
		return typeText
	}
	return kind
}

func typeOfValue(v action.Value) byte {
	switch v.Kind() {
	case action.None:
		return 0
	case action.IntKind, action.BoolKind:
		return typeNumber
	case action.FloatKind:
		return typeDouble
	case action.BytesKind:
		return typeRaw
	}
	switch text := v.Text(); {
	case dateForm.MatchString(text):
		return typeDate
	case timestampForm.MatchString(text):
		return typeTimestamp
	case decimalForm.MatchString(text):
		return typeNumber
	}
	return typeText
}

// rows answers with a result: its description and as many rows as the client takes.
func (c *conn) rows(rows *action.Rows, limit uint64) error {
	var m message
	cur := &cursor{rest: rows.Rows}
	m.bytes(16, 0)
	m.num(0)
	m.num(uint64(len(rows.Columns)))
	m.bytes(1)
	for i, name := range rows.Columns {
		kind := typeOf(rows.Rows, i)
		cur.types = append(cur.types, kind)
		m.column(name, kind)
	}
	m.num(0)
	c.last++
	c.cursors[c.last] = cur
	return c.more(&m, c.last, limit)
}

// column describes one.
func (m *message) column(name string, kind byte) {
	m.bytes(kind, 0, 0)
	switch kind {
	case typeNumber, typeTimestamp:
		m.num(0) // scale
	default:
		m.bytes(0)
	}
	m.num(4000)
	m.nums(0, 0) // arrays, flags
	m.num(0)     // object id
	m.num(0)
	m.num(873) // AL32UTF8
	m.bytes(1)
	m.num(4000)
	m.bytes(1, 0) // may be NULL
	m.counted(name)
	m.nums(0, 0) // schema, type
}

// fetch answers with more rows of a result.
func (c *conn) fetch(number, limit uint64) error {
	if c.cursors[number] == nil {
		return c.refuse(1001, "ORA-01001: invalid cursor")
	}
	return c.more(&message{}, number, limit)
}

// more writes rows behind what m has already.
func (c *conn) more(m *message, number, limit uint64) error {
	cur := c.cursors[number]
	m.bytes(6, 0)
	m.nums(uint64(len(cur.types)), 0, 0, 0, 0, 0)
	n := min(uint64(len(cur.rest)), limit)
	for _, row := range cur.rest[:n] {
		m.bytes(7)
		for i, v := range row {
			m.text(encoded(cur.types[i], v))
		}
	}
	c.l.mu.Lock()
	c.l.sent += int(n)
	c.l.mu.Unlock()
	if cur.rest = cur.rest[n:]; len(cur.rest) > 0 {
		m.summary(0, "", number)
	} else {
		m.summary(noMoreRows, "ORA-01403: no data found", number)
	}
	return c.send(m)
}

// encoded is a value in the form of the type. NULL, and an empty text, have no bytes.
func encoded(kind byte, v action.Value) []byte {
	if v.IsNone() {
		return nil
	}
	switch kind {
	case typeNumber:
		return number(plain(v))
	case typeDouble:
		f, _ := v.AsFloat()
		bits := math.Float64bits(f)
		if bits>>63 == 0 {
			bits |= 1 << 63
		} else {
			bits = ^bits
		}
		return binary.BigEndian.AppendUint64(nil, bits)
	case typeDate, typeTimestamp:
		t, err := time.Parse("2006-01-02 15:04:05", v.Text())
		if err != nil {
			return nil
		}
		raw := []byte{
			byte(t.Year()/100 + 100), byte(t.Year()%100 + 100), byte(t.Month()), byte(t.Day()),
			byte(t.Hour() + 1), byte(t.Minute() + 1), byte(t.Second() + 1),
		}
		if kind == typeTimestamp {
			raw = binary.BigEndian.AppendUint32(raw, uint32(t.Nanosecond()))
		}
		return raw
	case typeRaw:
		return []byte(v.Text())
	}
	return []byte(plain(v))
}

// plain is a value as a text.
func plain(v action.Value) string {
	switch v.Kind() {
	case action.BoolKind:
		if v.AsBool() {
			return "1"
		}
		return "0"
	case action.StringKind, action.BytesKind:
		return v.Text()
	}
	return v.String()
}

// number is a decimal number in Oracle's form: a byte of sign and exponent, then digits of
// base 100, which are complements if the number is negative.
func number(text string) []byte {
	text, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(text, ".")
	if whole = strings.TrimLeft(whole, "0"); len(whole)%2 == 1 {
		whole = "0" + whole
	}
	if len(fraction)%2 == 1 {
		fraction += "0"
	}
	exponent := len(whole) / 2
	digits := whole + fraction
	for strings.HasPrefix(digits, "00") {
		digits, exponent = digits[2:], exponent-1
	}
	for strings.HasSuffix(digits, "00") {
		digits = digits[:len(digits)-2]
	}
	if digits == "" {
		return []byte{0x80}
	}
	head := byte(0xC0 + exponent)
	if negative {
		head = ^head
	}
	raw := []byte{head}
	for i := 0; i < len(digits); i += 2 {
		d, _ := strconv.Atoi(digits[i : i+2])
		if negative {
			raw = append(raw, byte(101-d))
		} else {
			raw = append(raw, byte(d+1))
		}
	}
	if negative && len(raw) < 21 {
		raw = append(raw, 102)
	}
	return raw
}

// decimal is the text of a number in Oracle's form.
func decimal(raw []byte) string {
	if len(raw) == 1 && raw[0] == 0x80 {
		return "0"
	}
	head, sign := raw[0], ""
	if head&0x80 == 0 {
		head, sign = ^head, "-"
		if raw[len(raw)-1] == 102 {
			raw = raw[:len(raw)-1]
		}
	}
	exponent := int(head) - 0xC0
	var digits strings.Builder
	for _, b := range raw[1:] {
		d := int(b) - 1
		if sign != "" {
			d = 101 - int(b)
		}
		digits.WriteString(strconv.Itoa(100 + d)[1:])
	}
	text := digits.String()
	switch point := 2 * exponent; {
	case point <= 0:
		text = "0." + strings.Repeat("0", -point) + text
	case point >= len(text):
		text += strings.Repeat("0", point-len(text))
	default:
		text = text[:point] + "." + text[point:]
	}
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text = strings.TrimLeft(text, "0"); text == "" || text[0] == '.' {
		text = "0" + text
	}
	return sign + text
}
