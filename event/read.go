package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// pollInterval is how often Follow looks for more. A tick costs a read and a stat; to
// be woken by inotify instead would take a watch for the directory, one for the file,
// and the same look after each rotation, for a delay that a person does not notice.
const pollInterval = 200 * time.Millisecond

// Read returns the last n events in dir, the oldest first; all of them if n is
// negative. A directory without events has none. Lines that are no events are skipped.
func Read(dir string, n int) ([]Event, error) {
	f, events, err := tail(dir, n)
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return events, f.close()
}

// Follow calls fn with the last n events in dir, as Read returns them, and then with
// each new one, until ctx ends; it returns the error of ctx, or why it cannot go on.
// Rotation loses nothing unless it happens twice within 200 ms.
func Follow(ctx context.Context, dir string, n int, fn func(Event)) error {
	f, events, err := tail(dir, n)
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	defer f.close()
	for _, e := range events {
		fn(e)
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if err := f.poll(fn); err != nil {
				return fmt.Errorf("events: %w", err)
			}
		}
	}
}

// follower is a place in the file.
type follower struct {
	path string
	f    *os.File // nil while there is none
	part []byte   // of a line that is not yet whole
}

func (f *follower) close() error {
	if f.f == nil {
		return nil
	}
	return f.f.Close()
}

// tail reads both files and returns the place where it stopped. If a rotation comes in
// between it begins again: it would see lines twice, or not at all.
func tail(dir string, n int) (*follower, []Event, error) {
	f := &follower{path: filepath.Join(dir, current)}
	old := &follower{path: filepath.Join(dir, rotated)}
	for range 8 { // each takes a rotation at the right moment
		if err := errors.Join(f.open(), old.open()); err != nil {
			return nil, nil, errors.Join(err, f.close(), old.close())
		}
		if same, err := f.isCurrent(); err == nil && same {
			break
		}
	}
	var events []Event
	keep := func(e Event) { events = append(events, e) }
	if err := errors.Join(old.drain(keep), f.drain(keep), old.close()); err != nil {
		return nil, nil, errors.Join(err, f.close())
	}
	if n >= 0 && len(events) > n {
		events = events[len(events)-n:]
	}
	return f, events, nil
}

// open opens the file, or none if there is none.
func (f *follower) open() error {
	if err := f.close(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_RDONLY|openFlags, 0)
	f.f, f.part = file, nil
	if errors.Is(err, fs.ErrNotExist) {
		f.f, err = nil, nil
	}
	return err
}

// isCurrent reports whether the file that is open is the one that has the name.
func (f *follower) isCurrent() (bool, error) {
	named, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.f == nil, nil
	}
	if err != nil || f.f == nil {
		return false, err
	}
	info, err := f.f.Stat()
	return err == nil && os.SameFile(info, named), err
}

// poll reads what has come since.
func (f *follower) poll(fn func(Event)) error {
	same, err := f.isCurrent()
	if err != nil {
		return err
	}
	// If it has been rotated, what came before that is in the file that is open.
	if err := f.drain(fn); err != nil || same {
		return err
	}
	if err := f.open(); err != nil {
		return err
	}
	return f.drain(fn)
}

// drain reads to the end of the file.
func (f *follower) drain(fn func(Event)) error {
	if f.f == nil {
		return nil
	}
	chunk := make([]byte, MaxEvent)
	for {
		n, err := f.f.Read(chunk)
		f.part = append(f.part, chunk[:n]...)
		f.lines(fn)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// lines takes whole lines off the part.
func (f *follower) lines(fn func(Event)) {
	for {
		line, rest, ok := bytes.Cut(f.part, []byte("\n"))
		if !ok {
			break
		}
		if e, ok := decode(line); ok {
			fn(e)
		}
		f.part = rest
	}
	if len(f.part) > MaxEvent { // no event, whatever it is; its end will be none either
		f.part = []byte("#")
	}
}
