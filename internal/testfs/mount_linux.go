package testfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// From linux/fs.h.
const (
	fiFreeze = 0xC0045877
	fiThaw   = 0xC0045878
)

// memory returns a directory on tmpfs if that has room for a few images, or "" for that
// of temporary files: a test in memory is not late because others keep the disk busy.
func memory() string {
	const dir, room = "/dev/shm", 4 << 30
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Bavail*uint64(st.Bsize) < room || unix.Access(dir, unix.W_OK) != nil {
		return ""
	}
	return dir
}

// Freeze freezes f as somebody else would: by an ioctl on a descriptor of its own.
func (f *FS) Freeze(t testing.TB) {
	t.Helper()
	if err := f.ioctl(fiFreeze); err != nil {
		t.Fatalf("FIFREEZE %s: %v", f.Dir, err)
	}
}

// Thaw thaws f, whoever has frozen it. It returns EINVAL if nobody had.
func (f *FS) Thaw() error { return f.ioctl(fiThaw) }

func (f *FS) ioctl(request uint) error {
	fd, err := unix.Open(f.Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.IoctlSetInt(fd, request, 0)
}

// mount mounts an image on f.Dir, with a guard, and arranges for the end of both.
func (f *FS) mount(t testing.TB, image, options string) {
	t.Helper()
	if err := os.Mkdir(f.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(f.Dir) })
	f.guard = startGuard(t, f.Dir, f.Image)
	t.Cleanup(func() { f.unmount(t) })
	run(t, "mount", "-t", f.Type, "-o", options, image, f.Dir)
	f.mounted = true
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(f.Dir))
	if err != nil || len(mounts) != 1 {
		t.Fatalf("looking for the mount at %s: %d found, %v", f.Dir, len(mounts), err)
	}
	f.Device = mounts[0].Source
}

// unmount thaws and unmounts f and dismisses its guard. It may be called twice.
func (f *FS) unmount(t testing.TB) {
	t.Helper()
	if f.mounted {
		f.thawAll(t)
		err := f.detach()
		if err != nil {
			t.Errorf("unmounting %s: %v; it is detached and goes away with its last user", f.Dir, err)
			err = unix.Unmount(f.Dir, unix.MNT_DETACH)
		}
		if err != nil {
			t.Errorf("detaching %s: %v", f.Dir, err)
			return // the guard tries again when this process ends
		}
		f.mounted = false
	}
	f.guard.dismiss()
}

// thawAll thaws f, after whatever holds its image.
func (f *FS) thawAll(t testing.TB) {
	t.Helper()
	if f.outer != nil && f.outer.mounted {
		f.outer.thawAll(t)
	}
	if err := f.Thaw(); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Errorf("thawing %s: %v", f.Dir, err)
	}
}

// detach unmounts, and waits a while for the last users of f to end: a writer
// that was blocked and killed, an ioctl that comes back late.
func (f *FS) detach() error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := unix.Unmount(f.Dir, unix.UMOUNT_NOFOLLOW)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return err
		}
		if err := f.Thaw(); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// guard is a process that thaws and unmounts a filesystem when the test process
// ends without having done so: go test kills it with a panic at its timeout.
type guard struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// startGuard starts it before there is anything to guard. It waits for a line;
// end of file instead of one says that the test process is gone.
func startGuard(t testing.TB, dir, image string) *guard {
	t.Helper()
	const script = `read -r line && exit 0; fsfreeze --unfreeze "$1"; umount -l "$1"; rmdir "$1"; rm -f "$2"; rmdir "${1%/*}"`
	cmd := exec.Command("/bin/sh", "-c", script, "guard", dir, image)
	cmd.Dir = "/"
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // an interrupt from the terminal is not for it
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the guard of %s: %v", dir, err)
	}
	return &guard{cmd: cmd, stdin: stdin}
}

// dismiss ends the guard. Whatever goes wrong, it ends at end of file.
func (g *guard) dismiss() {
	if g.cmd == nil {
		return
	}
	_, _ = io.WriteString(g.stdin, "done\n")
	_ = g.stdin.Close()
	_ = g.cmd.Wait()
	g.cmd = nil
}

// unprivileged says why this process may not freeze, or "".
func unprivileged() string {
	if os.Geteuid() != 0 {
		return "needs root, to mount and freeze filesystems of its own"
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "needs /proc: " + err.Error()
	}
	_, rest, _ := strings.Cut(string(status), "\nCapEff:\t")
	var effective uint64
	if _, err := fmt.Sscanf(rest, "%x", &effective); err != nil || effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		return "needs CAP_SYS_ADMIN, to mount and freeze filesystems of its own"
	}
	return ""
}
