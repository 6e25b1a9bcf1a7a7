package worker

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxStackBytes is how far the stack of one goroutine may grow. The default of
// 1 GB takes seconds to fill; no honest script needs a thousandth.
const maxStackBytes = 64 << 20

// restrict takes from this process what it does not need, and says for each
// feature that is the worker's own business what keeps it from being in force.
func (s setup) restrict() map[string]string {
	// no_new_privs and the filters are of the thread; what is not set for all
	// threads at once is set for this one, and spreads from it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	debug.SetMaxStack(maxStackBytes)
	debug.SetMemoryLimit(int64(s.Memory) * 3 / 4) // a hint: the collector works harder near it
	closeOthers()
	// A machine that is out of memory is to kill us first, not our host, whose
	// protection from that we have inherited. It may not be writable, without harm.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // cannot fail for this value
	features := map[string]string{}
	for _, step := range []struct {
		name string
		do   func(setup) error
	}{
		{FeatureLimits, setup.limit},
		{FeatureNoNewPrivs, setup.noNewPrivs},
		{FeatureLandlock, setup.landlock},
		{FeatureSeccomp, setup.seccomp},
	} {
		features[step.name] = ""
		if s.denies(step.name) {
			features[step.name] = "denied"
		} else if err := step.do(s); err != nil {
			features[step.name] = err.Error()
		}
	}
	return features
}

// closeOthers closes what was inherited by mistake of whoever started our host: the
// host opens everything with FD_CLOEXEC. What has that flag here is ours, made
// after the program was executed: the poller of the runtime, which must stay, and
// what a package has opened.
func closeOthers() {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil || fd <= outFD || uintptr(fd) == dir.Fd() {
			continue
		}
		if link, _ := os.Readlink(filepath.Join("/proc/self/fd", name)); !strings.HasPrefix(link, "anon_inode:[event") {
			_ = unix.Close(fd)
		}
	}
}

// limits returns the limits of the process, given what data it has already. A
// build with the race detector has terabytes of it, all of it reserve.
func (s setup) limits(data uint64) map[int]unix.Rlimit {
	memory := s.Memory
	if data > memory/2 {
		memory += data
	}
	return map[int]unix.Rlimit{
		unix.RLIMIT_DATA:   {Cur: memory, Max: memory},
		unix.RLIMIT_CPU:    {Cur: s.CPU, Max: s.CPU}, // SIGKILL; the runtime ignores the SIGXCPU of a lower soft limit
		unix.RLIMIT_NOFILE: {Cur: 16, Max: 16},       // four and those of the poller
		unix.RLIMIT_FSIZE:  {},
		unix.RLIMIT_CORE:   {},
	}
}

func (s setup) limit() error {
	status, err := readStatus("/proc/self/status")
	if err != nil {
		return err
	}
	var errs []error
	for which, limit := range s.limits(status.data) {
		if err := unix.Setrlimit(which, &limit); err != nil {
			errs = append(errs, os.NewSyscallError("setrlimit", err))
		}
	}
	return errors.Join(errs...)
}

// noNewPrivs sets the flag for every thread. A build with cgo cannot do that by
// itself: the flag spreads with the seccomp filter then.
func (s setup) noNewPrivs() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if errno != 0 && errno != syscall.ENOTSUP {
		return os.NewSyscallError("prctl", errno)
	}
	return nil
}
