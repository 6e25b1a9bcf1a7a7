package builtins

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// One call of a builtin, from the script to an executor that does nothing and back.
func BenchmarkCall(b *testing.B) {
	const calls = 1000
	source := fmt.Sprintf("API = 1\ndef prescript(ctx):\n    for _ in range(%d):\n        sql(\"SELECT ?\", 1, session = \"main\")\n", calls)
	script, err := interp.New(b.Context(), interp.Options{Name: "bench.star", Source: []byte(source), Words: New("mysql")})
	if err != nil {
		b.Fatal(err)
	}
	ex := action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
		return action.Result{State: action.Applied}, nil
	})
	for b.Loop() {
		if _, err := script.Call(b.Context(), "prescript", action.Dict(), ex); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls, "ns/call")
}

// Compiling a script of 300 lines and running its top level.
func BenchmarkCompile300Lines(b *testing.B) {
	var source strings.Builder
	source.WriteString("API = 1\n\ndef prescript(ctx):\n    return f0(ctx)\n\n")
	for i := 0; i < 49; i++ {
		fmt.Fprintf(&source, "def f%d(ctx):\n    rows = sql(\"SELECT id, name FROM t WHERE id > ?\", %d)\n    if len(rows) > 3 and ctx.timeout > 1:\n        fail(\"got %%d rows\" %% len(rows))\n    return [row[\"id\"] for row in rows]\n\n", i, i)
	}
	words := New("mysql")
	b.SetBytes(int64(source.Len()))
	for b.Loop() {
		if _, err := interp.New(b.Context(), interp.Options{Name: "bench.star", Source: []byte(source.String()), Words: words}); err != nil {
			b.Fatal(err)
		}
	}
}
