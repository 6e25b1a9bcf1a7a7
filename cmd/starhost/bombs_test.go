//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/run"
)

const (
	// bombTimeout is the prescript_timeout of every bomb.
	bombTimeout = time.Second
	// seenAfter is how many milliseconds a lock must last for it to be seen from outside.
	seenAfter = 500
	// lockStatement is what every bomb does before it goes off.
	lockStatement = "FLUSH TABLES WITH READ LOCK"
)

// loadingBombs go off while the file loads, when nothing can be held yet.
var loadingBombs = []string{"deep_freeze", "freeze_dag", "loop_loading", "settings_wide"}

// endlessBombs are loops of instructions that are short each: unless their process is
// killed they end where the interpreter was cancelled. Others may have returned by then.
var endlessBombs = []string{"actions_many", "all_of_many", "string_count", "string_find", "string_hash", "string_upper"}

// bombLimits are the time that a command may take in all, and the memory of the command
// itself. The race detector takes time, and keeps several bytes for each one of ours.
func bombLimits() (took time.Duration, memory uint64) {
	if raceEnabled {
		return bombTimeout + 2*time.Second, 250 << 20
	}
	return bombTimeout + time.Second, 100 << 20
}

// bomb is an attack of testdata/bombs, and the kinds that its error may have.
type bomb struct {
	name, path string
	loading    bool
	kinds      []action.Kind
}

func bombs(t testing.TB) (all []bomb) {
	t.Helper()
	files, err := filepath.Glob("../../testdata/bombs/*.star")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bombs, %v", len(files), err)
	}
	for _, path := range files {
		b := bomb{name: strings.TrimSuffix(filepath.Base(path), ".star"), path: path}
		b.loading = slices.Contains(loadingBombs, b.name)
		line, _, _ := strings.Cut(string(b.source(t)), "\n")
		kinds, ok := strings.CutPrefix(line, "# kind: ")
		if !ok {
			t.Fatalf("%s: the first line is %q, want # kind: …", path, line)
		}
		for kind := range strings.SplitSeq(kinds, "|") {
			b.kinds = append(b.kinds, action.Kind(kind))
		}
		all = append(all, b)
	}
	return all
}

func (b bomb) source(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// command returns a place to run the bomb from. What loads is bounded by processor
// time, that of timeout; a second of it leaves the others of the machine their share.
func (b bomb) command(t testing.TB, server *testdb.Server) *command {
	t.Helper()
	hold := 10
	if b.loading {
		hold = 1
	}
	c := newCommand(t, configFor("mariadb", "mysql", server.Socket, fmt.Sprintf(
		"script = bomb.star\nfs_freeze = off\ntimeout = %d\nprescript_timeout = %d\n", hold, int(bombTimeout.Seconds()))))
	write(t, filepath.Join(c.dir, "bomb.star"), string(b.source(t)))
	return c
}

// blast is a server that bombs go off at.
type blast struct {
	*observer
	ran     int // bombs whose command came to its end
	stacks  int // of phases that were cancelled when their time was over
	peak    uint64
	longest time.Duration
}

// Every attack on the interpreter, by the real command, while a real server is locked
// by the very script: it ends in time, with an error that says why, gives the server
// back, and is no burden for the command, whatever becomes of the worker.
func TestBombsWhileLocked(t *testing.T) {
	server := testdb.MariaDB(t, testdb.Options{Args: []string{"--userstat=1"}}) // which counts logins
	w := &blast{observer: observe(t, server)}
	all := bombs(t)
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) { w.t = t; w.inTime(b) })
	}
	w.t = t
	t.Logf("at most %v and %d MiB; %d were cancelled with a stack", w.longest.Round(time.Millisecond), w.peak>>20, w.stacks)
	if w.ran == len(all) && w.stacks < 3 {
		t.Errorf("only %d phases that ran out of time have a stack", w.stacks)
	}
}

// inTime sets off one bomb, once more if it took too long: others may have kept the
// machine busy.
func (w *blast) inTime(b bomb) {
	limit, _ := bombLimits()
	took := w.set(b)
	if took > limit {
		w.t.Logf("took %v; once more", took)
		took = w.set(b)
	}
	if took > limit {
		w.t.Errorf("took %v", took)
	}
	w.longest = max(w.longest, took)
	w.ran++
}

// set sets off one bomb, and returns how long the command took.
func (w *blast) set(b bomb) time.Duration {
	t := w.t
	c := b.command(t, w.server)
	status := filepath.Join(c.dir, "status")
	c.env = []string{statusTo + "=" + status}
	flushed, unlocked, logins := w.counter("COM_FLUSH"), w.counter("COM_UNLOCK_TABLES"), w.logins()
	locked := w.watch()
	got := c.run("run", "--json", "--", "true")
	seen := locked()
	w.nothingHeld("after the bomb")

	peak := memoryOf(t, status, "VmHWM:")
	w.peak = max(w.peak, peak)
	_, memory := bombLimits()
	t.Logf("%v, %d MiB", got.took.Round(time.Millisecond), peak>>20)
	if peak > memory {
		t.Errorf("the command used %d MiB", peak>>20)
	}
	flushed, unlocked, logins = w.counter("COM_FLUSH")-flushed, w.counter("COM_UNLOCK_TABLES")-unlocked, w.logins()-logins
	if b.loading {
		if flushed+logins != 0 || seen {
			t.Errorf("it was to be refused before anything: %d logins, %d locks, seen %v", logins, flushed, seen)
		}
		b.refused(t, got)
		return got.took
	}
	if flushed != 1 || unlocked < 1 {
		t.Errorf("the server was locked %d times and unlocked %d times", flushed, unlocked)
	}
	if b.failed(t, got) {
		w.stacks++
	}
	if got.report.QuiescedMS > seenAfter && !seen {
		t.Errorf("nobody saw the server locked for %v ms", got.report.QuiescedMS)
	}
	return got.took
}

// failed checks the report of a prescript that failed with the lock held. It says
// whether the phase ran out of time and could be cancelled with a stack.
func (b bomb) failed(t testing.TB, got outcome) (stack bool) {
	t.Helper()
	got.want(t, run.ExitPrescript)
	r := got.report
	if r == nil || r.Error == nil || len(r.Members) != 1 || len(r.Members[0].Actions) == 0 {
		t.Fatalf("no report of it: %s", got.stdout)
	}
	if r.Verdict != run.NoVerdict || len(r.Held) > 0 {
		t.Errorf("verdict %q, held %q", r.Verdict, r.Held)
	}
	if lock := r.Members[0].Actions[0]; lock.Text != lockStatement || lock.Hold != "lock" || lock.State != action.Applied || !lock.Undone {
		t.Errorf("the first action is %+v, want the lock, applied and undone", lock)
	}
	t.Logf("%v: %s: %.120s %q", got.took.Round(time.Millisecond), r.Error.Kind, r.Error.Message, r.Error.Stack)
	if !slices.Contains(b.kinds, r.Error.Kind) {
		t.Errorf("the error is %s, want one of %v: %.300s", r.Error.Kind, b.kinds, r.Error.Message)
	}
	// A process that is killed cannot say where its script was.
	timeout := r.Error.Kind == action.KindTimeout
	killed := strings.Contains(r.Error.Message, "process was killed") || strings.Contains(r.Error.Message, "processor time")
	wanted := r.Error.Kind == action.KindScript || timeout && !killed && slices.Contains(endlessBombs, b.name)
	if stack := r.Error.Stack; wanted && len(stack) == 0 || len(stack) > 0 && !strings.HasPrefix(stack[0], "bomb.star:") {
		t.Errorf("the stack is %q: %s", stack, r.Error.Message)
	}
	if timeout && got.took < bombTimeout {
		t.Errorf("out of time after %v", got.took)
	}
	return timeout && len(r.Error.Stack) > 0
}

// refused checks what the command says of a file that does not load: what is wrong with
// it is an error of configuration, and what its process died of has a report.
func (b bomb) refused(t testing.TB, got outcome) {
	t.Helper()
	kind := action.KindScript
	if r := got.report; r != nil && r.Error != nil {
		kind = r.Error.Kind
		got.want(t, run.ExitPrescript)
		if r.Verdict != run.NoVerdict || len(r.Held)+len(r.Members) > 0 {
			t.Errorf("verdict %q, held %q, members %v", r.Verdict, r.Held, r.Members)
		}
		t.Logf("%v: %s: %.120s", got.took.Round(time.Millisecond), kind, r.Error.Message)
	} else if got.want(t, run.ExitUsage); !strings.Contains(got.stderr, "starhost: bomb.star:") {
		t.Errorf("it does not say what is wrong: %s", got.stderr)
	}
	if !slices.Contains(b.kinds, kind) {
		t.Errorf("the error is %s, want one of %v: %s%s", kind, b.kinds, got.stdout, got.stderr)
	}
}

// watch looks from outside for a server that takes no commit. The function that it
// returns ends it, and says whether it saw one.
func (w *blast) watch() func() bool {
	done, seen := make(chan struct{}), make(chan bool, 1)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				seen <- false
				return
			case <-tick.C:
			}
			if errors.Is(w.commit(100*time.Millisecond), context.DeadlineExceeded) {
				seen <- true
				return
			}
		}
	}()
	return func() bool { close(done); return <-seen }
}

// counter is what the server has counted so far.
func (w *blast) counter(name string) int {
	w.t.Helper()
	return w.number("SELECT variable_value FROM information_schema.global_status WHERE variable_name = '" + name + "'")
}

// logins counts those of the user that only our runs log in as.
func (w *blast) logins() int {
	w.t.Helper()
	return w.number("SELECT COALESCE(SUM(total_connections), 0) FROM information_schema.user_statistics WHERE user = 'starhost'")
}

func (w *blast) number(query string) int {
	w.t.Helper()
	n, err := strconv.Atoi(w.value(query))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// memoryOf returns an entry of a status file of /proc.
func memoryOf(t testing.TB, status, entry string) uint64 {
	t.Helper()
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatalf("nothing is known of the process: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), entry)
	kib, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
