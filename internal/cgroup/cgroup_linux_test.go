package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asEnv makes the test program a process that leaves, by that name, or stays.
const (
	asEnv = "STARHOST_TEST_CGROUP"
	stay  = "stay"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(asEnv); name != "" {
		child(name)
		return
	}
	os.Exit(m.Run())
}

// child says whether it could leave, and whether that was expected; it goes back at
// the end of its standard input.
func child(name string) {
	can, back, err := CanLeave(), func() {}, error(nil)
	if name != stay {
		back, err = Leave(name)
	}
	fmt.Printf("%v | %v\n", err, can)
	_, _ = io.Copy(io.Discard, os.Stdin)
	back()
	fmt.Println("back")
}

// needTop returns the topmost group. The test is skipped where processes cannot leave;
// with CI in the environment it fails.
func needTop(t *testing.T) string {
	t.Helper()
	top, err := findTop()
	if err == nil {
		err = CanLeave()
	}
	if err == nil && bySystemd() {
		err = fmt.Errorf("systemd runs here; its groups are not ours to make")
	}
	if err == nil {
		return top.path
	}
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// group makes a group for one test; what is in it at the end is killed.
func group(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(needTop(t), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		for end := time.Now().Add(5 * time.Second); syscall.Rmdir(dir) == syscall.EBUSY; {
			if time.Now().After(end) {
				t.Errorf("%s cannot be removed", dir)
				return
			}
		}
	})
	return dir
}

// process is a child that we have started.
type process struct {
	*exec.Cmd
	said  *bufio.Reader
	stdin io.Closer
}

// start starts a child in a group, as uid.
func start(t *testing.T, name, dir string, uid uint32) (process, string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Dir, cmd.Env, cmd.Stderr = "/", append(os.Environ(), asEnv+"="+name), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := process{cmd, bufio.NewReader(stdout), stdin}
	line, err := p.said.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return p, strings.TrimSpace(line)
}

// groupOf returns the group of version 2 of a process.
func groupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	_, group, _ := strings.Cut("\n"+string(text), "\n0::")
	group, _, _ = strings.Cut(group, "\n")
	return group
}

// Who has left survives the end of the caller's group; who stayed does not.
func TestSurvivesTheEndOfTheGroup(t *testing.T) {
	name := "test-" + strconv.Itoa(os.Getpid())
	dir := group(t, name)
	leaver, said := start(t, name, dir, 0)
	if said != "<nil> | <nil>" {
		t.Fatal(said)
	}
	stayer, said := start(t, stay, dir, 0)
	if got := groupOf(t, leaver.Process.Pid); got != "/starhost-"+name {
		t.Errorf("it is in %s", got)
	}
	if got := groupOf(t, stayer.Process.Pid); got != "/"+name || said != "<nil> | <nil>" {
		t.Fatalf("the process that stays is in %s: the test proves nothing; it said %s", got, said)
	}
	kill := filepath.Join(dir, "cgroup.kill")
	if _, err := os.Stat(kill); err != nil {
		t.Skip("this kernel cannot kill a group: Linux 5.14 can")
	}
	if err := os.WriteFile(kill, []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	if err := stayer.Wait(); err == nil || stayer.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the process that stayed was not killed: %v", stayer.ProcessState)
	}
	_ = leaver.stdin.Close()
	if line, err := leaver.said.ReadString('\n'); err != nil || line != "back\n" {
		t.Errorf("the process that left has not survived: %q, %v", line, err)
	}
	if err := leaver.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(dir), prefix+name)); !os.IsNotExist(err) {
		t.Errorf("its group is left: %v", err)
	}
}

// What a process that was killed has left is removed by the next one; a group with a
// process in it stays.
func TestLeftoversAreRemoved(t *testing.T) {
	name := "left-" + strconv.Itoa(os.Getpid())
	dir := group(t, name)
	killed, _ := start(t, name+"-killed", dir, 0)
	alive, _ := start(t, name+"-alive", dir, 0)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // killed
	top := filepath.Dir(dir)
	if _, err := os.Stat(filepath.Join(top, prefix+name+"-killed")); err != nil {
		t.Fatalf("nothing is left, the test proves nothing: %v", err)
	}
	next, said := start(t, name+"-next", dir, 0)
	if said != "<nil> | <nil>" {
		t.Fatal(said)
	}
	if _, err := os.Stat(filepath.Join(top, prefix+name+"-killed")); !os.IsNotExist(err) {
		t.Errorf("the group of the killed process is left: %v", err)
	}
	if got := groupOf(t, alive.Process.Pid); got != "/"+prefix+name+"-alive" {
		t.Errorf("the process that lives is in %s", got)
	}
	for _, p := range []process{alive, next} {
		_ = p.stdin.Close()
		if line, err := p.said.ReadString('\n'); err != nil || line != "back\n" {
			t.Errorf("%q, %v", line, err)
		}
	}
}

// Another user is told why, before and at the attempt, and stays where it is.
func TestPlainUser(t *testing.T) {
	name := "user-" + strconv.Itoa(os.Getpid())
	dir := group(t, name)
	p, said := start(t, name, dir, 65534)
	leave, can, _ := strings.Cut(said, " | ")
	for _, text := range []string{leave, can} {
		if !strings.Contains(text, "cannot leave the control group of the caller") || !strings.Contains(text, "needs root") {
			t.Errorf("it says %q", text)
		}
	}
	if got := groupOf(t, p.Process.Pid); got != "/"+name {
		t.Errorf("it is in %s", got)
	}
}

// Remove takes the group of a process that has ended, and leaves that of one that is there.
func TestRemove(t *testing.T) {
	name := "removed-" + strconv.Itoa(os.Getpid())
	dir := group(t, name)
	left := filepath.Join(filepath.Dir(dir), prefix+name)
	p, said := start(t, name, dir, 0)
	if said != "<nil> | <nil>" {
		t.Fatal(said)
	}
	Remove(name)
	if _, err := os.Stat(left); err != nil {
		t.Errorf("the group of a process that is there: %v", err)
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	Remove(name)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the group of a process that has ended is left: %v", err)
	}
}

// A process that is started in its group is where Leave would take it, and removes it.
func TestMake(t *testing.T) {
	needTop(t)
	name := "made-" + strconv.Itoa(os.Getpid())
	dir, leave := makeHeld(t, name)
	p, said := start(t, name, dir, 0)
	if said != "<nil> | <nil>" {
		t.Fatal(said)
	}
	if got := groupOf(t, p.Process.Pid); got != "/"+prefix+name {
		t.Errorf("it is in %s", got)
	}
	leave()
	_ = p.stdin.Close()
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its group is left: %v", err)
	}
}

// makeHeld makes a group with a process in it, so that nobody who leaves meanwhile takes
// the group for a leftover. leave ends the process.
func makeHeld(t *testing.T, name string) (dir string, leave func()) {
	t.Helper()
	var err error
	for range tries {
		var made *os.File
		if made, err = Make(name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { Remove(name) })
		cmd := exec.Command("sleep", "60")
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(made.Fd())}
		err = cmd.Start()
		_ = made.Close()
		if err == nil {
			leave = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
			t.Cleanup(leave)
			return made.Name(), leave
		}
	}
	t.Fatal(err)
	return "", nil
}
