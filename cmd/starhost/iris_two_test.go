//go:build linux

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/internal/testtable"
	"github.com/starhost/starhost/run"
	"github.com/starhost/starhost/scripttest/worlds"
)

// Two instances are two members of one run, which freezes and thaws them at the same time:
// the window is that of the slowest, not the sum.
func TestTwoIrisInstances(t *testing.T) {
	t.Parallel()
	testfs.RequireRoot(t) // to run programs as another user
	freezes, thaws := gatheringOf(1), gatheringOf(1)
	takes := func(p worlds.Program) time.Duration {
		switch call := p.Argv[len(p.Argv)-1]; {
		case strings.Contains(call, "ExternalFreeze("):
			freezes.wait()
		case strings.Contains(call, "ExternalThaw("):
			thaws.wait()
		default:
			return 0
		}
		return 300 * time.Millisecond
	}
	h := newIris(t, irisProgram(t), []string{"A", "B"}, takes, nil)
	c := newCommand(t, h.member("a", "A", 20)+h.member("b", "B", 20))
	c.plainly(true)
	window := func(names ...string) float64 {
		got := c.run(append(append([]string{"run", "--json"}, names...), "--", "true")...).want(t, run.ExitDone)
		if got.report.Verdict != run.Application || len(h.held()) > 0 {
			t.Errorf("%v: verdict %s, held %q", names, got.report.Verdict, h.held())
		}
		return got.report.QuiescedMS
	}
	a, b := window("a"), window("b")
	freezes.expect(2)
	thaws.expect(2)
	both := window()
	freezes.took(t, "freezes")
	thaws.took(t, "thaws")
	testtable.Show(t, "iris-two", fmt.Sprintf("a freeze and a thaw take 300 ms each: a alone %.0f ms held, b alone %.0f, together %.0f: %.2f of the slowest alone, %.2f of the sum",
		a, b, both, both/max(a, b), both/(a+b)))
}

// A name and a password go to the standard input of each session, and nowhere else.
func TestIrisByPassword(t *testing.T) {
	t.Parallel()
	testfs.RequireRoot(t) // to run programs as another user
	h := newIris(t, irisProgram(t), []string{"IRIS"}, nil, change{"login": "password", "user": "backup", "password": password})
	conf := h.member("orders", "IRIS", 20)
	c := newCommand(t, strings.Replace(conf, "timeout = 20\n", "timeout = 20\nsecret.iris = PASSWORD_FILE\n", 1)+"user = backup\n")
	c.plainly(true)
	got := c.run("run", "--json", "--", "true").want(t, run.ExitDone)
	if got.report.Verdict != run.Application || len(h.held()) > 0 {
		t.Errorf("verdict %s, held %q", got.report.Verdict, h.held())
	}
	for _, p := range h.Asked() {
		if session := len(p.Argv) > 4; session != (p.Stdin == "backup\n"+password+"\n") {
			t.Errorf("%q got %q", p.Argv, p.Stdin)
		}
		if where := secretIn(strings.Join(p.Argv, " ")); where != "" {
			t.Errorf("the password is an argument: %s", where)
		}
	}
}
