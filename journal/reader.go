package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxFile is how many bytes of a journal are read.
const MaxFile = 256 << 20

// ErrTooLong says that a journal has more than [MaxFile] bytes.
var ErrTooLong = fmt.Errorf("it is longer than %d bytes", MaxFile)

// Tail says what is wrong with a journal. The zero Tail is a journal in order.
type Tail struct {
	// Torn says that the file does not end in a good line: a crash tore the last
	// write, or a writer is in the middle of one. The outcome of the last intent
	// is unknown, unless its result is there.
	Torn   bool
	Line   int    // where the bad end begins, counted from 1
	Reason string // what is wrong with that line
	// Damaged are the lines, counted from 1, that are not as they were written or
	// before which some are missing, though good lines follow. A crash does not do
	// that: an intent may be lost, so something may be held that nobody knows of.
	// A line that a crash tore and that [Open] has ended since is not one of them.
	Damaged []int
	// Newer are the lines of records that have members this version does not know.
	// A newer starhost understands them better.
	Newer []int
}

// Read reads a journal. It may be one that another process is writing: then the tail
// may be torn, and the next Read knows more.
//
// A torn or corrupt line is not an error. The result never has a record that differs
// from the one that was appended, and after a bad line reading goes on with the next
// good one. To stop there would lose intents, and a lock that nobody knows of stays
// for ever; whereas the loss of one line is safe whatever it said: without its result
// an action is undone all the same, without its undone record a step is made twice,
// which is harmless by contract. Only a lost intent is not made good: see Tail.Damaged.
//
// On an error (the file cannot be opened, the disk fails, [ErrTooLong]) the records that
// were read until then are returned with it.
func Read(fsys VFS, path string) (recs []Record, tail Tail, err error) {
	s, err := scanFile(fsys, path)
	return s.records, s.tail, err
}

// scan is what is known of a journal after some of its lines.
type scan struct {
	records []Record
	tail    Tail
	next    int // N that the next record should have
	lines   int // how many were read
	badFrom int // first of the bad lines since the last good one; 0 if there are none
	reason  string
	damaged []int // those of the bad lines that were not torn by a crash
	// unterminated says that the last line has no newline. If its checksum holds it
	// is a good line all the same.
	unterminated bool
}

func scanFile(fsys VFS, path string) (s scan, err error) {
	s.next = 1
	f, err := fsys.Open(path)
	if err != nil {
		return s, fmt.Errorf("journal %s: %w", path, err)
	}
	err = errors.Join(s.read(f), f.Close())
	if err != nil {
		err = fmt.Errorf("journal %s: %w", path, err)
	}
	return s, err
}

func (s *scan) read(r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: MaxFile + 1}
	lines := bufio.NewReader(limited)
	defer s.end()
	for {
		line, err := readLine(lines)
		switch {
		case limited.N == 0:
			return ErrTooLong
		case err != nil && !errors.Is(err, io.EOF):
			return err
		case len(line) == 0:
			return nil
		}
		s.unterminated = err != nil
		s.line(bytes.TrimSuffix(line, []byte("\n")))
		if s.unterminated {
			return nil
		}
	}
}

// readLine returns the next line with its newline, or what is left before the error. A
// line that is longer than a record can be is not kept: a bad one takes its place.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		var part []byte
		part, err = r.ReadSlice('\n')
		if line = append(line, part...); len(line) > MaxRecord {
			line = []byte("#")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// line takes the next line in; an empty one is a bad one.
func (s *scan) line(text []byte) {
	s.lines++
	r, newer, err := decode(text)
	if err == nil && r.N < s.next {
		err = fmt.Errorf("n is %d, want %d", r.N, s.next)
	}
	if err != nil {
		if s.badFrom == 0 {
			s.badFrom, s.reason = s.lines, err.Error()
		}
		if !bytes.HasSuffix(text, []byte(tornMark)) {
			s.damaged = append(s.damaged, s.lines)
		}
		return
	}
	if s.badFrom == 0 && r.N > s.next {
		s.damaged = append(s.damaged, s.lines)
	}
	s.tail.Damaged = append(s.tail.Damaged, s.damaged...)
	s.badFrom, s.damaged = 0, nil
	if newer {
		s.tail.Newer = append(s.tail.Newer, s.lines)
	}
	s.records = append(s.records, r)
	s.next = r.N + 1
}

// tornMark ends a line that a crash tore, once the journal is continued: from then on
// good lines follow it, and it must not be taken for one that was damaged later.
const tornMark = "#torn"

// ending returns what makes an unterminated last line a whole one.
func (s *scan) ending() []byte {
	if s.badFrom > 0 {
		return []byte(tornMark + "\n")
	}
	return []byte("\n")
}

// end describes the tail.
func (s *scan) end() {
	switch {
	case s.badFrom > 0:
		s.tail.Torn, s.tail.Line, s.tail.Reason = true, s.badFrom, s.reason
		s.next++ // the number of a record that may be among the bad lines is not given again
	case s.unterminated:
		s.tail.Torn, s.tail.Line, s.tail.Reason = true, s.lines, "the newline is missing"
	}
}
