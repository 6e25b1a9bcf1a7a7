package worker_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/worker"
)

// Starting a worker, with all its isolation, having it compile a script of ten
// lines, and ending it.
func BenchmarkStart(b *testing.B) {
	opts := prescript("pass\npass\npass\npass\npass\npass\npass")
	for b.Loop() {
		w, err := worker.Start(b.Context(), opts)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// One call of a builtin: from the script, through the pipe, to an executor that
// does nothing, and back. A worker may make 10,000, so there are many workers,
// whose start does not count.
func BenchmarkCall(b *testing.B) {
	const calls = 10_000
	opts := prescript(fmt.Sprintf("for _ in range(%d):\n    sql('SELECT ?', 1, session = 'main')", calls))
	nothing := action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		return action.Result{State: action.Applied}, nil
	})
	done := 0
	for b.Loop() {
		b.StopTimer()
		w := start(b, opts)
		b.StartTimer()
		if _, err := w.Call(b.Context(), "prescript", action.Dict(), nothing); err != nil {
			b.Fatal(err)
		}
		done += calls
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(done), "ns/call")
}
