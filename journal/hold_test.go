package journal

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
)

func TestHoldKeepsTheDiskUntouched(t *testing.T) {
	d := &disk{}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	note := Record{Type: TypeNote, Note: "x"}
	if _, err := w.Append(note, false); err != nil {
		t.Fatal(err)
	}
	if err := w.Hold(); err != nil {
		t.Fatal(err)
	}
	if d.count("write") != 1 {
		t.Errorf("%d writes before the hold, want 1: what is pending is written", d.count("write"))
	}
	before := len(d.ops)
	for i := range 4 {
		if n, err := w.Append(note, i%2 == 0); n != i+2 || err != nil {
			t.Errorf("Append on hold: %d, %v", n, err)
		}
	}
	if err := w.Hold(); err != nil {
		t.Errorf("a second Hold: %v", err)
	}
	if after := len(d.ops); after != before {
		t.Errorf("the disk was touched: %v", d.ops[before:])
	}
	if err := w.Resume(); err != nil {
		t.Error(err)
	}
	if d.count("write") != 5 || d.count("sync") != 1 {
		t.Errorf("%d writes and %d syncs after Resume, want 5 and 1", d.count("write"), d.count("sync"))
	}
	if recs, _, _ := Read(d.afterPowerCut(), "run"); len(recs) != 5 {
		t.Errorf("%d records are durable, want 5", len(recs))
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// What is written is not yet durable, and what is being written is not yet over.
func TestHoldAndResumeWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := &disk{fault: func(op string) error {
			if op == "write" {
				<-release
			}
			return nil
		}}
		w, err := Create(d, "dir", "run", tick())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Append(Record{Type: TypeNote, Note: "x"}, false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the write is in flight
		held := make(chan error, 1)
		go func() { held <- w.Hold() }()
		synctest.Wait()
		if len(held) != 0 {
			t.Error("Hold did not wait for the write")
		}
		close(release)
		if err := <-held; err != nil || d.count("sync") != 0 {
			t.Errorf("Hold: %v, %d syncs", err, d.count("sync"))
		}
		if err := w.Resume(); err != nil || d.count("sync") != 1 {
			t.Errorf("Resume: %v, %d syncs; want one", err, d.count("sync"))
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseOnHold(t *testing.T) {
	d := &disk{}
	w, err := Create(d, "dir", "run", tick())
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Hold()
	_, _ = w.Append(Record{Type: TypeNote, Note: "x"}, true)
	if err := w.Close(); err == nil || d.count("write") != 0 {
		t.Errorf("%v after %d writes; want an error and none", err, d.count("write"))
	}
	if err := w.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, err := w.Append(Record{Type: TypeNote, Note: "x"}, true); !errors.Is(err, fs.ErrClosed) || !errors.Is(err, ErrBroken) {
		t.Errorf("Append after Close: %v", err)
	}
}
