package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/journal"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/undo"
)

// fixture is a run in a world of fakes, with a real journal in a real directory. A
// test changes what it is about and calls do; whatever the run did is then in log.
//
// The world: member "orders" with a script that names /data, takes "lock" and gives
// it back, and a filesystem /data. What an action answers is decided by on, under the
// line that the log has for it.
type fixture struct {
	*testing.T
	Config
	scripts map[string]script
	hosts   map[string]*host
	fs      *filesystems
	disk    *disk
	dir     string
	cancel  func(*action.Fault) // ends the context of the run
	// beforeHold, if set, happens just before the journal is put on hold.
	beforeHold func()

	mu     sync.Mutex
	log    []string
	events []string
	on     map[string]func(ctx context.Context) action.Result
	give   map[string]func(ctx context.Context) action.State // of an undo
	held   map[string]bool                                   // what the world holds, by the line that took it
	size   int64                                             // of the journal at the first freeze
}

// phase is the body of a function of a script.
type phase func(c *calling) (action.Value, error)

// script implements [action.Script] by one function a phase.
type script map[string]phase

func (s script) Call(ctx context.Context, name string, in action.Value, ex action.Executor) (action.Value, error) {
	if s[name] == nil {
		return action.Value{}, nil
	}
	v, err := s[name](&calling{ctx, in, ex})
	// The interpreter makes a script error of whatever went wrong.
	if f, e := (*action.Fault)(nil), (*action.ScriptError)(nil); errors.As(err, &f) && !errors.As(err, &e) {
		err = &action.ScriptError{Kind: f.Kind, Msg: f.Message, Cause: err}
	}
	return v, err
}

func (s script) Close() error { return nil }

// calling is a phase that is running.
type calling struct {
	context.Context
	in action.Value
	ex action.Executor
}

// make makes an action as a builtin does: an answer that is a fault is an error.
func (c *calling) make(a action.Action) error {
	res, err := c.ex.Do(c, a)
	if err == nil && res.Err != nil {
		err = res.Err
	}
	return err
}

func sql(query string) action.Op {
	return action.Op{SQL: &action.SQL{Session: "main", Query: query}}
}

// lock takes a hold of that name.
func (c *calling) lock(name string) error {
	return c.make(action.Action{
		Op: sql("FLUSH TABLES WITH READ LOCK"), Word: "sql", Hold: name, Undo: []action.Op{sql("UNLOCK TABLES")}, UndoGiven: true,
	})
}

func (c *calling) read() error {
	return c.make(action.Action{Op: sql("SHOW MASTER STATUS"), Word: "sql"})
}

func (c *calling) freeze(path string) error {
	return c.make(action.Action{Op: action.Op{Freeze: &action.Freeze{Paths: []string{path}}}, Word: "freeze"})
}

func (c *calling) thaw(names ...string) error {
	return c.make(action.Action{Op: action.Op{Thaw: &action.Thaw{Holds: names}}, Word: "thaw"})
}

// orders is the script of the first member.
func orders() script {
	return script{
		"prescript": func(c *calling) (action.Value, error) {
			if err := c.freeze("/data"); err != nil {
				return action.Value{}, err
			}
			return position, c.lock("lock")
		},
		"verify":     func(c *calling) (action.Value, error) { return action.Value{}, c.read() },
		"postscript": func(c *calling) (action.Value, error) { return action.String("after"), c.thaw() },
	}
}

var position = action.Dict(action.Entry{Key: "position", Value: action.Int(42)})

// newFixture returns a run of these members, "orders" if none is named, that will end well.
func newFixture(t *testing.T, members ...string) *fixture {
	t.Parallel()
	f := &fixture{
		T: t, dir: t.TempDir(), scripts: map[string]script{}, hosts: map[string]*host{}, held: map[string]bool{},
		on: map[string]func(context.Context) action.Result{}, give: map[string]func(context.Context) action.State{},
	}
	f.disk = &disk{}
	w, err := journal.Create(f.disk, filepath.Join(f.dir, "runs"), "01J", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	f.fs = &filesystems{f: f, named: []string{"/data"}}
	f.Config = Config{
		ID: "01J", Limits: Limits{Hold: 10 * time.Second, Prescript: 5 * time.Second, Postscript: 5 * time.Second, Freeze: 5 * time.Second},
		Require: Application, Filesystems: f.fs, Journal: w, Begin: journal.Record{Boot: "b", Version: "1"},
		RecoveryPoints: filepath.Join(f.dir, "recovery-points"), Events: eventLog{f}, Log: zerolog.Nop(),
	}
	f.Snapshot = func(context.Context, Snapshot) error { f.note("snapshot"); return nil }
	for _, m := range append(members, "orders")[:max(1, len(members))] {
		f.scripts[m], f.hosts[m] = orders(), &host{f: f, member: m}
		f.Members = append(f.Members, Member{
			Workload: m, Name: "x.star", SHA256: "e3b0", Phases: []string{"prescript", "verify", "postscript"},
			Policy: policy.Policy{Database: "mysql"}, Host: f.hosts[m], Context: action.Dict(),
		})
	}
	return f
}

// inOrder gives the members their order, the first the lowest.
func (f *fixture) inOrder(members ...string) {
	for i := range f.Members {
		f.Members[i].Order = slices.Index(members, f.Members[i].Workload)
	}
}

func (f *fixture) note(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, line)
}

// noted reports whether the log has the line.
func (f *fixture) noted(line string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.log, line)
}

// do leads the run and checks what must be true however it ended.
func (f *fixture) do() *Report {
	f.Helper()
	ctx, cancel := context.WithCancelCause(f.Context())
	defer cancel(nil)
	f.cancel = func(fault *action.Fault) { cancel(fault) }
	for i := range f.Members {
		f.Members[i].Script = f.scripts[f.Members[i].Workload]
	}
	r := Do(ctx, f.Config)
	records := f.Journal.Records()
	f.checkHeld(r, records)
	f.checkDisk(r, records)
	return r
}

// checkDisk: the disk has the whole journal, unless it failed, or a filesystem is still
// frozen: then nothing may be written to it.
func (f *fixture) checkDisk(r *Report, records []journal.Record) {
	f.Helper()
	err := f.Journal.Close()
	if f.disk.broken.Load() || strings.Contains(strings.Join(r.Held, " "), "filesystem") {
		return
	}
	onDisk, tail, rerr := journal.Read(journal.OS{}, f.Journal.Path())
	if err = errors.Join(err, rerr); err != nil || tail.Torn || len(onDisk) != len(records) {
		f.Errorf("the disk has %d of %d records, %+v, %v", len(onDisk), len(records), tail, err)
	}
}

// checkHeld: either nothing is held, and that is written down, or the report says so
// and the journal stays open.
func (f *fixture) checkHeld(r *Report, records []journal.Record) {
	f.Helper()
	plan := undo.Plan(records)
	ended := records[len(records)-1].Type == journal.TypeEnd
	if held := len(r.Held) > 0; held != (len(plan) > 0) || held != (r.Exit == ExitHeld) || held == ended && r.Exit != ExitInternal {
		f.Errorf("exit %d, report holds %q, journal holds %v, has an end: %t", r.Exit, r.Held, plan, ended)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.held) > 0 != (len(r.Held) > 0) {
		f.Errorf("the world holds %v, the report %q", f.held, r.Held)
	}
}

// want checks the end of a run; kind and message are those of the error.
func (f *fixture) want(r *Report, exit int, verdict Verdict, kind action.Kind, message string) {
	f.Helper()
	got := &Error{}
	if r.Error != nil {
		got = r.Error
	}
	if r.Exit != exit || r.Verdict != verdict || got.Kind != kind || !strings.Contains(got.Message, message) {
		f.Errorf("got  exit %d, verdict %q, %s: %q\nwant exit %d, verdict %q, %s: … %s …\nlog: %s",
			r.Exit, r.Verdict, got.Kind, got.Message, exit, verdict, kind, message, f.lines())
	}
}

// wantLog checks everything that happened in the world, in order.
func (f *fixture) wantLog(lines ...string) {
	f.Helper()
	if got := f.lines(); got != strings.Join(lines, "\n") {
		f.Errorf("log:\n%s\nwant:\n%s", got, strings.Join(lines, "\n"))
	}
}

func (f *fixture) lines() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, "\n")
}

// record returns a record of the journal by its number.
func (f *fixture) record(n int) journal.Record { return f.Journal.Records()[n-1] }

// journalSize is how much of the journal is on the disk.
func (f *fixture) journalSize() int64 {
	info, err := os.Stat(f.Journal.Path())
	if err != nil {
		f.Error(err)
		return -1
	}
	return info.Size()
}

// refuse and fault are answers for fixture.on.

func refuse(kind action.Kind, message string) func(context.Context) action.Result {
	return func(context.Context) action.Result { return action.Refuse(kind, "%s", message) }
}

func fault(kind action.Kind, message string) func(context.Context) action.Result {
	return func(context.Context) action.Result {
		return action.Result{State: action.Unknown, Err: &action.Fault{Kind: kind, Message: message}}
	}
}

// failing fails n times, then works.
func failing(n int) func(context.Context) action.State {
	return func(context.Context) action.State {
		if n--; n >= 0 {
			return journal.Failed
		}
		return journal.Done
	}
}

// does is a phase that makes one step.
func does(step func(c *calling) error) phase {
	return func(c *calling) (action.Value, error) { return action.Value{}, step(c) }
}

func fails(format string, args ...any) phase {
	return does(func(*calling) error {
		return &action.ScriptError{Kind: action.KindScript, Msg: fmt.Sprintf(format, args...)}
	})
}
