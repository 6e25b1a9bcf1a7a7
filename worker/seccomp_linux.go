package worker

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowed are the system calls that the Go runtime makes after start-up, whatever
// their arguments (runtime/sys_linux_amd64.s, sys_linux_arm64.s), with those that
// the threads of the C library need in a build with cgo. None of them reaches
// anything outside the process but through a descriptor that it has.
var allowed = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_CLOSE,
	unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK, unix.SYS_MREMAP,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP,
	unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_GETRANDOM,
	unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_RESTART_SYSCALL,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, // cgo
}

// deadly are the system calls that only somebody makes who has taken the worker
// over: they end the process. What is neither allowed nor here does not exist for
// the worker (ENOSYS), so that a runtime which tries something new gets by without.
var deadly = []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT,
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_KEYCTL, unix.SYS_ADD_KEY,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_USERFAULTFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_TKILL,
	unix.SYS_RT_SIGQUEUEINFO, unix.SYS_SETUID, unix.SYS_SETRESUID, unix.SYS_CAPSET,
}

// Offsets in struct seccomp_data (linux/seccomp.h) of what the filter looks at. Of
// an argument it sees the lower half, as both machines are little-endian.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

// filter is a program for the kernel's packet filter, built from pieces.
type filter []unix.SockFilter

func (f *filter) add(code uint16, k uint32, jt, jf uint8) {
	*f = append(*f, unix.SockFilter{Code: code, K: k, Jt: jt, Jf: jf})
}

func (f *filter) load(offset uint32) { f.add(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset, 0, 0) }
func (f *filter) answer(with uint32) { f.add(unix.BPF_RET|unix.BPF_K, with, 0, 0) }

// on answers for one system call whatever its arguments are.
func (f *filter) on(number, with uint32) {
	f.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 0, 1)
	f.answer(with)
}

// onArg answers yes if the test (BPF_JEQ: equal to k; BPF_JSET: a bit of k is set)
// holds for the argument of that index, else no.
func (f *filter) onArg(number, index uint32, test uint16, k, yes, no uint32) {
	f.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, number, 0, 4)
	f.load(dataArgs + 8*index)
	f.add(unix.BPF_JMP|test|unix.BPF_K, k, 0, 1)
	f.answer(yes)
	f.answer(no)
}

// What a filter answers.
const (
	allow   = unix.SECCOMP_RET_ALLOW
	kill    = unix.SECCOMP_RET_KILL_PROCESS
	missing = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// newFilter returns the filter for a process of that id.
func newFilter(pid uint32) filter {
	var f filter
	f.load(dataArch)
	f.add(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, auditArch, 1, 0)
	f.answer(kill) // another machine's table of system calls
	f.load(dataNumber)
	for _, number := range slices.Concat(allowed, archAllowed) {
		f.on(number, allow)
	}
	// A thread, not a process. Of clone3 the filter cannot see the flags: the C
	// library does with clone where there is none.
	f.onArg(unix.SYS_CLONE, 0, unix.BPF_JSET, unix.CLONE_THREAD, allow, kill)
	f.onArg(unix.SYS_MMAP, 2, unix.BPF_JSET, unix.PROT_EXEC, kill, allow)
	f.onArg(unix.SYS_MPROTECT, 2, unix.BPF_JSET, unix.PROT_EXEC, kill, allow)
	f.onArg(unix.SYS_TGKILL, 0, unix.BPF_JEQ, pid, allow, kill) // how the runtime preempts
	f.onArg(unix.SYS_KILL, 0, unix.BPF_JEQ, pid, allow, kill)
	for _, number := range slices.Concat(deadly, archDeadly) {
		f.on(number, kill)
	}
	f.answer(missing)
	return f
}

// seccomp puts the filter in force for all threads. It needs no_new_privs, and
// spreads it.
func (s setup) seccomp() error {
	if auditArch == 0 {
		return errors.New("there is no filter for this machine, only for amd64 and arm64")
	}
	f := newFilter(uint32(os.Getpid()))
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	thread, _, errno := syscall.Syscall(
		unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)),
	)
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if thread != 0 {
		return errors.New("seccomp: a thread has a filter of its own")
	}
	return nil
}
