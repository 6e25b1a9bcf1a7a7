//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/platform/azure"
	"github.com/starhost/starhost/run"
)

// classicPair is a pair of scripts with the JSON that names it, and no workload.conf.
type classicPair struct {
	*command
	options starhost.Options
}

// newClassicPair writes the pair; DIR in it is the folder. Each writes lines to DIR/log.
// More are further lines of the JSON.
func newClassicPair(t *testing.T, pre, post, more string) *classicPair {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: the scripts of a pair are run as root")
	}
	p := &classicPair{command: newSupervised(t, "")}
	in := func(text string) string { return strings.ReplaceAll(text, "DIR", p.dir) }
	for name, text := range map[string]string{"pre": pre, "post": post} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(in(text)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(p.dir, "c.json"), in("{\n"+more+`"preScriptLocation": "DIR/pre", "postScriptLocation": "DIR/post"}`))
	return p.load(t)
}

func (p *classicPair) load(t *testing.T) *classicPair {
	t.Helper()
	file, err := config.LoadWith(filepath.Join(p.dir, "none.conf"), filepath.Join(p.dir, "c.json"))
	if err != nil {
		t.Fatal(err)
	}
	p.options = starhost.Options{
		Config: file, StateDir: p.stateDir, RuntimeDir: p.runtimeDir,
		Snapshot: func(context.Context, run.Snapshot) error { p.note(t, "snapshot"); return nil },
	}
	return p
}

// note appends a line to the log, as the scripts do.
func (p *classicPair) note(t *testing.T, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line + "\n")
		err = firstError(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// lines is the log in one line.
func (p *classicPair) lines() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ", ")
}

// classicRuns are whole runs of pairs.
var classicRuns = []struct {
	name            string
	pre, post, more string
	exit            int
	verdict         run.Verdict
	log             string
	number          int // of Azure's error; 0 is none
	says            string
}{
	{
		name: "all is well", pre: "#!/bin/sh\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n",
		verdict: run.Filesystem, log: "pre, snapshot, post",
	},
	{
		name: "without fsfreeze", pre: "#!/bin/sh\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n", more: `"fsFreezeEnabled": false,`,
		verdict: run.Crash, log: "pre, snapshot, post",
	},
	{
		name: "without a line that says what runs them", pre: "echo $0 $1 >> DIR/log\n", post: "echo post >> DIR/log\n",
		more: `"preScriptParams": ["x"],`, verdict: run.Filesystem, log: "DIR/pre x, snapshot, post",
	},
	{
		name: "params are data", pre: "#!/bin/sh\nprintf '[%s]' \"$#\" \"$@\" >> DIR/log; echo >> DIR/log\n", post: "#!/bin/sh\nprintf '[%s]' \"$#\" \"$@\" >> DIR/log\n",
		more: `"preScriptParams": ["", "a, b", "$(id)"], "postScriptParams": ["", ""],`, verdict: run.Filesystem, log: "[3][][a, b][$(id)], snapshot, [2][][]",
	},
	{
		name: "retries are made", pre: "#!/bin/sh\necho pre >> DIR/log\n[ $(grep -c pre DIR/log) = 3 ]\n", post: "#!/bin/sh\necho post >> DIR/log\n",
		more: `"preScriptNoOfRetries": 3,`, verdict: run.Filesystem, log: "pre, post, pre, post, pre, snapshot, post",
	},
	{
		name: "prescript fails", pre: "#!/bin/sh\necho pre >> DIR/log\necho first >&2\necho no licence >&2\nexit 2\n", post: "#!/bin/sh\necho post >> DIR/log\n",
		more: `"preScriptNoOfRetries": 1,`, exit: run.ExitPrescript, log: "pre, post, pre, post", number: 300, says: "DIR/pre ended with exit code 2: no licence",
	},
	{
		name: "prescript takes too long", pre: "#!/bin/sh\necho pre >> DIR/log\nsetsid sh -c 'sleep MARK; echo late >> DIR/log' &\nsleep MARK\n", post: "#!/bin/sh\necho post >> DIR/log\n",
		more: `"timeoutInSeconds": 2,`, exit: run.ExitPrescript, log: "pre, post", number: 308, says: "prescript took longer than its timeout of 2s",
	},
	{
		name: "more output than a pipe holds", pre: "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' 'x'\nhead -c 300000 /dev/zero >&2\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n",
		verdict: run.Filesystem, log: "pre, snapshot, post",
	},
	{
		name: "post-script works in the end", pre: "#!/bin/sh\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n[ $(grep -c post DIR/log) = 3 ]\n",
		more: `"postScriptNoOfRetries": 2,`, verdict: run.Filesystem, log: "pre, snapshot, post, post, post",
	},
	{
		name: "post-script fails, and works as the undo", pre: "#!/bin/sh\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n[ $(grep -c post DIR/log) = 4 ]\n",
		more: `"postScriptNoOfRetries": 1,`, exit: run.ExitPostscript, verdict: run.Filesystem, log: "pre, snapshot, post, post, post, post", number: 301, says: "DIR/post ended with exit code 1",
	},
	{
		name: "post-script takes too long at first", pre: "#!/bin/sh\necho pre >> DIR/log\n", post: "#!/bin/sh\necho post >> DIR/log\n[ $(grep -c post DIR/log) = 2 ] || sleep MARK\n",
		more: `"timeoutInSeconds": 2,`, exit: run.ExitPostscript, verdict: run.Filesystem, log: "pre, snapshot, post, post", number: 309, says: "postscript took longer than its timeout of 2s",
	},
	{
		name: "post-script has its time as the undo too", pre: "#!/bin/sh\necho pre >> DIR/log\nexit 1\n", post: "#!/bin/sh\necho begun >> DIR/log\nsleep 3.5\necho post >> DIR/log\n",
		more: `"timeoutInSeconds": 20,`, exit: run.ExitPrescript, log: "pre, begun, post", number: 300, says: "exit code 1",
	},
}

// TestClassicPair runs pairs of real scripts: retries are made, time that is over ends
// everything that a script started, and the post-script runs whatever happens.
func TestClassicPair(t *testing.T) {
	t.Parallel()
	for _, c := range classicRuns {
		t.Run(c.name, func(t *testing.T) {
			m := mark()
			p := newClassicPair(t, strings.ReplaceAll(c.pre, "MARK", m), strings.ReplaceAll(c.post, "MARK", m), c.more)
			r, err := starhost.Run(t.Context(), p.options)
			if err != nil {
				t.Fatal(err)
			}
			in := func(text string) string { return strings.ReplaceAll(text, "DIR", p.dir) }
			if r.Exit != c.exit || r.Verdict != c.verdict || len(r.Held) > 0 {
				t.Errorf("exit %d, verdict %q, held %q, error %+v; want %d, %q", r.Exit, r.Verdict, r.Held, r.Error, c.exit, c.verdict)
			}
			if got := p.lines(); got != in(c.log) {
				t.Errorf("log %s\nwant %s", got, in(c.log))
			}
			if c.says != "" && (r.Error == nil || !strings.Contains(r.Error.Message, in(c.says))) {
				t.Errorf("error %+v, want %q", r.Error, in(c.says))
			}
			if number, _ := azure.ErrorOf(r, err, false); number.Number != c.number {
				t.Errorf("%v, want %d", number, c.number)
			}
			if left := survivors(t, m); left != nil {
				t.Errorf("still there: %q", left)
			}
		})
	}
}

// TestClassicPreAndPost: the supervisor, and the watchdog when that is killed, read the
// same files: a post-script runs even if whoever would have called it is dead.
func TestClassicPreAndPost(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %t", kill), func(t *testing.T) {
			p := newClassicPair(t, "#!/bin/sh\necho pre >> DIR/log\n", "#!/bin/sh\necho post >> DIR/log\n", "")
			p.options.Snapshot = nil
			pending, err := starhost.Pre(t.Context(), p.options)
			if err != nil || !pending.Held {
				t.Fatalf("%v, %+v", err, pending)
			}
			if err := pending.Keep(); err != nil {
				t.Fatal(err)
			}
			if got := p.lines(); got != "pre" {
				t.Errorf("held: %s", got)
			}
			if kill {
				for _, pid := range p.supervisors() {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
				eventually(t, 10*time.Second, "the watchdog runs the post-script", func() bool { return p.lines() == "pre, post" })
			}
			reports, err := starhost.Post(t.Context(), p.options)
			if err != nil || len(reports) != 1 {
				t.Fatalf("%v, %v", err, reports)
			}
			want, number := run.ExitDone, 0
			if kill {
				want, number = run.ExitVerdict, 300
			}
			if got, _ := azure.ErrorOf(reports[0], nil, false); reports[0].Exit != want || got.Number != number || len(reports[0].Held) > 0 {
				t.Errorf("exit %d, held %q, %v, error %+v", reports[0].Exit, reports[0].Held, got, reports[0].Error)
			}
			if got := p.lines(); got != "pre, post" {
				t.Errorf("log %s", got)
			}
		})
	}
}

// TestClassicStarlark: a script of ours in the place of the pair gets the params as data,
// beside those of the caller.
func TestClassicStarlark(t *testing.T) {
	p := newClassicPair(t, "#!/bin/sh\n", "#!/bin/sh\n", "")
	write(t, filepath.Join(p.dir, "my.star"), "\"\"\"Shows what it gets.\"\"\"\n\nAPI = 1\n\ndef prescript(ctx):\n    return ctx.params\n")
	write(t, filepath.Join(p.dir, "c.json"), fmt.Sprintf(`{"preScriptLocation": "%s/my.star", "postScriptLocation": "", "preScriptParams": ["a", ""]}`, p.dir))
	p.load(t).options.Params = action.Dict(action.Entry{Key: "job", Value: action.Int(7)})
	r, err := starhost.Run(t.Context(), p.options)
	if err != nil || r.Exit != run.ExitDone {
		t.Fatalf("%v, %+v", err, r)
	}
	if got, want := r.Members[0].RecoveryPoint.Before.String(), `{"preScriptParams":["a",""],"postScriptParams":[],"job":7}`; got != want {
		t.Errorf("params %s, want %s", got, want)
	}
}
