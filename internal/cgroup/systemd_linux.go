package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// deadline is how long systemd may take to move us.
const deadline = 2 * time.Second

// busSocket is where the system bus listens (the D-Bus specification).
const busSocket = "/run/dbus/system_bus_socket"

// bySystemd reports whether systemd is the manager of this system (sd_booted(3)).
func bySystemd() bool {
	st, err := os.Lstat("/run/systemd/system")
	return err == nil && st.IsDir()
}

// canScope looks whether systemd would be reached, and listen.
func canScope() error {
	if os.Geteuid() != 0 {
		return errors.New("systemd lets only root start units: that needs root")
	}
	if _, err := exec.LookPath("busctl"); err != nil {
		return fmt.Errorf("systemd cannot be asked: %w", err)
	}
	conn, err := net.DialTimeout("unix", busSocket, deadline)
	if err != nil {
		return fmt.Errorf("systemd cannot be asked, is D-Bus running? %w", err)
	}
	return conn.Close()
}

// startScope makes systemd move us into a unit of that name, and waits until we are
// there: the call only asks for it.
func startScope(unit string) error {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "busctl", scopeCall(unit, os.Getpid())...)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("systemd was asked for %s: %w: %s", unit, err, strings.TrimSpace(said.String()))
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			return err
		}
		if bytes.Contains(now, []byte("/"+unit)) && !bytes.Equal(now, before) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("systemd has not started %s within %v", unit, deadline)
		case <-tick.C:
		}
	}
}

// scopeCall are the arguments of busctl(1). Whoever stops the unit, at shutdown for
// example, sends SIGTERM. A unit that failed is not kept, for nobody resets it.
func scopeCall(unit string, pid int) []string {
	return []string{
		"--system", "--quiet", "--allow-interactive-authorization=no",
		"--timeout=" + strconv.Itoa(int(deadline/time.Second)),
		"call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail",
		"3",
		"Description", "s", "starhost, outside the control group of its caller",
		"PIDs", "au", "1", strconv.Itoa(pid),
		"CollectMode", "s", "inactive-or-failed",
		"0",
	}
}
