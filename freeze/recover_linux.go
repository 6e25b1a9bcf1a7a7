package freeze

import (
	"context"
	"errors"
	"fmt"
)

// ThawMountpoint thaws a filesystem that another process has frozen: it is for
// undoing what a journal of a dead process says, and knows of no owner. It opens
// the mount point, makes sure that the superblock mounted there is still the
// device "major:minor", and makes a FITHAW.
//
// Device numbers are given out anew when a machine boots, and when a disk comes
// and goes: the caller must know that it is still the same boot.
//
// An error that wraps [ErrNotFrozen] means that there was nothing to thaw, one
// that wraps [ErrUnknown] that ctx ended before the kernel answered: the thaw
// goes on. The kernel does not answer while the filesystem that holds the image
// of this one is frozen: thaw that one first. A device that is mounted elsewhere
// by now, or not at all, is an error that says so.
func ThawMountpoint(ctx context.Context, mountpoint, device string) (err error) {
	f, err := reclaim(mountpoint, device)
	if err != nil {
		return fmt.Errorf("thawing %s (device %s): %w", mountpoint, device, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Thaw(ctx)
}

// Open opens the filesystem that is mounted at mountpoint, which must be the device
// "major:minor": what another process of ours has located, to be frozen here.
func Open(mountpoint, device string) (*Filesystem, error) {
	f, err := mounted(mountpoint, device)
	if err != nil {
		return nil, fmt.Errorf("filesystem %s (device %s): %w", mountpoint, device, err)
	}
	return f, nil
}

// reclaim returns the Filesystem as if it had been frozen through it.
func reclaim(mountpoint, dev string) (*Filesystem, error) {
	f, err := mounted(mountpoint, dev)
	if err != nil {
		return nil, err
	}
	f.state = frozen
	return f, nil
}

func mounted(mountpoint, dev string) (*Filesystem, error) {
	places, err := findAll([]string{mountpoint})
	defer func() { closeAll(places) }()
	if err != nil {
		return nil, err
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	if err := places[0].find(mounts); err != nil {
		return nil, err
	}
	if got := device(places[0].mount); got != dev {
		for _, m := range mounts {
			if device(m) == dev {
				return nil, fmt.Errorf("device %s is there now, the other one is mounted at %s: if it is still the same disk, thaw that", got, m.Mountpoint)
			}
		}
		return nil, fmt.Errorf("device %s is there now, the other one is not mounted in this mount namespace", got)
	}
	list, err := open(places)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}
