package worker

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// System calls that only this machine has. The numbers of the x32 table, with bit
// 30 set, are neither allowed nor deadly: they do not exist for the worker.
var (
	archAllowed = []uint32{unix.SYS_ARCH_PRCTL, unix.SYS_EPOLL_WAIT} // thread-local storage of a new thread
	archDeadly  = []uint32{unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_OPEN, unix.SYS_CREAT}
)
