package undo_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// frozen is the intent of a freeze.
func frozen(mount string, level int) journal.Record {
	fs := action.FS{Device: "8:1", Mountpoint: mount, Level: level}
	thaw := fs
	thaw.Thaw = true
	return journal.Record{Type: journal.TypeIntent, Action: &action.Action{Op: action.Op{FS: &fs}, Hold: mount, Undo: []action.Op{{FS: &thaw}}}}
}

// Filesystems of one level are thawed at the same time, the highest level first, and other
// holds one after the other. One that panics is tried again, as one that fails is, and
// keeps nobody waiting but for that one attempt.
func TestUnwindTogether(t *testing.T) {
	for name, tt := range map[string]struct {
		answer action.State // of the first attempt at /b; empty panics
		made   string
	}{
		"all work":   {journal.Done, "[/outer] [/c] [/a /b] [give lock 0] [give older 0]"},
		"one fails":  {journal.Failed, "[/outer] [/c] [/a /b] [give lock 0] [give older 0] [/b]"},
		"one panics": {"", "[/outer] [/c] [/a /b] [give lock 0] [give older 0] [/b]"},
	} {
		t.Run(name, func(t *testing.T) {
			tries, other := 0, make(chan struct{})
			p := &hand{answer: func(ctx context.Context, text string) action.State {
				if text == "/a" {
					close(other)
				}
				if text != "/b" {
					return journal.Done
				}
				select {
				case <-other:
				case <-ctx.Done():
					t.Error("/b was thawed alone")
				}
				if tries++; tries == 1 && tt.answer == "" {
					panic("boom")
				} else if tries == 1 {
					return tt.answer
				}
				return journal.Done
			}}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			log := journal.NewMemory(records(intent("m", "older", 1), intent("m", "lock", 1),
				frozen("/a", 0), frozen("/b", 0), frozen("/c", 1), frozen("/outer", 2)), time.Now)
			if _, left := (&undo.Unwinder{Log: log, Perform: p}).Unwind(ctx, nil); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			if got := batches(log.Records()); got != tt.made {
				t.Errorf("made %s, want %s", got, tt.made)
			}
		})
	}
}

// batches are the steps that were announced before the next one had come to its end.
func batches(records []journal.Record) string {
	var all, batch []string
	for _, r := range records {
		switch {
		case r.Type == journal.TypeUndo:
			batch = append(batch, records[r.Of-1].Action.Undo[r.Step].Text())
		case r.Type == journal.TypeUndone && batch != nil:
			slices.Sort(batch)
			all, batch = append(all, "["+strings.Join(batch, " ")+"]"), nil
		}
	}
	return strings.Join(all, " ")
}
