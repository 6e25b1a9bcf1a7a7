package mysqlwire

import (
	"encoding/binary"
	"strconv"

	"github.com/starhost/starhost/action"
)

// column is the type of one on the wire.
type column struct {
	kind    byte
	charset uint16
}

// Types of columns. 255 is utf8mb4_0900_ai_ci, 63 is binary.
var (
	textColumn   = column{0xfd, 255}
	bytesColumn  = column{0xfc, 63}
	countColumn  = column{0x08, 63}
	doubleColumn = column{0x05, 63}
)

// resultSet is rows in the text protocol.
func resultSet(rows *action.Rows, deprecateEOF bool) [][]byte {
	packets := [][]byte{number(nil, uint64(len(rows.Columns)))}
	for i, name := range rows.Columns {
		packets = append(packets, definition(name, columnType(rows, i)))
	}
	if !deprecateEOF {
		packets = append(packets, eofPacket)
	}
	for _, row := range rows.Rows {
		var b []byte
		for _, v := range row {
			if v.IsNone() {
				b = append(b, 0xfb) // NULL
				continue
			}
			b = text(b, cell(v))
		}
		packets = append(packets, b)
	}
	if deprecateEOF {
		return append(packets, endOfRows)
	}
	return append(packets, eofPacket)
}

// columnType is that of the first value; a column of nothing but NULL is text.
func columnType(rows *action.Rows, i int) column {
	for _, row := range rows.Rows {
		switch row[i].Kind() {
		case action.None:
			continue
		case action.IntKind, action.BoolKind:
			return countColumn
		case action.FloatKind:
			return doubleColumn
		case action.BytesKind:
			return bytesColumn
		}
		break
	}
	return textColumn
}

func cell(v action.Value) string {
	switch v.Kind() {
	case action.IntKind:
		n, _ := v.AsInt()
		return strconv.FormatInt(n, 10)
	case action.BoolKind:
		if v.AsBool() {
			return "1"
		}
		return "0"
	case action.FloatKind:
		f, _ := v.AsFloat()
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return v.Text()
}

// definition describes a column; it is in no table.
func definition(name string, c column) []byte {
	b := text(nil, "def")
	for _, s := range []string{"", "", "", name, ""} {
		b = text(b, s)
	}
	b = binary.LittleEndian.AppendUint16(append(b, 12), c.charset)
	b = binary.LittleEndian.AppendUint32(b, 1<<20)
	return append(b, c.kind, 0, 0, 0, 0, 0)
}
