package pipe

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// header is the size of the length of a frame.
const header = 4

// codec reads and writes frames. One goroutine may read while another one writes.
type codec struct {
	r     io.Reader
	w     io.Writer
	items int    // how many items of JSON a frame that is read may have; 0 is any number
	in    []byte // reused for every frame that is read
}

// errTooLong says that a frame was not sent because of its size.
type errTooLong struct {
	name string
	size int
}

func (e *errTooLong) Error() string {
	return fmt.Sprintf("%s of %d bytes, at most %d can be sent", e.name, e.size, MaxFrame)
}

// hangUp says that the connection ended at the other end.
type hangUp struct{ err error }

func (e *hangUp) Error() string { return "it closed its pipe" }

// Unwrap returns what reading or writing said.
func (e *hangUp) Unwrap() error { return e.err }

// encode returns the bytes of a frame. The error is an *errTooLong, or that of a
// value that cannot be recorded.
func encode(f *frame) ([]byte, error) {
	text, err := json.Marshal(f)
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // without the name of a Go type before it
		}
		return nil, err
	}
	if len(text) > MaxFrame {
		return nil, &errTooLong{f.name(), len(text)}
	}
	out := make([]byte, header, header+len(text))
	binary.BigEndian.PutUint32(out, uint32(len(text)))
	return append(out, text...), nil
}

// write sends one frame. If it cannot be encoded nothing has been sent.
func (c *codec) write(f *frame) error {
	out, err := encode(f)
	if err != nil {
		return err
	}
	_, err = c.w.Write(out)
	return err
}

// read receives one frame. The error is a *hangUp if the connection ended, with
// io.EOF in it if that was between two frames.
func (c *codec) read() (*frame, error) {
	var head [header]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, &hangUp{err}
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n == 0 || n > MaxFrame {
		return nil, fmt.Errorf("a frame of %d bytes, want 1 to %d", n, MaxFrame)
	}
	if int64(cap(c.in)) < n {
		c.in = make([]byte, n)
	}
	text := c.in[:n]
	if _, err := io.ReadFull(c.r, text); err != nil {
		return nil, &hangUp{io.ErrUnexpectedEOF}
	}
	return decode(text, c.items)
}

// decode reads the JSON of one frame, strictly.
func decode(text []byte, items int) (*frame, error) {
	if err := inspect(text, items); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	f := &frame{}
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("a frame that is not one: %.200s", err.Error())
	}
	if dec.InputOffset() != int64(len(text)) {
		return nil, errors.New("a frame with something behind it")
	}
	if len(f.names()) != 1 {
		return nil, errKinds
	}
	return f, nil
}

// inspect bounds what decoding may cost, before it is done: JSON of two bytes
// an item takes fifty times its size once it is a value.
func inspect(text []byte, items int) error {
	if !utf8.Valid(text) {
		return errors.New("a frame that is not UTF-8")
	}
	depth, n, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth, n = depth+1, n+1
		case c == '}' || c == ']':
			depth--
		case c == ',':
			n++
		}
		if depth > maxNesting {
			return fmt.Errorf("a frame nested deeper than %d", maxNesting)
		}
		if items > 0 && n > items {
			return fmt.Errorf("a frame with more than %d items", items)
		}
	}
	return nil
}
