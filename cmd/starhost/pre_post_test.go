//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost"
	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
	"github.com/starhost/starhost/run"
)

// A snapshot by another program between pre and post has what was acknowledged before
// it and nothing that came after.
func TestPreSnapshotPost(t *testing.T) {
	fs := testfs.New(t, "ext4", 600)
	server := testdb.MariaDB(t, testdb.Options{Dir: fs.Dir, Args: []string{lossy, "--innodb-flush-log-at-trx-commit=0"}})
	o := observe(t, server, fs.Dir)
	r := restored{acks: map[string]*acks{}, rows: map[string]int{}}
	stop := r.startWriters(t, o)
	image := filepath.Join(filepath.Dir(fs.Image), "snapshot.img")
	t.Cleanup(func() { _ = os.Remove(image) })

	c := newSupervised(t, configFor("mariadb", "mysql", server.Socket, ""))
	pre := c.run("pre", "--json").want(t, run.ExitDone)
	testfs.CopyImage(t, fs, image)
	post := c.run("post", "--json").want(t, run.ExitDone)
	r.reachMore(t)
	stop()
	o.nothingHeld("after post")
	if post.report.Verdict != run.Application || post.report.FrozenMS <= 0 || post.report.Run != pre.report.Run {
		t.Errorf("run %s, verdict %q, frozen for %v ms", post.report.Run, post.report.Verdict, post.report.FrozenMS)
	}
	r.from, r.to = snapshotTimes(t, c, post.report.Run)
	r.checkRate(t)
	server.Stop(t)
	fs.Unmount(t)

	copied := testfs.MountCopy(t, image, "ext4")
	checkPosition(t, filepath.Join(copied, "data"), pre.report.Members[0].RecoveryPoint)
	checkCarried(t, c, copied, pre.report.Run)
	r.checkCopy(t, copied)
}

// Each order of pre, post and abort has its exit status and says why.
func TestPrePostStatuses(t *testing.T) {
	w, c := supervised(t, "")
	none := func(verb string) {
		t.Helper()
		if got := c.run(verb).want(t, run.ExitNothing); !strings.Contains(got.stderr, "without a pre") {
			t.Errorf("%s says %s", verb, got.stderr)
		}
	}
	none("post")
	none("abort")

	pre := c.run("pre", "--json").want(t, run.ExitDone).report
	w.frozen()
	held := strings.Join(pre.Held, "\n")
	if pre.Verdict != run.NoVerdict || pre.Error != nil || !strings.Contains(held, "filesystem "+w.fs.Dir) || !strings.Contains(held, "orders: lock") ||
		len(pre.Members) != 1 || pre.Members[0].RecoveryPoint.Before.IsNone() || len(pre.Members[0].Actions) == 0 {
		t.Errorf("the report of pre: %+v", pre)
	}
	if got := c.run("status").want(t, run.ExitDone); !strings.Contains(got.stdout, "ALIVE, frozen, thawed by ") {
		t.Errorf("status says %s", got.stdout)
	}
	c.thawsWithin(10 * time.Second) // the default of freeze_timeout
	if got := c.run("pre").want(t, run.ExitNothing); !strings.Contains(got.stderr, "in use by run "+pre.Run) {
		t.Errorf("a second pre says %s", got.stderr)
	}
	c.run("run", "--", "true").want(t, run.ExitNothing)
	c.run("post", "nobody").want(t, run.ExitUsage)
	post := c.run("post", "orders").want(t, run.ExitDone)
	if !strings.Contains(post.stdout, "orders: application") {
		t.Errorf("post says %s", post.stdout)
	}
	w.nothingHeld("after post")
	none("post")

	if got := c.run("pre").want(t, run.ExitDone); !strings.Contains(got.stdout, "held: filesystem "+w.fs.Dir) {
		t.Errorf("pre says %s", got.stdout)
	}
	abort := c.run("abort", "--json").want(t, run.ExitDone).report
	if abort.Verdict != run.NoVerdict || abort.Error != nil || len(abort.Held) > 0 {
		t.Errorf("the report of abort: %+v", abort)
	}
	for _, phase := range abort.Phases {
		if phase.Name == "postscript" {
			t.Error("abort ran the postscript")
		}
	}
	w.nothingHeld("after abort")
	none("abort")
	none("post")
}

// thawsWithin fails the test unless status says that what is frozen will be thawed in
// the time that began a moment ago, while the run may go on for longer.
func (c *command) thawsWithin(limit time.Duration) {
	c.t.Helper()
	got := c.run("status", "--json").want(c.t, run.ExitDone)
	var status struct{ Runs []starhost.RunStatus }
	if err := json.Unmarshal([]byte(got.stdout), &status); err != nil || len(status.Runs) == 0 {
		c.t.Fatalf("status: %v\n%s", err, got.stdout)
	}
	s := status.Runs[0]
	if s.ThawBy == nil || s.Until == nil {
		c.t.Fatalf("status has no time: %s", got.stdout)
	}
	if left := time.Until(*s.ThawBy); left > limit || left <= 0 || !s.ThawBy.Before(*s.Until) {
		c.t.Errorf("thawed in %v, over in %v, want %v", left, time.Until(*s.Until), limit)
	}
}

// At the deadline everything is given back without post, which then says so, once.
func TestPostAfterTheDeadline(t *testing.T) {
	t.Parallel()
	w, c := supervised(t, "freeze_timeout = 1\n")
	for _, verb := range []string{"post", "abort", "pre"} {
		t.Run(verb, func(t *testing.T) {
			c.t, w.t, w.observer.t = t, t, t
			start := time.Now()
			c.run("pre").want(t, run.ExitDone)
			eventually(t, 5*time.Second, "the supervisor ends", func() bool { return len(c.supervisors()) == 0 })
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("held for %v", took)
			}
			w.nothingHeld("after the deadline")
			switch verb {
			case "post":
				got := c.run("post", "--json").want(t, run.ExitVerdict).report
				w.wants(got, run.ExitVerdict, run.Crash, "not to be trusted: freeze_timeout")
				c.remembers(got)
			case "abort":
				if got := c.run("abort").want(t, run.ExitNothing); !strings.Contains(got.stderr, "freeze_timeout") {
					t.Errorf("abort says %s", got.stderr)
				}
			case "pre": // what nobody has asked for is forgotten
				c.run("pre").want(t, run.ExitDone)
				c.run("post").want(t, run.ExitDone)
			}
			c.run("post").want(t, run.ExitNothing)
		})
	}
	c.t = t
}

// The answer of pre may go to a file on the filesystem that it froze, as that of an
// agent does that logs there: pre ends all the same.
func TestPreAnswersIntoTheFrozenFilesystem(t *testing.T) {
	w, c := supervised(t, "")
	path := filepath.Join(w.fs.Dir, "answer")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := c.process("pre", "--json")
	cmd.Stdout, cmd.Stderr = out, out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("pre took %v", took)
	}
	w.frozen()
	c.run("post").want(t, run.ExitDone)
	eventually(t, 2*time.Second, "the answer is in the file", func() bool {
		text, err := os.ReadFile(path)
		return err == nil && bytes.Contains(text, []byte(`"exit":0`)) && bytes.HasSuffix(text, []byte("}\n"))
	})
	w.nothingHeld("after post")
}

// idle is a script that needs no server.
const idle = "API = 1\n\ndef prescript(ctx):\n    freeze()\n    %s\n\ndef verify(ctx):\n    pass\n\ndef postscript(ctx):\n    %s\n"

// Several workloads are one run, or several: each ends with those that it began with.
func TestPrePostOfSeveral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "idle.star"), fmt.Sprintf(idle, "pass", "pass"))
	write(t, filepath.Join(dir, "late.star"), fmt.Sprintf(idle, "pass", "fail(\"late\")"))
	write(t, filepath.Join(dir, "bad.star"), fmt.Sprintf(idle, "fail(\"bad\")", "pass"))
	write(t, filepath.Join(dir, "wrong.star"), "API = 1\n")
	config := ""
	for _, w := range [][2]string{{"orders", "idle"}, {"billing", "idle"}, {"late", "late"}, {"bad", "bad"}, {"wrong", "wrong"}} {
		config += fmt.Sprintf("[workload \"%s\"]\nworkload_name = custom\nscript = %s/%s.star\nfs_freeze = off\ntimeout = 60\n", w[0], dir, w[1])
	}
	c := newSupervised(t, config)
	for _, tt := range []struct {
		name  string
		steps string // command lines, each with the exit status before it
		want  []string
	}{
		{"one run", "0 pre orders billing; 2 post orders; 2 abort billing; 8 pre billing; 0 post billing orders; 8 post orders", []string{"orders", "billing"}},
		{"one run, all", "0 pre orders billing; 0 post; 8 post", []string{"orders", "billing"}},
		{"two runs", "0 pre orders; 0 pre billing; 0 post orders; 8 post orders; 0 post billing", nil},
		{"two runs, one post", "0 pre orders; 0 pre billing; 0 post; 8 post", []string{"orders", "billing"}},
		{"two runs, one abort", "0 pre orders; 0 pre billing; 0 abort; 8 abort", []string{"orders", "billing"}},
		{"postscript fails", "0 pre late; 6 post; 8 post", []string{"late"}},
		{"one of two postscripts", "0 pre late; 0 pre orders; 6 post", []string{"late", "orders"}},
		{"prescript fails", "3 pre bad; 8 post", nil},
		{"prescript of one of two", "3 pre orders bad; 8 post; 0 pre orders; 0 post", nil},
		{"script is wrong", "2 pre wrong; 8 post orders; 2 pre nobody", nil},
		{"aborted, then another", "0 pre orders; 0 abort; 0 pre orders; 0 post", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			for step := range strings.SplitSeq(tt.steps, "; ") {
				words := strings.Fields(step)
				exit, err := strconv.Atoi(words[0])
				if err != nil {
					t.Fatal(err)
				}
				got := c.run(append(words[1:], "--json")...).want(t, exit)
				if words[1] == "pre" || exit == run.ExitNothing || exit == run.ExitUsage || tt.want == nil {
					continue
				}
				var members []string
				for _, m := range got.report.Members {
					members = append(members, m.Workload)
				}
				for _, want := range tt.want {
					if len(members) != len(tt.want) || !strings.Contains(strings.Join(members, " "), want) {
						t.Errorf("%s reports on %v, want %v", step, members, tt.want)
					}
				}
			}
		})
	}
	c.t = t
}

// Pre lets go of the streams and the pipes of its caller: who waits for their end does
// not wait for post.
func TestPreLetsGoOfItsCaller(t *testing.T) {
	c := newSupervised(t, "[workload]\nworkload_name = custom\nscript = DIR/idle.star\nfs_freeze = off\ntimeout = 60\n")
	write(t, filepath.Join(c.dir, "idle.star"), fmt.Sprintf(idle, "pass", "pass"))
	text, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.config, strings.ReplaceAll(string(text), "DIR", c.dir))
	cmd := c.process("pre")
	// Descriptor 9 of the shell is a copy of its standard output.
	shell := exec.Command("sh", append([]string{"-c", `exec 9>&1; "$@"`, "sh"}, cmd.Args...)...)
	shell.Env = cmd.Env
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	shell.Args[4] = "/proc/" + strconv.Itoa(os.Getpid()) + "/exe"
	shell.Stdout, shell.Stderr = w, w
	if err := shell.Run(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
	var all bytes.Buffer
	if _, err := all.ReadFrom(r); err != nil {
		t.Errorf("the pipe does not end: %v", err)
	}
	c.run("post").want(t, run.ExitDone)
	if !strings.Contains(all.String(), "held for at most") {
		t.Errorf("pre said %s", all.String())
	}
}
