package scripttest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/scripttest"
)

// locking is a script that takes a lock in some way; what gives it back is its undo.
const locking = `"""Locks."""

API = 1

def prescript(_ctx):
    freeze("/var/lib/mysql")
    sql("SET SESSION lock_wait_timeout = 5", undo = None)
    LOCK
    return {"position": sql("SHOW MASTER STATUS")}

def verify(ctx):
    if sql("SHOW MASTER STATUS") != ctx.recovery_point["position"]:
        fail("it moved")
`

// TestQuiesced tells a script that holds something from one that only says so: a lock
// that was refused, and did not matter to the script, is no application.
func TestQuiesced(t *testing.T) {
	const ftwrl = `sql("FLUSH TABLES WITH READ LOCK", hold = "lock", undo = "UNLOCK TABLES")`
	dropped := []string{"locks dropped snapshot"} // its verify would notice a write, and nobody writes
	for _, c := range []struct {
		name, lock string
		held       int
		writable   bool
		falses     []string // kind and phase of the faults with a false application
	}{
		{"a lock", ftwrl, 1, false, dropped},
		{"none", "pass", 0, true, nil},
		{"given back too early", ftwrl + "; thaw()", 0, true, nil},
		{"refused, and nobody looks", "try_" + ftwrl, 1, false, append([]string{"error prescript"}, dropped...)},
		{"refused, and looked at", `if not try_` + ftwrl + `.ok: fail("no lock")`, 1, false, dropped},
	} {
		p := scripttest.Prove(t.Context(), scripttest.ProveOptions{
			Name: "x.star", World: "mysql-5.6", Source: []byte(strings.Replace(locking, "    LOCK\n", "    "+c.lock+"\n", 1)),
		})
		var falses []string
		for _, f := range p.Faults {
			if f.False {
				falses = append(falses, string(f.Kind)+" "+f.Phase)
			}
		}
		if p.Error != "" || p.Verdict.String() != "application" || len(p.Quiesced) != c.held || p.Writable != c.writable || !slices.Equal(falses, c.falses) {
			t.Errorf("%s: %q, %q, quiesced %q, writable %t, false %q", c.name, p.Error, p.Verdict, p.Quiesced, p.Writable, falses)
		}
	}
}
