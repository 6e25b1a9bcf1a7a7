// Package cgroup takes a process out of the control group of its caller, so that it
// survives whoever ends that: systemd, for example, which kills everything in the
// group of a service when it restarts or stops the service (systemd.kill(5)).
//
// # Where to
//
// Where systemd runs, the tree of groups is its own, and others ask it for a group
// (systemd.scope(5), org.freedesktop.systemd1(5), "the single-writer rule" of
// systemd's CGROUP_DELEGATION document). The process becomes starhost-NAME.scope in
// system.slice; systemd removes that when the process is gone. It is asked by
// busctl(1), for one call without an answer does not earn a D-Bus library.
//
// Elsewhere the process, or whoever starts it ([Make]), makes the group starhost-NAME
// directly below the root of the cgroup2 filesystem. Nobody removes that when the process is killed, so each [Leave]
// removes what others have left: the kernel removes no group that has a process.
//
// Groups of version 1 are left alone: they limit, and who ends a service by one of
// them reads a list of processes and signals each, from which this is no refuge.
//
// # Concurrency
//
// The kernel moves all threads of a process at once. Leave is called once in a
// process, from any goroutine; processes may call it at the same time. CanLeave may be
// called from anywhere.
//
// # Sources
//
// cgroups(7), Documentation/admin-guide/cgroup-v2.rst of the kernel (cgroup.procs,
// "No Internal Process Constraint", cgroup.kill, "Delegation Containment").
package cgroup

import "fmt"

// prefix begins the names of all groups that are made here.
const prefix = "starhost-"

// maxName keeps the name of a unit below the 255 bytes that systemd.unit(5) allows.
const maxName = 200

// checkName refuses what is no name of a directory, or would be escaped in a unit.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%q cannot be the name of a control group: it needs 1 to %d characters", name, maxName)
	}
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return fmt.Errorf("%q cannot be the name of a control group: only letters, digits and - _ . can", name)
		}
	}
	return nil
}

// refused says why a process stays where it is.
func refused(err error) error {
	return fmt.Errorf("cannot leave the control group of the caller: %w", err)
}
