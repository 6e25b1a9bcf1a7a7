//go:build linux

package main

import (
	"cmp"
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
	for _, lock := range faultLocks {
		t.Run(lock, func(t *testing.T) {
			t.Parallel()
			server, fs := newFaultServer(t)
			observe(t, server, fs.Dir)
			f := newFaults(t, server, fs, lock)
			for at := 1; at <= f.actions; at++ {
				for _, kind := range faultKinds {
					if kind != "timeout" {
						f.at(at, kind)
					}
				}
			}
		})
	}
}

// The same for the end of a timeout.
func TestTimeoutAtEveryAction(t *testing.T) {
	for _, lock := range faultLocks {
		t.Run(lock, func(t *testing.T) {
			t.Parallel()
			server, fs := newFaultServer(t)
			observe(t, server, fs.Dir)
			f := newFaults(t, server, fs, lock)
			for at := 1; at <= f.actions; at++ {
				if changes(f.clean, at) { // reads that time out are all alike
					f.at(at, "timeout")
				}
			}
		})
	}
}

// faultLocks are the ways in which mysql.star locks MariaDB.
var faultLocks = []string{"stages", "ftwrl"}

// faults is a workload whose runs go wrong at one of their actions.
type faults struct {
	*command
	observer interface{ nothingHeld(what string) }
	clean    *run.Report // of a run without a fault
	actions  int
	best     run.Verdict   // of a run without a fault; application if not given
	patience time.Duration // until the end of the run; a second if not given
}

func newFaultServer(t *testing.T) (*testdb.Server, *testfs.FS) {
	t.Helper()
	fs := testfs.New(t, "ext4", 600)
	return testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{"--innodb-flush-log-at-trx-commit=2"}}), fs
}

func newFaults(t *testing.T, server *testdb.Server, fs *testfs.FS, lock string) *faults {
	t.Helper()
	o := &observer{t: t, server: server, db: server.DB(t), mounts: []string{fs.Dir}}
	o.keepGlobals()
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, "prescript_timeout = 1\npostscript_timeout = 1\n[settings \"orders\"]\nlock = "+lock+"\n"))
	f := &faults{command: c, observer: o, clean: c.run("run", "--json", "--", "true").want(t, run.ExitDone).report}
	o.nothingHeld("a clean run")
	for _, a := range f.clean.Members[0].Actions {
		if a.State != "" {
			f.actions++
		}
	}
	t.Logf("%d actions", f.actions)
	return f
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

// at makes the nth action of a run go wrong.
func (f *faults) at(n int, kind string) {
	t := f.t
	t.Helper()
	what := fmt.Sprintf("%s at action %d", kind, n)
	noted := filepath.Join(f.dir, "fault-time")
	_ = os.Remove(noted)
	f.forget()
	f.plainly(n%8 != 1)
	f.env = []string{faultEnv + "=" + strconv.Itoa(n) + ":" + kind, faultTime + "=" + noted}
	got := f.run("run", "--json", "--", "true")
	for tries := 1; !exists(noted) && tries < 6; tries++ {
		t.Logf("%s: not reached within the second that a prescript has; once more", what)
		f.observer.nothingHeld(what)
		got = f.run("run", "--json", "--", "true")
	}
	since := time.Since(timeIn(t, noted))
	if since > cmp.Or(f.patience, time.Second) {
		t.Errorf("%s: %v until the end of the run", what, since)
	}
	f.observer.nothingHeld(what)
	if got.report == nil {
		t.Fatalf("%s: no report\n%s%s", what, got.stdout, got.stderr)
	}
	if len(got.report.Held) > 0 {
		t.Errorf("%s: held %v", what, got.report.Held)
	}
	if problem := judge(got, kind, cmp.Or(f.best, run.Application)); problem != "" {
		t.Errorf("%s: %s; exit status %d, verdict %q, error %+v", what, problem, got.exit, got.report.Verdict, got.report.Error)
	}
}

// judge says what is wrong with the report of a run with a fault.
func judge(got outcome, kind string, best run.Verdict) string {
	switch got.exit {
	case run.ExitDone:
		if best != run.Application { // a snapshot that nobody has quiesced for is good enough
			if got.report.Members[0].Error == nil {
				return "the fault went unnoticed"
			}
			return ""
		}
		// A script may do without the answer to a try_sql.
		if got.report.Verdict != best {
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

func timeIn(t testing.TB, path string) time.Time {
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
