package proctree

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeOnExec keeps from the program every descriptor but 0, 1 and 2: our own
// two, and those that somebody before us left open.
func closeOnExec() {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		unix.CloseOnExec(requestFD)
		unix.CloseOnExec(reportFD)
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			closeForeign(fd)
		}
	}
}

// closeForeign closes a descriptor that is neither ours nor the runtime's, which
// marks all of its own. We may outlive the host by far, and somebody may wait for
// the end of that file.
func closeForeign(fd int) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC == 0 && fd > stderrFD {
		_ = unix.Close(fd)
		return
	}
	unix.CloseOnExec(fd)
}

// releaseStreams puts /dev/null in place of 0, 1 and 2, so that the host sees
// the end of a stream when the program closes it.
func releaseStreams() {
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return // then it sees it when we exit
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	_ = unix.Close(null)
}
