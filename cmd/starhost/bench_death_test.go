//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/starhost/starhost/internal/testdb"
	"github.com/starhost/starhost/internal/testfs"
)

// How long a filesystem stays frozen after the process that leads the run was killed,
// and how much memory the three processes of a run have.
func BenchmarkKilledToThawed(b *testing.B) {
	fs := testfs.New(b, "ext4", 600)
	server := testdb.MariaDB(b, testdb.Options{Dir: fs.Dir})
	o := observe(b, server, fs.Dir)
	c := newCommand(b, configFor("mariadb", "mysql", server.Socket, ""))
	var thawed time.Duration
	memory := map[string]int{}
	for b.Loop() {
		cmd := c.frozen()
		pid := cmd.Process.Pid
		memory["supervisor"] += resident(b, pid)
		memory["watchdog"] += resident(b, watchdogOf(b, pid))
		memory["worker"] += resident(b, helpers(pid, "starhost-worker")[0])
		start := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		if err := testfs.CanWrite(b, fs.Dir, 5*time.Second); err != nil {
			b.Fatal(err)
		}
		thawed += time.Since(start)
		_ = cmd.Wait() // killed
		o.nothingHeld("the leader was killed")
		c.run("recover") // waits for the watchdog
	}
	b.ReportMetric(thawed.Seconds()*1000/float64(b.N), "ms/thawed")
	for name, kib := range memory {
		b.ReportMetric(float64(kib)/1024/float64(b.N), name+"-MiB")
	}
}

// resident is the resident memory of a process in KiB.
func resident(b *testing.B, pid int) (kib int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatal(err)
	}
	return kib
}
