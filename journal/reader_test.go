package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTornAtEveryByte(t *testing.T) {
	whole := journalOf(t, sample()...)
	all, _ := read(t, whole)
	want := texts(t, all)
	for cut := range len(whole) {
		recs, tail := read(t, whole[:cut])
		lines := bytes.Count(whole[:cut], []byte("\n"))
		// A line that lacks its newline alone still verifies.
		if whole[cut] == '\n' {
			lines++
		}
		if got := texts(t, recs); !slices.Equal(got, want[:lines]) {
			t.Fatalf("cut at %d: got %d records, want the first %d", cut, len(got), lines)
		}
		torn := cut > 0 && whole[cut-1] != '\n'
		if tail.Torn != torn || tail.Damaged != nil || torn && tail.Line != bytes.Count(whole[:cut], []byte("\n"))+1 {
			t.Fatalf("cut at %d: tail %+v, want torn %v", cut, tail, torn)
		}
	}
}

// Every byte is changed, one at a time: no record may come back altered, and no more
// than the lines that the byte belongs to may be lost.
func TestEveryByteFlipped(t *testing.T) {
	whole := journalOf(t, sample()...)
	all, _ := read(t, whole)
	want := map[string]bool{}
	for _, s := range texts(t, all) {
		want[s] = true
	}
	for at := range whole {
		for _, mask := range []byte{1 << (at % 8), 0x20} { // 0x20 is a letter's case
			flipped := bytes.Clone(whole)
			flipped[at] ^= mask
			recs, tail := read(t, flipped)
			if lost := len(all) - len(recs); lost > 2 || lost == 2 && whole[at] != '\n' {
				t.Fatalf("byte %d ^ %#x: %d records were lost", at, mask, lost)
			}
			for _, r := range recs {
				if !want[text(t, r)] {
					t.Fatalf("byte %d ^ %#x: a record that was never appended: %s", at, mask, text(t, r))
				}
			}
			if !tail.Torn && tail.Damaged == nil {
				t.Fatalf("byte %d ^ %#x went unnoticed", at, mask)
			}
		}
	}
}

func TestTail(t *testing.T) {
	lines := slices.Collect(bytes.Lines(journalOf(t, sample()[:5]...)))
	bad := []byte("#?\n")
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name string
		text []byte
		ns   []int
		want Tail
	}{
		{"empty", nil, nil, Tail{}},
		{"nothing but rubbish", bad, nil, Tail{Torn: true, Line: 1, Reason: errSum.Error()}},
		{"bad in the middle", join(lines[0], bad, bad, lines[3], lines[4]), []int{1, 4, 5}, Tail{Damaged: []int{2, 3}}},
		{"empty line", join(lines[0], []byte("\n"), lines[1]), []int{1, 2}, Tail{Damaged: []int{2}}},
		{"missing", join(lines[0], lines[3]), []int{1, 4}, Tail{Damaged: []int{2}}},
		{"repeated", join(lines[0], lines[1], lines[0], lines[2]), []int{1, 2, 3}, Tail{Damaged: []int{3}}},
		{"zeros at the end", join(lines[0], make([]byte, 4096)), []int{1}, Tail{Torn: true, Line: 2, Reason: errSum.Error()}},
		{"too long in the middle", join(lines[0], bytes.Repeat([]byte("x"), 3*MaxRecord), bad, lines[1]), []int{1, 2}, Tail{Damaged: []int{2}}},
		{"too long at the end", join(lines[0], make([]byte, 3*MaxRecord)), []int{1}, Tail{Torn: true, Line: 2, Reason: errSum.Error()}},
		{"no newline", bytes.TrimSpace(lines[0]), []int{1}, Tail{Torn: true, Line: 1, Reason: "the newline is missing"}},
		{"carriage return", bytes.ReplaceAll(lines[0], []byte("\n"), []byte("\r\n")), nil, Tail{Torn: true, Line: 1, Reason: errSum.Error()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs, tail := read(t, tt.text)
			var ns []int
			for _, r := range recs {
				ns = append(ns, r.N)
			}
			if !slices.Equal(ns, tt.ns) || !reflect.DeepEqual(tail, tt.want) {
				t.Errorf("records %v, tail %+v; want %v, %+v", ns, tail, tt.ns, tt.want)
			}
		})
	}
}

func TestReadFaults(t *testing.T) {
	text := journalOf(t, sample()...)
	for _, op := range []string{"open", "read"} {
		fault := func(got string) error {
			if got == op {
				return syscall.EIO
			}
			return nil
		}
		if _, _, err := Read(&disk{data: text, fault: fault}, "run"); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: got %v, want EIO", op, err)
		}
	}
	reads := 0
	late := func(got string) error {
		if got == "read" {
			if reads++; reads > 20 {
				return syscall.EIO
			}
		}
		return nil
	}
	recs, _, err := Read(&disk{data: text, fault: late}, "run")
	if len(recs) == 0 || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %d records, %v; want those before the error", len(recs), err)
	}
}

// A second process writes a line in two pieces while this one reads.
func TestReadWhileAnotherProcessWrites(t *testing.T) {
	if os.Getenv("JOURNAL_TEST_PATH") != "" {
		writeInPieces(t)
		return
	}
	path := filepath.Join(t.TempDir(), "run"+suffix)
	lines := slices.Collect(bytes.Lines(journalOf(t, sample()...)))
	if err := os.WriteFile(path, lines[0], 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_PATH="+path)
	steps, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	done, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []Tail{{Torn: true, Line: 2, Reason: errSum.Error()}, {}} {
		if _, err := fmt.Fprintln(steps); err != nil {
			t.Fatal(err)
		}
		if _, err := done.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		recs, tail, err := Read(OS{}, path)
		if err != nil || len(recs) != i+1 || !reflect.DeepEqual(tail, want) {
			t.Errorf("after step %d: %d records, %+v, %v", i, len(recs), tail, err)
		}
	}
	if err := errors.Join(steps.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

func writeInPieces(t *testing.T) {
	f, err := OS{}.Append(os.Getenv("JOURNAL_TEST_PATH"))
	if err != nil {
		t.Fatal(err)
	}
	line := slices.Collect(bytes.Lines(journalOf(t, sample()...)))[1]
	for _, piece := range [][]byte{line[:40], line[40:]} {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(piece); err != nil {
			t.Fatal(err)
		}
		fmt.Print("!")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzRead(f *testing.F) {
	whole := journalOf(f, sample()...)
	prefix, _ := read(f, whole)
	want := texts(f, prefix)
	f.Add([]byte("x"))
	f.Add(whole[:100])
	f.Add([]byte(strings.Repeat("\n", 9)))
	f.Add([]byte(seal(`{"n":15,"type":"note","time":"2026-01-02T02:04:06Z","note":"x"}`)))
	f.Add([]byte(seal(`{"n":99,"type":"recovery_point","time":"2026-01-02T02:04:06Z","value":[[{"$bytes":"AA=="}]]}`)))
	f.Fuzz(func(t *testing.T, junk []byte) {
		recs, _ := read(t, append(bytes.Clone(whole), junk...))
		if len(recs) < len(want) || !slices.Equal(texts(t, recs[:len(want)]), want) {
			t.Fatal("good records before the rubbish were lost")
		}
		last := 0
		for _, r := range recs {
			if err := r.Validate(); err != nil || r.N <= last {
				t.Fatalf("after n %d: n %d, %v", last, r.N, err)
			}
			last = r.N
		}
		read(t, junk)
		read(t, []byte(seal(string(bytes.TrimSuffix(junk, []byte("\n"))))))
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("orders", "UNLOCK TABLES", "", 1)
	f.Add("\u2028", "SELECT '\ufffd' < 1", "\xff", 0)
	f.Fuzz(func(t *testing.T, member, query, message string, step int) {
		intent := sample()[3]
		intent.Member = member
		intent.Action.Undo[0].SQL.Query = query
		d := &disk{}
		w, err := Create(d, "dir", "run", tick())
		if err != nil {
			t.Fatal(err)
		}
		_, refused := w.Append(intent, false)
		if refused == nil {
			_, _ = w.Append(Record{Type: TypeUndone, Of: 1, Step: step, State: Failed, Err: message}, false)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		recs, tail := read(t, d.content())
		if !slices.Equal(texts(t, recs), texts(t, w.Records())) || tail.Torn || tail.Damaged != nil {
			t.Fatalf("tail %+v, wrote %v, read %v", tail, w.Records(), recs)
		}
		if refused == nil && recs[0].Action.Undo[0].SQL.Query != query {
			t.Fatalf("the undo is %q, want %q", recs[0].Action.Undo[0].SQL.Query, query)
		}
	})
}
