package mysqlwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// wire is the packets of one connection, each numbered.
type wire struct {
	net.Conn
	next byte
}

// read returns the next packet. One of 16 MiB or more is an error: no statement is so long.
func (w *wire) read() ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(w.Conn, header[:]); err != nil {
		return nil, err
	}
	size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
	if size == 1<<24-1 {
		return nil, errors.New("a packet that goes on")
	}
	w.next = header[3] + 1
	body := make([]byte, size)
	_, err := io.ReadFull(w.Conn, body)
	return body, err
}

// write sends packets together.
func (w *wire) write(packets ...[]byte) error {
	var all []byte
	for _, p := range packets {
		all = append(all, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16), w.next)
		all = append(all, p...)
		w.next++
	}
	_, err := w.Conn.Write(all)
	return err
}

// number is a length-encoded integer.
func number(b []byte, n uint64) []byte {
	switch {
	case n < 251:
		return append(b, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(b, 0xfc), uint16(n))
	case n < 1<<24:
		return append(b, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xfe), n)
}

// text is a length-encoded string.
func text(b []byte, s string) []byte { return append(number(b, uint64(len(s))), s...) }

// cutText takes a string that ends with a zero byte.
func cutText(b []byte) (s string, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", nil, false
	}
	return string(b[:i]), b[i+1:], true
}

// cutShort takes a string with its length in one byte: what authentication sends is short.
func cutShort(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 250 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+b[0]], b[1+b[0]:], true
}

// The ends of an answer. Status 2 is autocommit.
var (
	okPacket  = []byte{0, 0, 0, 2, 0, 0, 0}
	endOfRows = []byte{0xfe, 0, 0, 2, 0, 0, 0} // with CLIENT_DEPRECATE_EOF
	eofPacket = []byte{0xfe, 0, 0, 2, 0}
)

func errorPacket(code int, state, message string) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0xff}, uint16(code))
	return append(append(append(b, '#'), state...), message...)
}
