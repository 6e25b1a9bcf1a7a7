package worker_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/worker"
)

// plainUser is set in a copy of this test that runs as a user without privileges.
const plainUser = "STARHOST_TEST_PLAIN_USER"

// TestAsPlainUser runs the tests of the isolation as one, if we are root.
func TestAsPlainUser(t *testing.T) {
	if os.Getenv(plainUser) != "" || os.Geteuid() != 0 {
		t.Skip("this is one")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^(TestIsolation|TestAttacks|TestDenied|TestLimits)", "-test.v")
	cmd.Dir, cmd.Env = "/", append(os.Environ(), plainUser+"=1", "HOME=/", "TMPDIR=/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAttacks") {
		t.Errorf("%v\n%s", err, out)
	}
}

// notInForce are the features that are not, with their reasons.
func notInForce(w *worker.Worker) map[string]string {
	out := map[string]string{}
	for _, f := range w.Isolation() {
		if !f.InForce {
			out[f.Name] = f.Why
		}
	}
	return out
}

// expected are the features that a test must find missing here, besides those it
// denied itself.
func expected(deny ...string) []string {
	if cgo() {
		deny = append(deny, worker.FeatureLandlock)
	}
	if slices.Contains(deny, worker.FeatureNoNewPrivs) { // the kernel refuses them without
		deny = append(deny, worker.FeatureLandlock, worker.FeatureSeccomp)
	}
	if cgo() && slices.Contains(deny, worker.FeatureSeccomp) { // with which the flag spreads
		deny = append(deny, worker.FeatureNoNewPrivs)
	}
	slices.Sort(deny)
	return slices.Compact(deny)
}

func TestIsolation(t *testing.T) {
	w := start(t, prescript("pass"))
	why, missing := notInForce(w)[worker.FeatureNamespaces]
	need(t, !missing, "namespaces: "+why)
	var names []string
	for _, f := range w.Isolation() {
		names = append(names, f.Name)
		if want := !slices.Contains(expected(), f.Name); f.InForce != want || f.InForce == (f.Why != "") {
			t.Errorf("%s: %+v", f.Name, f)
		}
	}
	if !slices.Equal(names, worker.Features[:]) {
		t.Errorf("got %v", names)
	}
	// The same from outside, by other means than the package's.
	for _, line := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000"} {
		if text := read(t, w, "status"); !strings.Contains(text, line+"\n") {
			t.Errorf("want %q in\n%s", line, text)
		}
	}
	if uid := fmt.Sprintf("Uid:\t%d\t", 65533); os.Geteuid() == 0 && !strings.Contains(read(t, w, "status"), uid) {
		t.Errorf("want %q in\n%s", uid, read(t, w, "status"))
	}
	if os.Geteuid() == 0 {
		for _, ns := range []string{"net", "pid", "ipc", "uts"} {
			ours, _ := os.Readlink("/proc/self/ns/" + ns)
			theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", w.PID(), ns))
			if err != nil || ours == theirs {
				t.Errorf("namespace %s: %s and %s, %v", ns, ours, theirs, err)
			}
		}
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.PID()))
		if err != nil || len(fds) > 7 { // streams, pipe, and two of the poller
			t.Errorf("descriptors %v, %v", fds, err)
		}
	}
	if text := read(t, w, "oom_score_adj"); text != "1000\n" {
		t.Errorf("oom_score_adj is %q", text)
	}
	// Not dumpable: its files in /proc are not its user's.
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/environ", w.PID()), &st); err != nil || st.Uid != 0 {
		t.Errorf("its environ in /proc belongs to %d, %v", st.Uid, err)
	}
}

func read(t *testing.T, w *worker.Worker, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", w.PID(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A descriptor that our own host left open does not reach the script.
func TestInheritedDescriptor(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to look")
	}
	leak, err := unix.Open("/etc/passwd", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	w := start(t, prescript("pass"))
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.PID()))
	if err != nil || len(fds) < 4 {
		t.Fatalf("descriptors %v, %v", fds, err)
	}
	for _, fd := range fds {
		if link, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", w.PID(), fd.Name())); link == "/etc/passwd" {
			t.Errorf("descriptor %s is %s", fd.Name(), link)
		}
	}
}

// TestAttacks shows what somebody can do who got out of the interpreter: with the
// whole isolation, and with what is left where there is no seccomp.
func TestAttacks(t *testing.T) {
	for name, want := range map[string]struct {
		killed bool     // the filter ends the process
		else_  []string // without a filter: one of these
	}{
		"nothing":    {false, []string{"done"}},
		"open":       {true, []string{"EACCES"}},
		"list":       {true, []string{"EACCES"}},
		"create":     {true, []string{"EACCES"}},
		"read init":  {true, []string{"EACCES"}},
		"exec":       {true, []string{"EACCES"}},
		"fork":       {true, []string{"done"}}, // nothing else keeps it from that
		"ptrace":     {true, []string{"EPERM", "ESRCH"}},
		"kill":       {true, []string{"EPERM", "ESRCH"}},
		"mount":      {true, []string{"EPERM", "EACCES"}},
		"setuid":     {true, []string{"EPERM", "EINVAL"}},
		"tcp":        {true, []string{"EACCES", "ENETUNREACH"}},
		"unix":       {true, []string{"EACCES", "ENOENT", "ECONNREFUSED"}},
		"executable": {true, []string{"done"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := prescript(fmt.Sprintf("return attack(%q, %d)", name, os.Getpid()))
			got, err := start(t, opts).Call(t.Context(), "prescript", action.Dict(), &asks{})
			e := (*action.ScriptError)(nil)
			if want.killed && (!errors.As(err, &e) || e.Kind != action.KindKilled || !strings.Contains(e.Msg, "made a system call that it may not make")) {
				t.Errorf("got %v, %v", got, err)
			}
			if !want.killed && err != nil {
				t.Error(err)
			}
			if cgo() {
				return // there is no Landlock either
			}
			opts.Deny(worker.FeatureSeccomp)
			got, err = start(t, opts).Call(t.Context(), "prescript", action.Dict(), &asks{})
			if err != nil || !slices.Contains(want.else_, got.Text()) {
				t.Errorf("without a filter: got %v, %v, want one of %v", got, err, want.else_)
			}
		})
	}
}

// TestJobAttacks: a job may do as little as a script.
func TestJobAttacks(t *testing.T) {
	for name := range attacks {
		opts := worker.JobOptions{Name: "attack", Input: fmt.Appendf(nil, "%s %d", strings.ReplaceAll(name, " ", "_"), os.Getpid())}
		got, err := do(t, t.Context(), opts)
		if name == "nothing" {
			if err != nil || string(got) != "<nil>" {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
			continue
		}
		mustFail(t, err, action.KindKilled, `the process of the job "attack" made a system call that it may not make`)
		if cgo() || slices.Contains([]string{"fork", "executable"}, name) {
			continue // nothing else keeps it from that
		}
		opts.Deny(worker.FeatureSeccomp)
		if got, err = do(t, t.Context(), opts); err != nil || string(got) == "<nil>" {
			t.Errorf("%s without a filter: got %q, %v", name, got, err)
		}
	}
}

// TestDenied leaves out each feature in turn: the worker runs, and says so.
func TestDenied(t *testing.T) {
	for _, name := range worker.Features {
		if name == worker.FeatureUser && os.Geteuid() != 0 {
			continue // there is nothing to deny
		}
		opts := prescript("return 1")
		opts.Deny(name)
		w := start(t, opts)
		missing := notInForce(w)
		for feature, why := range missing {
			if why == "" || !slices.Contains(expected(name), feature) {
				t.Errorf("without %s: %s is not in force: %q", name, feature, why)
			}
		}
		if _, ok := missing[name]; !ok || len(missing) != len(expected(name)) {
			t.Errorf("without %s: got %v, want %v", name, missing, expected(name))
		}
		if got, err := w.Call(t.Context(), "prescript", action.Dict(), &asks{}); err != nil || got.String() != "1" {
			t.Errorf("without %s: %v, %v", name, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	opts := prescript("pass")
	opts.Limits.CPU = 7e9
	text := read(t, start(t, opts), "limits")
	for _, want := range [][]string{
		{"Max cpu time", "7", "7"},
		{"Max data size", "268435456", "268435456"},
		{"Max file size", "0", "0"},
		{"Max core file size", "0", "0"},
		{"Max open files", "16", "16"},
	} {
		_, line, _ := strings.Cut(text, want[0])
		if got := strings.Fields(line); want[0] != "Max data size" && (len(got) < 2 || got[0] != want[1] || got[1] != want[2]) ||
			want[0] == "Max data size" && !cgo() && got[0] != want[1] {
			t.Errorf("want %v in\n%s", want, text)
		}
	}
}
