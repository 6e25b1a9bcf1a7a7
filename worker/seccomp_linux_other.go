//go:build linux && !amd64 && !arm64

package worker

// auditArch is no machine: there is no filter.
const auditArch = 0

var archAllowed, archDeadly []uint32
