package testcaller

import (
	"bufio"
	_ "embed"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testfs"
)

//go:embed testdata/vmx.c
var vmx []byte

// Tools is a running vmtoolsd whose hypervisor is the test. It runs scripts around a
// snapshot and freezes nothing: by its nature it freezes everything that is mounted.
type Tools struct {
	Pid    int
	in     io.Writer
	events chan string
}

// toolsConfig makes it take its snapshots without the driver that freezes.
const toolsConfig = "[vmbackup]\nenableSyncDriver = false\nenableVmxGuestLog = false\n[logging]\nlog = false\n"

// StartTools starts one in a room that has the scripts. It is ended when the test ends.
func StartTools(t testing.TB, room *Room) *Tools {
	t.Helper()
	tools := Require(t, "open-vm-tools")
	const lib, own = "/usr/lib/x86_64-linux-gnu/", "/usr/lib/own/"
	room.Put(t, lib+"libvmrpcdbg.so", compiled(t), 0o755)
	room.Put(t, own+"plugins/libvmbackup.so", "-> "+lib+"open-vm-tools/plugins/vmsvc/libvmbackup.so", 0)
	room.Put(t, own+"common/.empty", "", 0o644)
	room.Put(t, "/etc/vmware-tools/tools.conf", toolsConfig, 0o644)
	cmd := room.Command(tools, "env", "LD_PRELOAD=libvmrpcdbg.so", "vmtoolsd", "--name", "vmsvc", "--debug", "vmx",
		"--plugin-path", own+"plugins", "--common-path", own+"common")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	StartKept(t, cmd)
	v := &Tools{cmd.Process.Pid, stdin, make(chan string, 1000)}
	go func() {
		defer close(v.events)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			select {
			case v.events <- lines.Text():
			default: // nobody has asked for so many
			}
		}
	}()
	return v
}

// Tell says something to vmtoolsd, as the hypervisor does.
func (v *Tools) Tell(t testing.TB, message string) {
	t.Helper()
	if _, err := io.WriteString(v.in, message+"\n"); err != nil {
		t.Fatal(err)
	}
}

// Await waits for the first of these that vmtoolsd says, and returns it.
func (v *Tools) Await(t testing.TB, events ...string) string {
	t.Helper()
	var seen []string
	timeout := time.After(answerLimit)
	for {
		select {
		case line, ok := <-v.events:
			if !ok {
				t.Fatalf("vmtoolsd has ended, before it said any of %q; it said\n%s", events, strings.Join(seen, "\n"))
			}
			for _, event := range events {
				if strings.Contains(line, event) {
					return event
				}
			}
			seen = append(seen, line)
		case <-timeout:
			t.Fatalf("vmtoolsd does not say any of %q; it said\n%s", events, strings.Join(seen, "\n"))
		}
	}
}

// compiled returns the library that stands for the hypervisor.
func compiled(t testing.TB) string {
	t.Helper()
	testfs.Require(t, "cc")
	dir := t.TempDir()
	source, library := filepath.Join(dir, "vmx.c"), filepath.Join(dir, "vmx.so")
	if err := os.WriteFile(source, vmx, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v\n%s", err, out)
	}
	text, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
