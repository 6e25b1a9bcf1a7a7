package scripttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/interp"
)

// TestContext has a script get the fields of ctx that a real run gives it, and no more.
func TestContext(t *testing.T) {
	var want []string
	for _, f := range action.ContextFields {
		want = append(want, f.Name)
	}
	got := (&stage{}).ctx(interp.Info{Settings: action.Dict()}).Keys()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestContextOfRecording has a script that is replayed see ctx as it was in the recorded
// run, but for what a test says: what it asks for may be made of it.
func TestContextOfRecording(t *testing.T) {
	r, err := newReplay([]byte(`{"workload":"a","member":{"version":1,"context":{"run":"R","workload":"a","timeout":30,`+
		`"linux_user":"redis","params":{"x":1},"recovery_point":{"x":1},"snapshot":"taken","nonsense":1}}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ params, context, want string }{
		{`{}`, `{}`, `"R" "a" 30 "redis" {"x":1} null "unknown"`},
		{`{"y":2}`, `{"linux_user":"me"}`, `"R" "a" 30 "me" {"y":2} null "unknown"`},
	} {
		s := &stage{replay: r}
		for value, text := range map[*action.Value]string{&s.params: c.params, &s.context: c.context} {
			if err := value.UnmarshalJSON([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		ctx := s.ctx(interp.Info{Settings: action.Dict()})
		got := ""
		for _, name := range []string{"run", "workload", "timeout", "linux_user", "params", "recovery_point", "snapshot"} {
			got += fmt.Sprint(ctx.Get(name)) + " "
		}
		if got = strings.TrimSpace(got); got != c.want || !ctx.Get("nonsense").IsNone() {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// empty is a script that does nothing.
func empty(t *testing.T) *interp.Script {
	t.Helper()
	s, err := interp.New(t.Context(), interp.Options{Name: "empty.star", Source: []byte("API = 1\n\ndef prescript(_ctx):\n    pass\n")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
