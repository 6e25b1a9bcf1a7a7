package run

import (
	"strings"

	"github.com/starhost/starhost/action"
)

// WaitsForThaw says why a snapshot that btrfs takes itself cannot be taken while these
// filesystems are frozen, or "" if none of them is a btrfs.
//
// Such a snapshot writes: the command sleeps uninterruptibly until the thaw, and its
// snapshot comes about then, even if the command was killed meanwhile. For a snapshot
// of the disks below the freeze is right; a run cannot tell which of the two it will be.
func WaitsForThaw(frozen []action.FS) string {
	var mounts []string
	for _, fs := range frozen {
		if fs.Type == "btrfs" {
			mounts = append(mounts, fs.Mountpoint)
		}
	}
	if len(mounts) == 0 {
		return ""
	}
	return strings.Join(mounts, ", ") + " is a btrfs: btrfs subvolume snapshot waits until it is thawed, and makes its snapshot then; " +
		"for snapshots that btrfs takes itself set fs_freeze = snapshot"
}
