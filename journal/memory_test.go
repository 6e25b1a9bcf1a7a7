package journal

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
)

// Wherever the writer died, the file becomes the whole journal again.
func TestExtendFromEveryByte(t *testing.T) {
	whole := journalOf(t, sample()...)
	m := NewMemory(nil, tick())
	for _, r := range sample() {
		if _, err := m.Append(r, false); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := m.Append(Record{}, false); n != 0 || err == nil {
		t.Errorf("a record of nothing: %d, %v", n, err)
	}
	want := texts(t, m.Records())
	for cut := range len(whole) + 1 {
		d, path := &disk{data: bytes.Clone(whole[:cut]), exists: true}, "run.journal"
		if err := m.Extend(d, path); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got, tail, err := Read(d, path)
		if err != nil || tail.Torn || len(tail.Damaged) > 0 {
			t.Fatalf("cut at %d: tail %+v, %v", cut, tail, err)
		}
		if !slices.Equal(texts(t, got), want) {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(got), len(want))
		}
	}
	if err := m.Extend(OS{}, filepath.Join(t.TempDir(), "none.journal")); err == nil {
		t.Error("a journal that is not there was extended")
	}
}
