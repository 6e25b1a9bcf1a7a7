package tns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Types of packets.
const (
	connectPacket = 1
	acceptPacket  = 2
	refusePacket  = 4
	dataPacket    = 6
	markerPacket  = 12
)

// Types of markers.
const (
	markBreak     = 1 // ours
	markReset     = 2
	markInterrupt = 3 // the client's
)

const (
	headLength = 8
	// dataUnit is what a packet of data holds. The client is told of a little more.
	dataUnit = 8000
)

// packet is one, without its length.
type packet struct {
	kind byte
	body []byte // what follows the 8 bytes of the head
}

func readPacket(r io.Reader) (packet, error) {
	var head [headLength]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return packet{}, err
	}
	length := int(binary.BigEndian.Uint16(head[:]))
	if length < headLength {
		return packet{}, errors.New("tns: a packet is shorter than its head")
	}
	body := make([]byte, length-headLength)
	_, err := io.ReadFull(r, body)
	return packet{head[4], body}, err
}

func writePacket(w io.Writer, kind byte, body []byte) error {
	raw := make([]byte, headLength, headLength+len(body))
	binary.BigEndian.PutUint16(raw, uint16(headLength+len(body)))
	raw[4] = kind
	_, err := w.Write(append(raw, body...))
	return err
}

// message is an answer in the making.
type message struct{ bytes.Buffer }

func (m *message) bytes(b ...byte) { m.Write(b) }

// num writes an integer: the number of its bytes, then the bytes.
func (m *message) num(n uint64) {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], n)
	short := bytes.TrimLeft(raw[:], "\x00")
	m.WriteByte(byte(len(short)))
	m.Write(short)
}

func (m *message) nums(all ...uint64) {
	for _, n := range all {
		m.num(n)
	}
}

// Texts in the protocol: one byte of length, or, if they are long, chunks of that form.
const (
	longestText = 252
	chunked     = 0xFE
)

// text writes bytes with their length; none is NULL.
func (m *message) text(b []byte) {
	if len(b) <= longestText {
		m.WriteByte(byte(len(b)))
		m.Write(b)
		return
	}
	m.WriteByte(chunked)
	for len(b) > 0 {
		n := min(len(b), longestText)
		m.WriteByte(byte(n))
		m.Write(b[:n])
		b = b[n:]
	}
	m.WriteByte(0)
}

// counted writes a text whose length stands before it once more.
func (m *message) counted(s string) {
	m.num(uint64(len(s)))
	if s != "" {
		m.text([]byte(s))
	}
}

func (m *message) pair(key, value string, flag uint64) {
	m.counted(key)
	m.counted(value)
	m.num(flag)
}

// request reads what the client has sent; more gives the next packet of it. After an
// error everything that it returns is zero.
type request struct {
	rest []byte
	more func() ([]byte, error)
	err  error
}

func (r *request) take(n int) []byte {
	for r.err == nil && len(r.rest) < n {
		var next []byte
		if next, r.err = r.more(); r.err == nil {
			r.rest = append(r.rest[:len(r.rest):len(r.rest)], next...)
		}
	}
	if r.err != nil {
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *request) byte() byte { return r.take(1)[0] }

func (r *request) num() (n uint64) {
	for _, b := range r.take(int(r.byte() & 0x0F)) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *request) text() []byte {
	length := r.byte()
	if length != chunked {
		return bytes.Clone(r.take(int(length)))
	}
	var all []byte
	for {
		n := r.byte()
		if n == 0 {
			return all
		}
		all = append(all, r.take(int(n))...)
	}
}

func (r *request) counted() []byte {
	if r.num() == 0 {
		return nil
	}
	return r.text()
}

func (r *request) pair() (key, value string) {
	key, value = string(r.counted()), string(r.counted())
	r.num()
	return key, value
}
