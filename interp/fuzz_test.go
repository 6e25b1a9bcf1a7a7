package interp_test

import (
	"context"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/scripts"
)

// maxFuzzed is the size of a fuzzed script. The package cannot stop one instruction
// that runs for ever or eats all memory, and compiling takes no context: some texts of
// 64 KiB compile for seconds (measured: many undefined names, 4.7 s). Short texts that
// do so exist, such as "x" * (1 << 29), so a finding of this target is to be read:
// what the process around a worker must bear is no fault of this package.
const maxFuzzed = 16 << 10

// FuzzScript: no text that is loaded and called makes the package panic, or outlive the
// context by much.
func FuzzScript(f *testing.F) {
	for _, s := range scripts.All {
		source, err := scripts.Source(s.File)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Add([]byte(script("x = []\ns = struct(l = x)\nx.append(s)\nreturn [str(s), x]")["main.star"]))
	f.Add([]byte(script("return [sql('SELECT 1', undo = undo.any('A')), ctx.run, try_sql('B').code, fail('x')]")["main.star"]))
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > maxFuzzed {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		defer func() {
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		}()
		s, err := interp.New(ctx, interp.Options{Name: "main.star", Source: source, Words: builtins.New("mysql")})
		if err != nil {
			return
		}
		in := action.Dict(action.Entry{Key: "settings", Value: s.Info().Settings}, action.Entry{Key: "timeout", Value: action.Int(90)})
		v, err := s.Call(ctx, "prescript", in, answers)
		if err == nil {
			_, err = v.MarshalJSON()
			if err != nil {
				t.Errorf("a value that cannot be recorded was returned: %v", err)
			}
		}
	})
}

// answers answers every action with one row.
var answers = action.ExecutorFunc(func(context.Context, action.Action) (action.Result, error) {
	return action.Result{State: action.Applied, Rows: &action.Rows{Columns: []string{"n"}, Rows: [][]action.Value{{action.Int(1)}}}}, nil
})
