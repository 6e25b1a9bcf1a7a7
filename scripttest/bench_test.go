package scripttest_test

import (
	"runtime"
	"testing"

	"github.com/starhost/starhost/scripts"
	"github.com/starhost/starhost/scripttest"
)

// BenchmarkFaults makes every fault of mysql.star on MariaDB: the time of one operation
// is that of them all.
func BenchmarkFaults(b *testing.B) {
	source, err := scripts.Source("mysql.star")
	if err != nil {
		b.Fatal(err)
	}
	runs := 0
	for b.Loop() {
		p := scripttest.Prove(b.Context(), scripttest.ProveOptions{Name: "mysql.star", Source: source, Load: scripts.Source, World: "mariadb-10.11"})
		if !p.Proven() {
			b.Fatal(p.Error)
		}
		runs += len(p.Faults)
	}
	b.ReportMetric(float64(runs)/b.Elapsed().Seconds()/float64(runtime.GOMAXPROCS(0)), "runs/s/core")
}
