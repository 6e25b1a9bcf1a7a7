package pipe

import (
	"testing"

	"github.com/starhost/starhost/action"
)

// The codec alone: an action and its result, each written and read once.
func BenchmarkCodec(b *testing.B) {
	act := &frame{Do: &action.Action{
		Op:   action.Op{SQL: &action.SQL{Session: "main", Query: "SELECT ?", Params: []action.Value{action.Int(1)}}},
		Word: "sql", Pos: "x.star:4:8",
	}}
	res := &frame{Result: &result{Result: action.Result{State: action.Applied}}}
	for b.Loop() {
		for _, f := range []*frame{act, res} {
			out, err := encode(f)
			if err == nil {
				_, err = decode(out[header:], maxItems)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
