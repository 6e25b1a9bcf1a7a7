package journal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Memory is the journal of a run in the memory of somebody who goes on with it after
// its writer has died, and who must not wait for a disk. Its methods are safe for
// concurrent use. [Memory.Extend] brings the file up to date afterwards.
type Memory struct {
	clock func() time.Time

	mu      sync.Mutex
	records []Record
}

// NewMemory begins with the records that are known of the run.
func NewMemory(records []Record, clock func() time.Time) *Memory {
	return &Memory{clock: clock, records: slices.Clone(records)}
}

// Append appends rec and returns its number; N and Time of rec are ignored.
func (m *Memory) Append(rec Record, _ bool) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n = 1
	if len(m.records) > 0 {
		n = m.records[len(m.records)-1].N + 1
	}
	rec.N, rec.Time = n, m.clock().UTC().Round(0)
	rec.Err, rec.Note = clip(rec.Err), clip(rec.Note)
	if err := rec.validateNew(); err != nil {
		return 0, err
	}
	m.records = append(m.records, rec)
	return n, nil
}

// Records returns all records. The slice is the caller's, the records are shared.
func (m *Memory) Records() []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

// Extend appends to the journal at path what it lacks of the records, as they are, and
// makes it durable. A line that was torn is ended as [Tail] expects it. Nobody else may
// write to the journal.
func (m *Memory) Extend(fsys VFS, path string) (err error) {
	s, err := scanFile(fsys, path)
	if err != nil {
		return err
	}
	f, err := fsys.Append(path)
	if err != nil {
		return fmt.Errorf("journal %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last := 0
	if len(s.records) > 0 {
		last = s.records[len(s.records)-1].N
	}
	var lines [][]byte
	if s.unterminated {
		lines = append(lines, s.ending())
	}
	for _, r := range m.Records() {
		if r.N <= last {
			continue
		}
		line, err := encode(r)
		if err != nil {
			return fmt.Errorf("journal %s: %w", path, err)
		}
		lines = append(lines, line)
	}
	return write(f, lines, true)
}
