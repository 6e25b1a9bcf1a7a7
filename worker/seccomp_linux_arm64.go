package worker

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// System calls that only this machine has.
var archAllowed, archDeadly []uint32
