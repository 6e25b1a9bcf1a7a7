package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/builtins"
	"github.com/starhost/starhost/interp"
	"github.com/starhost/starhost/worker"
)

const (
	// bombTimeout is that of every bomb, to load and to run.
	bombTimeout = time.Second
	// bombGrowth is how much memory we may use more after all bombs than before.
	bombGrowth = 50 << 20
)

// bomb is one script that must do no harm, with the kinds that its error may have.
type bomb struct {
	name   string
	source []byte
	kinds  []action.Kind
}

// bombs returns the scripts of testdata/bombs, whose first line says the kinds, and
// those that are too long and too dull for a file.
func bombs(t *testing.T) []bomb {
	t.Helper()
	files, err := filepath.Glob("../testdata/bombs/*.star")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bombs, %v", len(files), err)
	}
	all := generatedBombs()
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(source), "\n")
		kinds, ok := strings.CutPrefix(line, "# kind: ")
		if !ok {
			t.Fatalf("%s: the first line is %q, want # kind: …", file, line)
		}
		b := bomb{name: filepath.Base(file), source: source}
		for kind := range strings.SplitSeq(kinds, "|") {
			b.kinds = append(b.kinds, action.Kind(kind))
		}
		all = append(all, b)
	}
	return all
}

// generatedBombs are attacks on the compiler, which knows no context.
func generatedBombs() []bomb {
	fill := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < interp.MaxSource-100; i++ {
			if strings.Contains(format, "%") {
				fmt.Fprintf(&b, format, i)
			} else {
				b.WriteString(format)
			}
		}
		return b.String()
	}
	script, late := []action.Kind{action.KindScript}, []action.Kind{action.KindTimeout, action.KindScript}
	return []bomb{
		{"undefined names", []byte("x = [" + fill("n%d,") + "]\n"), late},
		{"conditions", []byte("x = [1 for a in [1]" + fill(" if 1") + "]\n"), late},
		{"elif", []byte("def f(x):\n if x: pass\n" + fill(" elif x: pass\n")), late},
		{"calls", []byte("def f(): return f" + fill("()") + "\n"), late},
		{"minus", []byte("x = 1" + fill("-1") + "\n"), late},
		{"digits", []byte("x = " + fill("9") + "\n"), late},
		{"definitions", []byte("def f(): pass\n" + fill("def f%[1]d(): f()\n")), late},
		{"brackets", []byte("x = " + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + "\n"), script},
		{"long line", bytes.Repeat([]byte("x"), interp.MaxSource), script},
		{"too long", bytes.Repeat([]byte("x = 1\n"), 200000), script},
		{"not UTF-8", []byte("x = '\xff'\n"), script},
		{"zero bytes", make([]byte, 1000), script},
	}
}

// run runs a bomb in a worker, and returns what it had asked for and the error.
func (b bomb) run(t *testing.T) (*asks, error) {
	t.Helper()
	limited := func() (context.Context, func()) { return context.WithTimeout(t.Context(), bombTimeout) }
	ctx, cancel := limited()
	defer cancel()
	held := &asks{}
	began := time.Now()
	w, err := worker.Start(ctx, worker.Options{Name: b.name, Source: b.source, Database: "mysql"})
	if err == nil {
		ctx, cancel := limited()
		defer cancel()
		began = time.Now()
		_, err = w.Call(ctx, "prescript", action.Dict(), held)
		if !held.held() {
			t.Error("it went off before it held anything")
		}
	}
	if took := time.Since(began); took > bombTimeout+time.Second {
		t.Errorf("took %v", took)
	}
	if w != nil {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	return held, err
}

func TestBombs(t *testing.T) {
	before := residentMemory(t)
	all := bombs(t)
	t.Run("all", func(t *testing.T) {
		for _, b := range all {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				_, err := b.run(t)
				e := (*action.ScriptError)(nil)
				if !errors.As(err, &e) || !slices.Contains(b.kinds, e.Kind) {
					t.Fatalf("got %v, want one of %v", err, b.kinds)
				}
				t.Logf("%v: %s: %.150s", time.Since(began).Round(time.Millisecond), e.Kind, e.Error())
			})
		}
	})
	limit := uint64(bombGrowth)
	if cgo() {
		limit *= 4 // the race detector has memory of its own for every byte of ours
	}
	after := residentMemory(t)
	t.Logf("our memory has grown from %d to %d MiB", before>>20, after>>20)
	if after > before+limit {
		t.Errorf("it may grow by %d MiB", limit>>20)
	}
}

// residentMemory is how much memory we use at most so far.
func residentMemory(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// inProcessName is argv[0] of a copy of this test that runs a bomb without a worker.
const inProcessName = "starhost-bomb"

// TestWithoutWorker shows that a worker is needed: in a process that runs the
// interpreter itself these bombs ignore their timeout, or end it.
func TestWithoutWorker(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	harm := 0
	for _, name := range []string{"hash_dag", "freeze_dag", "compare_wide", "int_parse", "list_repeat_16g", "string_join"} {
		if what := withoutWorker(t, name); what != "" {
			harm++
			t.Log(name, what)
		}
	}
	if harm < 5 {
		t.Errorf("only %d did harm", harm)
	}
}

// withoutWorker returns what harm a bomb does to the process that runs it.
func withoutWorker(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*bombTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", filepath.Join("../testdata/bombs", name+".star"))
	cmd.Args[0] = inProcessName
	cmd.Env = append(os.Environ(), "GOTRACEBACK=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return "hangs"
	case err != nil:
		line, _, _ := strings.Cut(string(out), "\n")
		return "dies: " + line
	}
	return ""
}

// inProcess is the copy: it ends with status 0 if the bomb did not. The limit is for
// the machine's sake; one allocation alone exceeds it.
func inProcess() {
	if os.Args[0] != inProcessName {
		return
	}
	source, err := os.ReadFile(os.Args[1])
	if err == nil && !cgo() {
		err = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: 4 << 30, Max: 4 << 30})
	}
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), bombTimeout)
	defer cancel()
	s, err := interp.New(ctx, interp.Options{Name: "x.star", Source: source, Words: builtins.New("mysql")})
	if err == nil {
		_, err = s.Call(ctx, "prescript", action.Dict(), &asks{})
	}
	fmt.Println(err)
	os.Exit(0)
}
