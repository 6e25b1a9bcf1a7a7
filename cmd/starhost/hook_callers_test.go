//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/run"
)

// as is the same workload, called for by another caller.
func (w *hookWorld) as(caller string) *hookWorld {
	return &hookWorld{w.sqliteWorld, caller, contracts[caller]}
}

// One caller does not end what another one, or the operator, holds.
func TestHookOfAnother(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "gcp", "", "")
	for _, other := range []string{"qemu-ga", "aws"} {
		o := w.as(other)
		w.wants(t, okay, w.pre)
		o.wants(t, nothing, o.post)
		if o.abort != nil {
			o.wants(t, nothing, *o.abort)
		}
		o.wants(t, busyElsewhere, o.pre)
		w.run("pre").want(t, run.ExitNothing)
		w.quiesced(t)
		w.wants(t, okay, w.post)
	}
	w.wants(t, okay, w.pre)
	w.run("post").want(t, run.ExitDone)
	w.wants(t, okay, w.pre) // forgets what nobody has asked for
	w.wants(t, okay, w.post)

	w.run("pre").want(t, run.ExitDone)
	w.wants(t, nothing, w.post)
	w.wants(t, busyElsewhere, w.pre)
	w.quiesced(t)
	w.run("post").want(t, run.ExitDone)
}

// Who comes too late is told so also when somebody else has held the workload since,
// or has recovered what was left.
func TestHookTooLateBehindAnother(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "timeout = 1\n", "")
	other := w.as("vmware")
	w.wants(t, okay, w.pre)
	eventually(t, 10*time.Second, "the hold ends at its deadline", func() bool { return len(w.sockets()) == 0 })
	other.wants(t, okay, other.pre)
	other.wants(t, okay, other.post)
	w.run("post").want(t, run.ExitNothing) // it is not the operator's
	if got := w.wants(t, expired, w.post); !strings.Contains(got.stderr, "the window had expired") {
		t.Errorf("it says %s", got.stderr)
	}
	w.wants(t, nothing, w.post)
}

// The same when the supervisor was killed, whoever recovers first.
func TestHookSupervisorKilled(t *testing.T) {
	t.Parallel()
	for _, between := range []string{"", "recover", "post", "abort"} {
		t.Run("then "+between, func(t *testing.T) {
			w := newHookWorld(t, "qemu-ga", "", "")
			w.wants(t, okay, w.pre)
			w.signal(syscall.SIGKILL)
			eventually(t, 5*time.Second, "the watchdog gives everything back", func() bool { return !w.locked(t) })
			if between != "" {
				w.run(between) // whether there is something left to do is a race with the watchdog
			}
			if got := w.wants(t, expired, w.post); !strings.Contains(got.stderr, "the window had expired") {
				t.Errorf("it says %s", got.stderr)
			}
			w.wants(t, nothing, w.post)
		})
	}
}

// What the host of VMware gives to scripts reaches ours as data.
func TestHookVMwareScriptArg(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "vmware", "", "")
	proof := filepath.Join(w.dir, "pwned")
	hostile := `x"; touch ` + proof + `; echo "$(touch ` + proof + `)`
	got := w.wants(t, okay, words("freeze", hostile, "--config=/nowhere", "-run"), "--json").report
	if len(got.Members) != 1 {
		t.Fatalf("the report: %+v", got)
	}
	params := got.Members[0].RecoveryPoint.Before.Get("params")
	var said []string
	for _, v := range params.Get("scriptArg").Items() {
		said = append(said, v.Text())
	}
	if strings.Join(said, "|") != hostile+"|--config=/nowhere|-run" || params.Get("caller").Text() != "vmware" || params.Get("word").Text() != "freeze" {
		t.Errorf("the script has seen %s", params)
	}
	w.wants(t, okay, words("freezefail", hostile))
	w.free(t, "after freezefail")
	if _, err := os.Stat(proof); err == nil {
		t.Error("what the host said was run")
	}
}

// vzdump empties the environment: neither PATH nor HOME.
func TestHookProxmoxWithoutEnvironment(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "proxmox", "", "")
	for _, s := range []said{w.pre, w.post} {
		cmd := w.hook(s, "--config", w.config, "--state-dir", w.stateDir, "--runtime-dir", w.runtimeDir)
		cmd.Env = []string{asCommand + "=1", "VMTYPE=lxc", "STOREID=local", "DUMPDIR=/var/lib/vz/dump", "HOSTNAME=db"}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v: %v\n%s", s, err, out)
		}
	}
	w.free(t, "after the backup")
}

// Words that do not concern us do nothing, even if our configuration is broken.
func TestHookOtherWords(t *testing.T) {
	t.Parallel()
	for caller, list := range map[string][]said{
		"proxmox": {
			words("job-init"), words("job-start"), words("job-end"), words("job-abort"), words("backup-start", "snapshot", "101"),
			words("post-restart", "snapshot", "101"), words("log-end", "snapshot", "101"), words("something-new"),
		},
		"snapper": {
			words("create-snapshot", "/", "btrfs", "42"), words("modify-snapshot-pre", "/", "btrfs", "42"), words("delete-snapshot-post", "/", "btrfs", "42"),
			words("create-config", "/", "btrfs"), words("rollback", "/", "btrfs", "41", "42"), words("set-read-only-post", "/", "btrfs", "42"),
		},
		"sanoid": {inEnv("SANOID_SCRIPT=prune", "SANOID_TARGETS=tank/db")},
		"zrepl":  {inEnv("ZREPL_HOOKTYPE=post_snapshot", "ZREPL_DRYRUN=true")},
	} {
		w := newHookWorld(t, caller, "", "")
		write(t, w.config, "nonsense")
		for _, s := range list {
			if got := w.call(t, s); got.exit != 0 || got.stderr != "" {
				t.Errorf("%s %v ended with %d: %s", caller, s, got.exit, got.stderr)
			}
		}
		if files, _ := os.ReadDir(w.stateDir); len(files) > 0 {
			t.Errorf("%s has left %v", caller, files)
		}
	}
}

// A rehearsal locks nothing and leaves nothing, and says whether all is ready.
func TestHookRehearsals(t *testing.T) {
	t.Parallel()
	for caller, s := range map[string]said{"zrepl": contracts["zrepl"].pre.with("ZREPL_DRYRUN=true"), "aws": words("dry-run", "None")} {
		w := newHookWorld(t, caller, "", "slow = 60.0\n")
		if got := w.call(t, s); got.exit != 0 {
			t.Errorf("%s ended with %d: %s", caller, got.exit, got.stderr)
		}
		state, _ := os.ReadDir(w.stateDir)
		runtime, _ := os.ReadDir(w.runtimeDir)
		if len(state)+len(runtime) > 0 || w.locked(t) {
			t.Errorf("%s: the rehearsal has left %v, %v", caller, state, runtime)
		}
		if err := os.Remove(w.database); err != nil {
			t.Fatal(err)
		}
		if got, want := w.call(t, s), map[string]int{"zrepl": 3, "aws": 206}[caller]; got.exit != want {
			t.Errorf("%s without a database ended with %d, want %d: %s", caller, got.exit, want, got.stderr)
		}
	}
}

// Systems Manager repeats a call with the identifier of the policy run, or gives up and
// comes with another one.
func TestHookAWSWindows(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "aws", "", "")
	const again = 204
	first := w.wants(t, okay, words("pre-script", "A"), "--json").report.Run
	if got := w.call(t, words("pre-script", "A")); got.exit != again {
		t.Errorf("the same again ended with %d, want %d: %s", got.exit, again, got.stderr)
	}
	w.quiesced(t)
	second := w.wants(t, okay, words("pre-script", "B"), "--json").report.Run
	if first == second {
		t.Error("another window is the same run")
	}
	w.quiesced(t)
	w.wants(t, expired, words("post-script", "A"))
	w.quiesced(t)
	if got := w.wants(t, okay, words("post-script", "B"), "--json").report.Run; got != second {
		t.Errorf("post ended run %s, want %s", got, second)
	}
	w.wants(t, nothing, words("post-script", "B"))
}

// Sanoid may call post after a pre that failed: there is nothing to verify then.
func TestHookSanoidPreFailure(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "sanoid", "", "")
	w.wants(t, okay, w.pre)
	got := w.wants(t, okay, inEnv("SANOID_SCRIPT=post", "SANOID_PRE_FAILURE=1"), "--json").report
	for _, phase := range got.Phases {
		if phase.Name == "verify" || phase.Name == "postscript" {
			t.Errorf("phase %s was led", phase.Name)
		}
	}
	w.free(t, "after a pre that failed")
}

// The caller may say in its environment how long it waits.
func TestHookZreplTimeout(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "zrepl", "", "slow = 60.0\n")
	got := w.wants(t, preFailed, inEnv("ZREPL_HOOKTYPE=pre_snapshot", "ZREPL_TIMEOUT=2"))
	if got.took < time.Second || got.took > 6*time.Second || !strings.Contains(got.stderr, "longer than the 1.5s") {
		t.Errorf("a call with 2 s took %v: %s", got.took, got.stderr)
	}
	w.free(t, "after the budget was over")
}

// A post that takes longer than its caller waits says that it does not know. The
// supervisor goes on, and another post hears how that ended.
func TestHookPostTakesTooLong(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "", "slow_post = 60.0\n")
	w.wants(t, okay, w.pre, "--within", "4s") // of that the postscript gets three
	const unknown, postFailed = 7, 6
	got := w.call(t, w.post, "--within", "1s")
	if got.exit != unknown || !strings.Contains(got.stderr, "longer than the 750ms") {
		t.Errorf("it ended with %d, want %d: %s", got.exit, unknown, got.stderr)
	}
	eventually(t, 10*time.Second, "the supervisor ends", func() bool { return len(w.sockets()) == 0 })
	w.free(t, "when the postscript was over")
	if got := w.call(t, w.post); got.exit != postFailed {
		t.Errorf("the second post ended with %d, want %d: %s", got.exit, postFailed, got.stderr)
	}
	w.wants(t, nothing, w.post)
}

// A caller that reads nothing, or has closed its end, gets its answer all the same.
func TestHookNobodyReads(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "timeout = 20\n", "") // a warning is logged for that
	for _, s := range []said{w.pre, w.post} {
		r, end, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		cmd := w.hook(s)
		cmd.Stdout, cmd.Stderr = end, end
		err = cmd.Run()
		_ = end.Close()
		if err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
	w.free(t, "after post")
}

// What is wrong with a call or its configuration is said before anything is done.
func TestHookMisused(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "fs_freeze = /mnt\n", "")
	for _, tt := range []struct {
		name  string
		said  said
		flags []string
		want  string
	}{
		{"no word", said{}, nil, "say freeze"},
		{"a word of another caller", words("pre"), nil, `got "pre"`},
		{"more words", words("freeze", "now"), nil, `unexpected argument "now"`},
		{"time that is none", words("freeze"), []string{"--within", "-5s"}, "want more than 0"},
		{"two would freeze", words("freeze"), nil, "remove fs_freeze"},
	} {
		if got := w.wants(t, misused, tt.said, tt.flags...); !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%s: it says %s", tt.name, got.stderr)
		}
	}
	if got := w.run("hook", "nobody", "freeze").want(t, run.ExitUsage); !strings.Contains(got.stderr, "qemu-ga") {
		t.Errorf("it says %s", got.stderr)
	}
	w.free(t, "after calls that were wrong")
}

// An answer that cannot be written, or that nobody reads, leaves nothing held.
func TestHookAnswerCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "", "")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	r, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer pipe.Close()
	if _, err := pipe.Write(make([]byte, 1<<16)); err != nil { // all that it holds
		t.Fatal(err)
	}
	for name, stdout := range map[string]*os.File{"a full disk": full, "a pipe that nobody reads": pipe} {
		c := w.hook(words("freeze"), "--json", "--within", "4s")
		c.Stdout = stdout
		if err := c.Run(); err == nil {
			t.Errorf("%s: freeze ended well", name)
		}
		w.free(t, name)
	}
}

// What is held is given back although the configuration broke meanwhile.
func TestHookConfigurationBreaks(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "qemu-ga", "", "")
	text, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"thaw", "abort"} {
		w.wants(t, okay, w.pre)
		write(t, w.config, "[workload\n")
		w.wants(t, okay, words(word))
		w.free(t, word)
		w.wants(t, misused, words(word)) // there is nothing that it could do
		write(t, w.config, string(text))
	}
	if got := w.run("events").want(t, 0); !strings.Contains(got.stdout, "starhost.hook") {
		t.Errorf("no event says that the caller was refused: %s", got.stdout)
	}
}

// A window whose supervisor was killed is not open, and one that was given up for another
// one is told so.
func TestHookAWSLostWindows(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t, "aws", "", "")
	w.wants(t, okay, words("pre-script", "A"))
	for _, pid := range w.supervisors() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 10*time.Second, "the watchdog gives everything back", func() bool { return !w.locked(t) })
	w.wants(t, okay, words("pre-script", "A"))
	w.quiesced(t)
	w.wants(t, okay, words("pre-script", "B"))
	w.quiesced(t)
	w.wants(t, expired, words("post-script", "A"))
	w.quiesced(t)
	w.wants(t, okay, words("post-script", "B"))
}
