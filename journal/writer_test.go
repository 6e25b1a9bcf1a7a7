package journal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/starhost/starhost/action"
)

// An actor does to a Writer what the host does: an action is made only if its intent
// is on the disk, and everything made is undone. It returns what was made, by n.
func actor(w *Writer, d *disk) (made []int, onDisk [][]int) {
	for _, r := range sample()[:2] {
		_, _ = w.Append(r, false)
	}
	for range 3 {
		intent := sample()[3]
		n, err := w.Append(intent, true)
		state := action.NotApplied
		if err == nil {
			made, state = append(made, n), action.Applied
			onDisk = append(onDisk, intentsIn(d.afterPowerCut()))
		}
		_, _ = w.Append(Record{Type: TypeResult, Of: n, State: state}, false)
	}
	for _, n := range slices.Backward(made) {
		_, _ = w.Append(Record{Type: TypeUndo, Of: n, Try: 1}, false)
		_, _ = w.Append(Record{Type: TypeUndone, Of: n, State: Done}, false)
	}
	_, _ = w.Append(Record{Type: TypeEnd, Verdict: "crash"}, true)
	return made, onDisk
}

func intentsIn(d *disk) (ns []int) {
	recs, _, _ := Read(d, "run")
	for _, r := range recs {
		if r.Type == TypeIntent {
			ns = append(ns, r.N)
		}
	}
	return ns
}

// The disk fails at its k-th operation, for every k: no action is made whose intent a
// power cut at that moment would lose, and everything is still recorded in memory.
func TestEveryDiskFault(t *testing.T) {
	const records = 2 + 3*2 + 1
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		faults := 0
		for k := 1; ; k++ {
			ops := 0
			var failed string
			d := &disk{}
			d.fault = func(op string) error {
				if op == "open" || op == "read" {
					return nil
				}
				if ops++; ops >= k { // once broken, it stays broken
					if failed == "" {
						failed = op
					}
					return errno
				}
				return nil
			}
			w, err := Create(d, "dir", "run", tick())
			if err != nil {
				if !errors.Is(err, errno) {
					t.Fatalf("Create with a fault at %d (%s): %v", k, failed, err)
				}
				faults++
				continue
			}
			made, onDisk := actor(w, d)
			for i, n := range made {
				if !slices.Contains(onDisk[i], n) {
					t.Fatalf("%v at %d (%s): the action of intent %d was made, on the disk were %v", errno, k, failed, n, onDisk[i])
				}
			}
			if got := len(w.Records()); got != records+2*len(made) {
				t.Fatalf("%v at %d (%s): %d records in memory", errno, k, failed, got)
			}
			err = w.Close()
			if failed == "" {
				if err != nil || len(made) != 3 {
					t.Fatalf("without a fault: made %v, %v", made, err)
				}
				break
			}
			faults++
			if !errors.Is(err, ErrBroken) && failed != "close" || !errors.Is(err, errno) {
				t.Fatalf("%v at %d (%s): Close says %v", errno, k, failed, err)
			}
		}
		if faults < 15 {
			t.Errorf("%v: only %d faults were injected", errno, faults)
		}
	}
}

func TestBrokenWriter(t *testing.T) {
	d := &disk{}
	d.fault = func(op string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	note := Record{Type: TypeNote, Note: "x"}
	for i := range 3 {
		n, err := w.Append(note, true)
		if n != i+1 || !errors.Is(err, ErrBroken) || !errors.Is(err, syscall.EIO) {
			t.Errorf("Append %d: %d, %v", i, n, err)
		}
	}
	if n, err := w.Append(note, false); n != 4 || err != nil {
		t.Errorf("Append without sync: %d, %v; undo must go on", n, err)
	}
	if err := errors.Join(w.Hold()); !errors.Is(err, ErrBroken) {
		t.Errorf("Hold: %v", err)
	}
	if n, err := w.Append(note, true); n != 5 || !errors.Is(err, ErrBroken) {
		t.Errorf("Append on hold: %d, %v", n, err)
	}
	if err := w.Resume(); !errors.Is(err, ErrBroken) {
		t.Errorf("Resume: %v", err)
	}
	if err := w.Close(); !errors.Is(err, syscall.EIO) || !errors.Is(w.Err(), ErrBroken) {
		t.Errorf("Close: %v", err)
	}
	if len(w.Records()) != 5 || d.count("sync") != 1 {
		t.Errorf("%d records, %d syncs; want 5 and one: a failed sync is not repeated", len(w.Records()), d.count("sync"))
	}
}

// A disk that hangs: records that nobody waits for are not delayed, and Abandon frees
// all who wait.
func TestDeadDisk(t *testing.T) {
	for _, dead := range []string{"write", "sync"} {
		synctest.Test(t, func(t *testing.T) {
			thaw := make(chan struct{})
			d := &disk{fault: func(op string) error {
				if op == dead {
					<-thaw
				}
				return nil
			}}
			w, err := Create(d, "dir", "run", tick())
			if err != nil {
				t.Fatal(err)
			}
			waiters := []func() error{
				func() error { _, err := w.Append(sample()[3], true); return err },
				w.Hold, w.Resume, w.Close,
			}
			errs := make(chan error, len(waiters))
			for _, wait := range waiters {
				go func() { errs <- wait() }()
				synctest.Wait()
			}
			if len(errs) != 0 {
				t.Errorf("%s: %v came back from a dead disk", dead, <-errs)
			}
			if n, err := w.Append(Record{Type: TypeUndo, Of: 1, Try: 1}, false); n != 2 || err != nil {
				t.Errorf("undo record: %d, %v", n, err)
			}
			w.Abandon(errors.New("deadline"))
			for range waiters {
				if err := <-errs; !errors.Is(err, ErrBroken) {
					t.Errorf("%s: got %v, want ErrBroken", dead, err)
				}
			}
			close(thaw) // synctest fails if a goroutine is left
		})
	}
}

func TestConcurrentAppend(t *testing.T) {
	d := &disk{}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	const each = 50
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range each {
				n, err := w.Append(Record{Type: TypeNote, Note: fmt.Sprint(g, i)}, i%10 == 0)
				if err != nil || w.Records()[n-1].Note != fmt.Sprint(g, i) {
					t.Errorf("Append: %d, %v", n, err)
				}
			}
		})
	}
	group.Go(func() {
		for range 10 {
			if err := errors.Join(w.Hold(), w.Resume()); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	recs, tail := read(t, d.content())
	if len(recs) != 8*each || tail.Torn || tail.Damaged != nil {
		t.Errorf("%d records, tail %+v", len(recs), tail)
	}
}
