package journal

import (
	"slices"
	"testing"
)

// A journal is torn at every byte, continued, torn again and continued: it never looks
// damaged, and no number is given twice.
func TestOpenContinuesATornJournal(t *testing.T) {
	whole := journalOf(t, sample()[:3]...)
	for cut := range len(whole) + 1 {
		d := &disk{data: slices.Clone(whole[:cut]), exists: true}
		before, tail := read(t, d.data)
		want := len(before) + 1
		if tail.Torn && tail.Reason != "the newline is missing" {
			want++ // the torn record had a number too
		}
		for round := range 2 {
			w, _, err := Open(d, "run", tick())
			if err != nil {
				t.Fatal(err)
			}
			if got := len(w.Records()); got != len(before)+round {
				t.Fatalf("cut at %d, round %d: %d records", cut, round, got)
			}
			if n, err := w.Append(Record{Type: TypeNote, Note: "recovered"}, true); err != nil || n != want {
				t.Fatalf("cut at %d, round %d: number %d, %v; want %d", cut, round, n, err, want)
			}
			want += 2
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			recs, tail := read(t, d.content())
			if len(recs) != len(before)+round+1 || tail.Torn || tail.Damaged != nil {
				t.Fatalf("cut at %d, round %d: %d records, %+v", cut, round, len(recs), tail)
			}
			d.data = append(d.data, `{"n":9`...)
		}
	}
}
