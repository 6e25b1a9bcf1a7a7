package worker

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlocks are what each version of Landlock's interface added to what can be
// refused (Documentation/userspace-api/landlock.rst, "Compatibility").
var landlocks = []struct {
	abi             int
	fs, net, scoped uint64
}{
	{abi: 1, fs: 1<<13 - 1}, // everything from EXECUTE to MAKE_SYM
	{abi: 2, fs: unix.LANDLOCK_ACCESS_FS_REFER},
	{abi: 3, fs: unix.LANDLOCK_ACCESS_FS_TRUNCATE},
	{abi: 4, net: unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP},
	{abi: 5, fs: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	{abi: 6, scoped: unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL},
}

// rulesetSize is how much of the struct a kernel is shown: what these rights need. A
// kernel that knows less takes what it does not know if it is zero.
const rulesetSize = unsafe.Sizeof(uint64(0)) * 3

// abiTSync is the version since which the kernel restricts all threads at once.
const abiTSync = 8

// landlock refuses everything that this kernel's Landlock can refuse: there is no
// rule that allows anything.
func (s setup) landlock() error {
	abi, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("the kernel has no Landlock, or it is not enabled: %w", errno)
	}
	var attr unix.LandlockRulesetAttr
	for _, l := range landlocks {
		if l.abi <= int(abi) {
			attr.Handled_access_fs |= l.fs
			attr.Handled_access_net |= l.net
			attr.Scoped |= l.scoped
		}
	}
	fd, _, errno := syscall.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), rulesetSize, 0)
	if errno != 0 {
		return os.NewSyscallError("landlock_create_ruleset", errno)
	}
	defer unix.Close(int(fd))
	if abi >= abiTSync {
		_, _, errno = syscall.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, unix.LANDLOCK_RESTRICT_SELF_TSYNC, 0)
	} else {
		_, _, errno = syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	}
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errors.New("a program that is built with cgo needs version 8 of the kernel's Landlock")
	}
	return os.NewSyscallError("landlock_restrict_self", errno)
}
