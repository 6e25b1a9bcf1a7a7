package freeze

import (
	"fmt"
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// cannotFreeze returns why a type of filesystem cannot be frozen, or "" if the
// kernel is to be asked. The kernel would answer EOPNOTSUPP to nearly all of
// these, but only in the middle of a run.
func cannotFreeze(fstype string) string {
	if isNetwork(fstype) {
		return "another machine or process serves it, freeze it there"
	}
	switch fstype {
	case "tmpfs", "ramfs", "devtmpfs", "hugetlbfs":
		return "it is in memory, no disk snapshot holds it"
	case "proc", "sysfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs",
		"configfs", "mqueue", "pstore", "bpf", "efivarfs", "binfmt_misc", "nsfs", "sockfs", "pipefs":
		return "the kernel makes its files up"
	case "overlay", "aufs", "ecryptfs":
		return "it is a view of other filesystems, name a path in the one that holds the data"
	case "autofs":
		return "nothing is mounted there yet"
	case "zfs":
		return "ZFS has no freeze, its own snapshots are atomic"
	case "squashfs", "erofs", "iso9660", "cramfs", "romfs":
		return "nobody can write to it"
	}
	return ""
}

// isNetwork reports whether looking a path up in such a filesystem may wait for
// another machine or process.
func isNetwork(fstype string) bool {
	base, _, _ := strings.Cut(fstype, ".") // "fuse.sshfs"
	switch base {
	case "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "afs", "coda", "ncpfs",
		"glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "fuse", "fuseblk", "vboxsf", "vmhgfs", "prl_fs":
		return true
	}
	return false
}

func refused(path string, m *mountinfo.Info, reason string) error {
	return &RefusedError{Path: path, Mountpoint: m.Mountpoint, Type: m.FSType, Reason: reason}
}

// refuseNetwork refuses what is on a network filesystem by its name alone: a
// lookup there may never come back.
func refuseNetwork(paths []string) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	for _, path := range paths {
		if m := mounts.holding(path, ""); m != nil && isNetwork(m.FSType) {
			return refused(path, m, cannotFreeze(m.FSType))
		}
	}
	return nil
}

// refuse returns an error if one of the places must not be frozen. kept are
// places that must stay writable.
func (t blockTree) refuse(places, kept []*place) error {
	if _, err := os.Stat(t.sys + "/dev/block"); err != nil {
		return fmt.Errorf("sysfs tells which filesystem holds an image of which, mount it at %s: %w", t.sys, err)
	}
	for _, p := range places {
		if reason := cannotFreeze(p.mount.FSType); reason != "" {
			return refused(p.paths[0], p.mount, reason)
		}
	}
	if err := t.refuseKept(places, kept); err != nil {
		return err
	}
	return t.refuseUnnamed(places)
}

// refuseKept refuses what must stay writable, or holds the image of something
// that must.
func (t blockTree) refuseKept(places, kept []*place) error {
	for _, k := range kept {
		held, err := t.holders(k.mount)
		if err != nil {
			return err
		}
		for _, p := range places {
			if device(p.mount) == device(k.mount) {
				return refused(p.paths[0], p.mount, fmt.Sprintf("it holds %s, which must stay writable", k.paths[0]))
			}
			if image, ok := held[device(p.mount)]; ok {
				return refused(p.paths[0], p.mount, fmt.Sprintf("through %s it holds %s, which must stay writable", image, k.paths[0]))
			}
		}
	}
	return nil
}

// refuseUnnamed refuses what holds the image of a filesystem that is mounted
// read-write and not among the places: whoever froze that one later would never
// come back.
func (t blockTree) refuseUnnamed(places []*place) error {
	seen := map[string]bool{}
	for _, p := range places {
		seen[device(p.mount)] = true
	}
	for _, inner := range t.mounts {
		if seen[device(inner)] || readOnly(inner) {
			continue
		}
		seen[device(inner)] = true
		held, err := t.holders(inner)
		if err != nil {
			return err
		}
		for _, p := range places {
			if image, ok := held[device(p.mount)]; ok {
				return refused(p.paths[0], p.mount, fmt.Sprintf("through %s it holds %s, which is mounted read-write: name %[2]s too", image, inner.Mountpoint))
			}
		}
	}
	return nil
}
