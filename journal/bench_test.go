package journal

import (
	"fmt"
	"testing"
)

func BenchmarkAppend(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			w, err := Create(OS{}, b.TempDir(), "run", tick())
			if err != nil {
				b.Fatal(err)
			}
			intent := sample()[3]
			for b.Loop() {
				if _, err := w.Append(intent, sync); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
