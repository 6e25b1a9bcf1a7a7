package journal

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// ErrBroken says that the journal can no longer be relied on, and wraps the first
// thing that went wrong. An action whose intent got it must not be made. What was
// done before must still be undone: undo does not depend on the disk.
var ErrBroken = errors.New("the journal cannot be written")

// A Writer appends records to the journal of one run. Its methods are safe for
// concurrent use.
//
// One goroutine of its own talks to the disk, so that a record which nobody waits
// for is never delayed by a slow or dead one. It ends with Close, with the first
// error, or with Abandon: then as soon as the system call that it is in returns,
// which on a filesystem that stays frozen is never.
type Writer struct {
	path   string
	clock  func() time.Time
	mirror func(Record) // hears of every record, with mu held; nil if nobody does

	mu        sync.Mutex
	changed   sync.Cond // any of the fields below has changed
	records   []Record
	next      int      // N of the next record
	pending   [][]byte // lines that the goroutine has not taken yet
	writing   bool     // the goroutine is at the disk
	wanted    int      // somebody waits for the record of this N to be durable
	durable   int      // all records up to this N are
	held      bool
	broken    error // wraps ErrBroken and the first error
	closed    bool
	gone      bool // the goroutine has ended
	abandoned bool // do not wait for the goroutine
}

// Create makes the journal of a new run in dir, and dir if need be, and returns
// once both are durable. The run's name must be fit for a file name: letters,
// digits, - and _. A journal of that name must not exist. The clock gives the time
// of each record; it is called from one goroutine at a time.
func Create(fsys VFS, dir, run string, clock func() time.Time) (*Writer, error) {
	path, err := Path(dir, run)
	if err != nil {
		return nil, err
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("journal of run %s: %w", run, err)
	}
	f, err := fsys.Create(path)
	if err != nil {
		return nil, fmt.Errorf("journal of run %s: %w", run, err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return nil, fmt.Errorf("journal of run %s: %w", run, errors.Join(err, f.Close()))
	}
	return start(&Writer{path: path, clock: clock, next: 1}, f), nil
}

// Open continues the journal of a dead run, so that its recovery is recorded where
// the run is. The records that were read are those that Records begins with. Nothing
// is cut off a torn journal: a line without an end is ended as [Tail] expects it.
func Open(fsys VFS, path string, clock func() time.Time) (*Writer, Tail, error) {
	s, err := scanFile(fsys, path)
	if err != nil {
		return nil, s.tail, err
	}
	f, err := fsys.Append(path)
	if err != nil {
		return nil, s.tail, fmt.Errorf("journal %s: %w", path, err)
	}
	w := &Writer{path: path, clock: clock, records: s.records, next: s.next, durable: s.next - 1}
	if s.unterminated {
		w.pending = [][]byte{s.ending()}
	}
	return start(w, f), s.tail, nil
}

func start(w *Writer, f File) *Writer {
	w.changed.L = &w.mu
	go w.run(f)
	return w
}

// Mirror makes f hear of every record, in their order, as soon as it is numbered and
// before it is on the disk. f must not wait for long, nor call the writer. It must be
// set before the first Append.
func (w *Writer) Mirror(f func(Record)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mirror = f
}

// Path returns where the journal is.
func (w *Writer) Path() string { return w.path }

// Append appends rec and returns its number; N and Time of rec are ignored, and rec
// must not be changed afterwards, nor anything it points to. If sync is set it returns
// once the record is on the disk; otherwise at once, and the record follows soon.
// While the writer is on hold it always returns at once.
//
// An error that wraps [ErrBroken] comes with sync alone: the disk does not have the
// record, but it was numbered and is in Records, so that undo goes on. Any other
// error refuses the record itself (it is not valid, or longer than [MaxRecord]):
// nothing was written or kept and the number is 0.
func (w *Writer) Append(rec Record, sync bool) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = w.next
	rec.N, rec.Time = n, w.clock().UTC().Round(0) // Round takes the monotonic reading off
	rec.Err, rec.Note = clip(rec.Err), clip(rec.Note)
	if err := rec.validateNew(); err != nil {
		return 0, fmt.Errorf("journal %s: %w", w.path, err)
	}
	line, err := encode(rec)
	if err != nil {
		return 0, fmt.Errorf("journal %s: %w", w.path, err)
	}
	w.next++
	w.records = append(w.records, rec)
	if w.mirror != nil {
		w.mirror(rec)
	}
	if w.broken == nil {
		w.pending = append(w.pending, line)
		w.changed.Broadcast()
	}
	if !sync || w.held && w.broken == nil {
		return n, nil
	}
	return n, w.waitDurable(n)
}

// waitDurable is called with mu held.
func (w *Writer) waitDurable(n int) error {
	w.wanted = max(w.wanted, n)
	w.changed.Broadcast()
	for w.durable < n && w.broken == nil {
		w.changed.Wait()
	}
	if w.durable >= n {
		return nil
	}
	return w.broken
}

// Hold writes what is pending and then keeps the disk untouched until Resume: the
// journal may be on a filesystem that is about to be frozen. It returns once no
// write is in flight; on an error that cannot be promised, and nothing may be
// frozen. Holds do not nest.
func (w *Writer) Hold() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.broken == nil && (w.writing || w.work()) {
		w.changed.Wait()
	}
	w.held = true
	return w.broken
}

// Resume ends Hold after the last filesystem has been thawed: it writes what was
// held back and returns once that is on the disk. Without a Hold it makes
// everything durable.
func (w *Writer) Resume() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = false
	return w.waitDurable(w.next - 1)
}

// Abandon gives the disk up, because of cause: whoever waits for it (Append, Hold,
// Resume, Close) gets an error at once, nothing more is written, and records are
// kept in memory alone. It is what to do at a deadline, before undoing.
func (w *Writer) Abandon(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.abandoned = true
	w.fail(cause)
}

// Err returns nil, or the error that wraps [ErrBroken] and what broke the journal.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}

// Records returns all records of the run, those that never reached the disk
// included. The slice is the caller's, the records are shared and must not be written to.
func (w *Writer) Records() []Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clip(w.records)
}

// Close writes what is pending, without making it durable, and closes the file. On
// hold it writes nothing and says how many records are lost with the process. A
// second Close does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	w.changed.Broadcast()
	for !w.gone && !w.abandoned {
		w.changed.Wait()
	}
	err := w.broken
	if err == nil && len(w.pending) > 0 {
		err = fmt.Errorf("journal %s: closed while on hold: %d records were not written", w.path, len(w.pending))
	}
	w.fail(os.ErrClosed)
	return err
}

// fail is called with mu held.
func (w *Writer) fail(cause error) {
	if w.broken == nil {
		w.broken = fmt.Errorf("%w: %s: %w", ErrBroken, w.path, cause)
	}
	w.changed.Broadcast()
}

// run is the goroutine that talks to the disk.
func (w *Writer) run(f File) {
	for {
		lines, n, sync, ok := w.take()
		if !ok {
			break
		}
		w.finish(n, sync, write(f, lines, sync))
	}
	err := f.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	if err != nil {
		w.fail(err)
	}
	w.changed.Broadcast()
}

// write makes one write(2) of each line: what is torn by a crash is then one record.
func write(f File, lines [][]byte, sync bool) error {
	for _, line := range lines {
		if _, err := f.Write(line); err != nil {
			return err
		}
	}
	if sync {
		return f.Sync()
	}
	return nil
}

// work reports whether there is something to do for the goroutine.
func (w *Writer) work() bool {
	return w.broken == nil && !w.held && (len(w.pending) > 0 || w.wanted > w.durable)
}

// take waits for work: lines up to record n, to be followed by a sync or not. It
// answers not ok when the goroutine has to end.
func (w *Writer) take() (lines [][]byte, n int, sync, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.work() {
		if w.broken != nil || w.closed {
			return nil, 0, false, false
		}
		w.changed.Wait()
	}
	lines, w.pending, w.writing = w.pending, nil, true
	return lines, w.next - 1, w.wanted > w.durable, true
}

// finish notes the outcome of what was taken.
func (w *Writer) finish(n int, sync bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = false
	switch {
	case err != nil:
		w.fail(err)
	case sync:
		w.durable = n
	}
	w.changed.Broadcast()
}
