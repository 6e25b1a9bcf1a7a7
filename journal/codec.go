package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// Limits of a record. They are far above what a run needs.
const (
	MaxRecord = 1 << 20 // bytes of a line, newline included
	MaxText   = 4 << 10 // bytes of Err and Note; the rest is cut off
)

var (
	errSum     = errors.New("the checksum is missing or wrong")
	errAltered = errors.New("it holds text that is not UTF-8, which JSON would alter: pass such text as bytes")
)

// encode returns the line of r, newline included.
func encode(r Record) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // a person reads a < b, not a \u003c b
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("%s record: %w", r.Type, err)
	}
	body := bytes.TrimSuffix(buf.Bytes(), []byte("}\n"))
	if altered(body) {
		return nil, fmt.Errorf("%s record: %w", r.Type, errAltered)
	}
	line := append(append(body, trailer(body)...), '\n')
	if len(line) > MaxRecord {
		return nil, fmt.Errorf("%s record: it is %d bytes long, at most %d are allowed", r.Type, len(line), MaxRecord)
	}
	return line, nil
}

// trailer returns what follows body on its line: the checksum and the end of the
// object, 18 bytes.
func trailer(body []byte) string {
	return fmt.Sprintf(`,"sum":"%08x"}`, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// altered reports whether encoding/json has replaced bytes that are not UTF-8.
// It writes them as the escape \ufffd, but a genuine U+FFFD as itself. An undo that
// differs from what the script said must never reach the disk, let alone a server.
func altered(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(text[i:], []byte(`\ufffd`)) {
			return true
		}
		i++ // what is escaped may be a backslash
	}
	return false
}

// decode reads a line, its newline taken off. The record shares nothing with it.
//
// Members that this version does not know are no error, only newer: the checksum
// shows that a starhost wrote the line, so it was a later one, and to refuse its
// journal would leave a database locked after a downgrade. Who makes the undos is
// told and decides.
func decode(line []byte) (r Record, newer bool, err error) {
	end := len(line) - len(trailer(nil))
	if end < 0 || string(line[end:]) != trailer(line[:end]) {
		return Record{}, false, errSum
	}
	text := append(slices.Clone(line[:end]), '}')
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if strict.Decode(&r) != nil || strict.InputOffset() < int64(len(text)) {
		r, newer = Record{}, true
		if err := json.Unmarshal(text, &r); err != nil {
			return Record{}, false, err
		}
	}
	if err := r.Validate(); err != nil {
		return Record{}, false, err
	}
	return r, newer, nil
}

// clip makes text from a server or a script fit to be recorded. What is lost is
// for people only: a long message must not cost the record of an undo.
func clip(text string) string {
	if len(text) > MaxText {
		const ellipsis = "…"
		text = text[:MaxText-len(ellipsis)] + ellipsis
	}
	return strings.ToValidUTF8(text, "?")
}
