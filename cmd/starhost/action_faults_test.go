//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// Every action of mysql.star goes wrong in every way, in a real process, on a real
// server and a real filesystem. Within a second nothing is held, and the report
// says what happened.
func TestFaultAtEveryAction(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=2"}})
	for _, lock := range []string{"stages", "ftwrl"} {
		t.Run(lock, func(t *testing.T) {
			o := &observer{t: t, server: server, db: server.DB(t), mounts: []string{fs.Dir}}
			if lock == "stages" {
				o = observe(t, server, fs.Dir)
			}
			o.keepGlobals()
			c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "prescript_timeout = 1\npostscript_timeout = 1\n[settings \"orders\"]\nlock = "+lock+"\n"))
			clean := c.run("run", "--json", "--", "true").want(t, run.ExitDone)
			o.nothingHeld("a clean run")
			n := 0
			for _, a := range clean.report.Members[0].Actions {
				if a.State != "" {
					n++
				}
			}
			t.Logf("%d actions", n)
			for at := 1; at <= n; at++ {
				for _, kind := range faultKinds {
					if kind == "timeout" && !changes(clean.report, at) {
						continue // a second each: reads that time out are all alike
					}
					faultAt(t, c, o, at, kind)
				}
			}
		})
	}
}

// changes reports whether the nth action took something or came after something
// was taken.
func changes(r *run.Report, n int) bool {
	for i, a := range r.Members[0].Actions {
		if i < n && len(a.Undo) > 0 && a.State == "applied" {
			return true
		}
	}
	return n == 1
}

func faultAt(t *testing.T, c *command, o *observer, at int, kind string) {
	t.Helper()
	what := fmt.Sprintf("%s at action %d", kind, at)
	noted := filepath.Join(c.dir, "fault-time")
	_ = os.Remove(noted)
	c.env = []string{faultEnv + "=" + strconv.Itoa(at) + ":" + kind, faultTime + "=" + noted}
	got := c.run("run", "--json", "--", "true")
	since := time.Since(timeIn(t, noted))
	if since > time.Second {
		t.Errorf("%s: %v until the end of the run", what, since)
	}
	o.nothingHeld(what)
	if got.report == nil {
		t.Fatalf("%s: no report\n%s%s", what, got.stdout, got.stderr)
	}
	if len(got.report.Held) > 0 {
		t.Errorf("%s: held %v", what, got.report.Held)
	}
	if problem := judge(got, kind); problem != "" {
		t.Errorf("%s: %s; exit status %d, verdict %q, error %+v", what, problem, got.exit, got.report.Verdict, got.report.Error)
	}
}

// judge says what is wrong with the report of a run with a fault.
func judge(got outcome, kind string) string {
	switch got.exit {
	case run.ExitDone:
		// A script may do without the answer to a try_sql.
		if got.report.Verdict != run.Application {
			return "exit status 0 without the required verdict"
		}
		if kind == "panic" || kind == "sigterm" || kind == "timeout" {
			return "the fault went unnoticed"
		}
		return ""
	case run.ExitPrescript:
		if got.report.Verdict != run.NoVerdict {
			return "a verdict without a snapshot"
		}
	case run.ExitVerdict:
		if got.report.Verdict == run.Application {
			return "a verdict that was not proven"
		}
	case run.ExitPostscript:
	default:
		return "unexpected exit status"
	}
	wanted := map[string][]string{"panic": {"internal"}, "timeout": {"timeout"}, "sigterm": {"aborted"}, "error": {"script", "verify"}, "lost": {"script", "verify"}}
	for _, k := range wanted[kind] {
		if string(got.report.Error.Kind) == k {
			if len(got.report.Error.Stack) == 0 {
				return "no Starlark stack"
			}
			return ""
		}
	}
	return "wrong kind of error"
}

func timeIn(t *testing.T, path string) time.Time {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal("the fault did not happen: ", err)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, n)
}
