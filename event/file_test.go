package event

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// writer returns a file that holds about ten events.
func writer(t *testing.T, dir string) *file {
	t.Helper()
	f, err := openFile(dir, 10*int64(len(numbered(t, 0))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// numbered returns a line whose id is the number; all lines are of one length.
func numbered(t *testing.T, n int) []byte {
	t.Helper()
	line, err := encode(Event{ID: fmt.Sprintf("%04d", n), Type: Prefix + "x", Time: time.Unix(1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func put(t *testing.T, f *file, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := f.Write(numbered(t, n)); err != nil {
			t.Fatal(err)
		}
	}
}

// ids returns the numbers of events.
func ids(events []Event) string {
	var all []string
	for _, e := range events {
		all = append(all, strings.TrimLeft(e.ID, "0"))
	}
	return strings.Join(all, " ")
}

func TestRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	f := writer(t, dir)
	put(t, f, 1, 36)
	got, err := Read(dir, -1)
	if err != nil || len(got) != 15 || got[0].ID != "0021" || got[14].ID != "0035" {
		t.Errorf("got %s, %v; want 21 to 35", ids(got), err)
	}
	if got, err := Read(dir, 2); err != nil || ids(got) != "34 35" {
		t.Errorf("the last two: %s, %v", ids(got), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v; want two files", entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Size() > f.limit || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}
}

func TestOpenContinues(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		s.Emit(Event{ID: fmt.Sprint(i + 1), Type: Prefix + "x"})
		if err := closeNow(t, s); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Read(dir, -1); err != nil || ids(got) != "1 2 3" {
		t.Errorf("got %s, %v", ids(got), err)
	}
}

// Several writers, as several processes have them, share a directory: each line is
// whole, and nothing but what rotation takes away is lost.
func TestWritersShareAFile(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 100
	var group sync.WaitGroup
	for g := range writers {
		f, err := openFile(dir, 150*int64(len(numbered(t, 0))))
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer f.Close()
			for n := range each {
				if _, err := f.Write(numbered(t, g*each+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, name := range []string{current, rotated} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, ok := decode([]byte(line)); !ok {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
	// 400 lines in files of about 150: two rotations, so two files remain with 250 of
	// them. Two writers at once would rotate a file that has just been made.
	got, err := Read(dir, -1)
	if err != nil || len(got) < 240 {
		t.Errorf("%d events are left, %v", len(got), err)
	}
}

// While another process is about to rotate the file, a line more is written to it.
func TestOneRotates(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("one process writes on Windows")
	}
	dir := t.TempDir()
	f, other := writer(t, dir), writer(t, dir)
	put(t, f, 1, 11)
	if !tryLock(other.f) {
		t.Fatal("the file is locked already")
	}
	put(t, f, 11, 12)
	if _, err := os.Stat(filepath.Join(dir, rotated)); err == nil {
		t.Error("it was rotated under the other's lock")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, f, 12, 13)
	if got, err := os.ReadFile(filepath.Join(dir, current)); err != nil || string(got) != string(numbered(t, 12)) {
		t.Errorf("after the rotation the file has %q, %v", got, err)
	}
}

func TestReadSkipsRubbish(t *testing.T) {
	dir := t.TempDir()
	text := slices.Concat([]byte("#\n\n{}\n"), numbered(t, 1), make([]byte, 3*MaxEvent), []byte("\n"), numbered(t, 2), []byte(`{"id":`))
	if err := os.WriteFile(filepath.Join(dir, current), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(dir, -1); err != nil || ids(got) != "1 2" {
		t.Errorf("got %s, %v", ids(got), err)
	}
	if got, err := Read(filepath.Join(dir, "missing"), -1); err != nil || got != nil {
		t.Errorf("a missing directory: %v, %v", got, err)
	}
}

func TestOpenRefusesASymlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not checked on Windows")
	}
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Symlink(target, filepath.Join(dir, current))); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a symlink was followed")
	}
	if _, err := Read(dir, -1); err == nil {
		t.Error("a symlink was read")
	}
}

// Follow sees what was there, what comes, and what comes after rotations, each once and
// in order.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f := writer(t, dir)
	put(t, f, 1, 13)
	got := make(chan string, 100)
	ended := make(chan error, 1)
	go func() { ended <- Follow(ctx, dir, 4, func(e Event) { got <- ids([]Event{e}) }) }()
	want := func(from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			select {
			case id := <-got:
				if id != fmt.Sprint(n) {
					t.Fatalf("got %s, want %d", id, n)
				}
			case err := <-ended:
				t.Fatalf("Follow ended while %d was awaited: %v", n, err)
			}
		}
	}
	want(9, 13)
	put(t, f, 13, 18)
	want(13, 18)
	for n := 18; n < 50; n += 8 { // less than a file at a time
		put(t, f, n, n+8)
		want(n, n+8)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || len(got) != 0 {
		t.Errorf("Follow: %v, %d more events", err, len(got))
	}
}

// What Follow does at its ticks, one at a time: there may be no directory at first, a
// line may come in two pieces, and a rotation may come between two looks.
func TestPoll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	at, before, err := tail(dir, -1)
	if err != nil || before != nil {
		t.Fatalf("without a directory: %v, %v", before, err)
	}
	defer at.close()
	look := func(want string) {
		t.Helper()
		var got []Event
		if err := at.poll(func(e Event) { got = append(got, e) }); err != nil || ids(got) != want {
			t.Errorf("got %q, %v; want %q", ids(got), err, want)
		}
	}
	look("")
	f := writer(t, dir)
	look("")
	put(t, f, 1, 3)
	look("1 2")
	line := numbered(t, 3)
	if _, err := f.f.Write(line[:20]); err != nil {
		t.Fatal(err)
	}
	look("")
	if _, err := f.f.Write(line[20:]); err != nil {
		t.Fatal(err)
	}
	look("3")
	put(t, f, 4, 13)
	look("4 5 6 7 8 9 10 11 12")
	if _, err := f.f.Write(line[:20]); err != nil { // and its writer dies
		t.Fatal(err)
	}
	look("")
	if err := os.Rename(filepath.Join(dir, current), filepath.Join(dir, rotated)); err != nil {
		t.Fatal(err)
	}
	look("")
	put(t, f, 13, 14)
	look("13")
}
