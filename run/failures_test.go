package run

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/undo"
)

// An undo that keeps failing is in the log a few times, and counted in the end.
func TestFailuresInTheLog(t *testing.T) {
	for _, tt := range []struct{ name, attempts, want string }{
		{"once", "a", "try=1:a"},
		{"equal", strings.Repeat("a", 24), "try=1:a try=2:a try=4:a try=8:a try=16:a tries=24:a"},
		{"the last one was told", strings.Repeat("a", 16), "try=1:a try=2:a try=4:a try=8:a try=16:a"},
		{"another text", "aaaaabb", "try=1:a try=2:a try=4:a try=6:b tries=7:b"},
		{"two undos", "aaaAAA", "try=1:a try=2:a try=1:A try=2:A tries=3:a tries=3:A"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			log := zerolog.New(&out)
			var f failures
			for _, text := range strings.Split(tt.attempts, "") {
				of := 1
				if text == "A" {
					of = 2
				}
				f.add(&log, undo.Hold{Of: of, Name: "lock"}, action.Op{SQL: &action.SQL{Query: "UNLOCK"}}, text)
			}
			f.total(&log)
			var got []string
			for _, m := range regexp.MustCompile(`"(try|tries)":(\d+),"message":"undo failed(?:, in all)?: (.)"`).FindAllStringSubmatch(out.String(), -1) {
				got = append(got, m[1]+"="+m[2]+":"+m[3])
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s\n%s", got, tt.want, out.String())
			}
		})
	}
}

// A run counts over all its unwindings: that of thaw(), and that at the end.
func TestFailuresOfARun(t *testing.T) {
	f := newFixture(t)
	var out bytes.Buffer
	f.Log = zerolog.New(&out)
	n := 0
	f.give["orders: lock"] = func(context.Context) action.State {
		if n++; n > 11 {
			return journal.Done
		}
		return journal.Failed
	}
	f.Pause = func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil && n != 3 } // thaw() gives up
	if r := f.do(); len(r.Held) > 0 {
		t.Fatalf("held: %q", r.Held)
	}
	text := out.String()
	if got := strings.Count(text, `"message":"undo failed: said the world"`); got != 4 || n != 12 || strings.Count(text, `"tries":11`) != 1 {
		t.Errorf("%d of %d attempts are in the log, want 1, 2, 4, 8, and their number:\n%s", got, n, text)
	}
}
