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
	if here, err := look(); err == nil && here.ours == filepath.Join(here.root, prefix+name) {
		return here.backFrom(name), nil // it was started in it
	}
	top, err := findTop()
	if err != nil {
		return nothing, refused(err)
	}
	sweep(top.path)
	if err := enter(filepath.Join(top.path, prefix+name)); err != nil {
		return nothing, refused(err)
	}
	return top.backFrom(name), nil
}

// backFrom returns what goes back from a group and removes it.
func (t topmost) backFrom(name string) func() {
	return func() {
		_ = join(t.path) // who is not let in there is in the way of the next line only
		_ = unix.Rmdir(filepath.Join(t.path, prefix+name))
	}
}

// Make makes the group that [Leave] takes a process of that name to, for a process that
// is started in it: to be moved waits for a grace period of the kernel, to be started
// there does not. The process calls Leave all the same, and is there already. The caller
// closes the group, and calls [Remove] if no process came of it.
//
// The error says why there is no group. The process then leaves by itself, if it can.
func Make(name string) (*os.File, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if bySystemd() {
		return nil, errors.New("the groups are those of systemd")
	}
	top, err := findTop()
	if err != nil {
		return nil, err
	}
	sweep(top.path)
	dir := filepath.Join(top.path, prefix+name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, explain("make", dir, err)
	}
	f, err := os.Open(dir)
	if err != nil {
		_ = unix.Rmdir(dir)
		return nil, explain("open", dir, err)
	}
	return f, nil
}

// Remove removes the group of a process that has ended without going back: to go back
// takes a grace period of the kernel, which whoever waits for the process would wait for
// too. A process that is still there keeps its group.
func Remove(name string) {
	if checkName(name) != nil || bySystemd() {
		return // a scope without processes goes by itself
	}
	if top, err := findTop(); err == nil {
		_ = unix.Rmdir(filepath.Join(top.path, prefix+name))
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
	for _, path := range []string{top.path, procs(top.path)} {
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

// topmost is the topmost group that can be seen: the path of its files, its name, and
// the name of our own group.
type topmost struct{ path, root, ours string }

// findTop returns the topmost group that can be seen, if a group in it is not below
// ours.
func findTop() (topmost, error) {
	top, err := look()
	if err != nil {
		return topmost{}, err
	}
	// Only the root of all groups, which nobody can kill, has no such file.
	_, err = os.Stat(filepath.Join(top.path, "cgroup.events"))
	if err == nil && below(top.root, top.ours) {
		return topmost{}, fmt.Errorf("%s is the group of the caller itself: whoever ends it, a container for example, ends everything in it", top.path)
	}
	return top, nil
}

// look returns the topmost group that can be seen.
func look() (topmost, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return topmost{}, err
	}
	if len(mounts) == 0 {
		return topmost{}, errors.New("no cgroup2 filesystem is mounted")
	}
	ours, err := own()
	return topmost{mounts[0].Mountpoint, mounts[0].Root, ours}, err
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
