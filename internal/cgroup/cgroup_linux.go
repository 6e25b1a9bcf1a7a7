package cgroup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Leave moves the calling process, with all its threads, into a control group of its
// own that is not below the one that it is in. name is part of the group's; no other
// process that is alive may have it. Children that are started afterwards are in the
// new group, those from before are not.
//
// back is called at the end of the process and removes the group again, as far as it
// can. It is never nil. The error says why the process stays where it is: one kill of
// the caller's group takes it too. Nothing has changed then.
func Leave(name string) (back func(), err error) {
	nothing := func() {}
	if err := checkName(name); err != nil {
		return nothing, err
	}
	if bySystemd() {
		if err := startScope(prefix + name + ".scope"); err != nil {
			return nothing, refused(err)
		}
		return nothing, nil // a scope without processes goes by itself
	}
	top, err := findTop()
	if err != nil {
		return nothing, refused(err)
	}
	sweep(top)
	dir := filepath.Join(top, prefix+name)
	if err := enter(dir); err != nil {
		return nothing, refused(err)
	}
	return func() {
		_ = join(top) // who is not let in there is in the way of the next line only
		_ = unix.Rmdir(dir)
	}, nil
}

// Remove removes the group of a process that has ended without going back: to go back
// takes a grace period of the kernel, which whoever waits for the process would wait for
// too. A process that is still there keeps its group.
func Remove(name string) {
	if checkName(name) != nil || bySystemd() {
		return // a scope without processes goes by itself
	}
	if top, err := findTop(); err == nil {
		_ = unix.Rmdir(filepath.Join(top, prefix+name))
	}
}

// CanLeave says why Leave would fail, as far as that can be known without changing
// anything. Where systemd runs it does not know of rules that let others than root
// start units.
func CanLeave() error {
	if bySystemd() {
		if err := canScope(); err != nil {
			return refused(err)
		}
		return nil
	}
	top, err := findTop()
	if err != nil {
		return refused(err)
	}
	for _, path := range []string{top, procs(top)} {
		// As the effective user, whose rights count.
		if err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS); err != nil {
			return refused(explain("write to", path, err))
		}
	}
	return nil
}

func procs(dir string) string { return filepath.Join(dir, "cgroup.procs") }

// join moves this process into a group; 0 is whoever writes it.
func join(dir string) error { return os.WriteFile(procs(dir), []byte("0"), 0) }

// tries bounds how often a group is made that others take for a leftover and remove
// before we are in it.
const tries = 16

// enter makes a group and joins it.
func enter(dir string) error {
	for try := 1; ; try++ {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return explain("make", dir, err)
		}
		err := join(dir)
		if err == nil {
			return nil
		}
		if gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV); !gone || try == tries {
			_ = unix.Rmdir(dir)
			return explain("join", dir, err)
		}
	}
}

// sweep removes the groups that processes have left which were killed. The kernel
// refuses if there is still one in them.
func sweep(top string) {
	list, err := filepath.Glob(filepath.Join(top, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range list {
		_ = unix.Rmdir(dir)
	}
}

// explain says what to do about an error of the kernel.
func explain(what, path string, err error) error {
	why := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		why = ": that needs root"
	case errors.Is(err, unix.EROFS):
		why = ": a container whose groups are read-only"
	}
	var wrapped *os.PathError
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s %s: %w%s", what, path, err, why)
}

// findTop returns the topmost group that can be seen, if a group in it is not below
// ours.
func findTop() (string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return "", err
	}
	if len(mounts) == 0 {
		return "", errors.New("no cgroup2 filesystem is mounted")
	}
	ours, err := own()
	if err != nil {
		return "", err
	}
	top := mounts[0]
	// Only the root of all groups, which nobody can kill, has no such file.
	_, err = os.Stat(filepath.Join(top.Mountpoint, "cgroup.events"))
	if err == nil && below(top.Root, ours) {
		return "", fmt.Errorf("%s is the group of the caller itself: whoever ends it, a container for example, ends everything in it", top.Mountpoint)
	}
	return top.Mountpoint, nil
}

// below reports whether a group is the other one or below it.
func below(group, other string) bool {
	return group == other || strings.HasPrefix(group, strings.TrimSuffix(other, "/")+"/")
}

// own returns our group of version 2, whose line in /proc/self/cgroup begins with 0.
func own() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if group, ok := strings.CutPrefix(lines.Text(), "0::"); ok {
			return group, nil
		}
	}
	return "", errors.New("/proc/self/cgroup names no group of version 2")
}
