package interp_test

import (
	"os"
	"testing"
	"time"

	"github.com/starhost/starhost/interp"
)

// BenchmarkCoverage measures what coverage costs, of a script that only computes (the
// worst case) and of one that acts: x is the time with it, without it being 1.
func BenchmarkCoverage(b *testing.B) {
	mysql, err := os.ReadFile("../scripts/mysql.star")
	if err != nil {
		b.Fatal(err)
	}
	compute := script("n = 0\nfor i in range(100000):\n    if i % 3 == 0:\n        n += i\n    else:\n        n -= 1\nreturn n")["main.star"]
	for name, source := range map[string][]byte{"compute": []byte(compute), "mysql.star": mysql} {
		b.Run(name, func(b *testing.B) {
			var took [2]time.Duration
			for b.Loop() {
				for i, c := range []*interp.Coverage{nil, interp.NewCoverage(nil)} {
					start := time.Now()
					live(b.Context(), "main.star", source, 0, c)
					took[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "x")
		})
	}
}
