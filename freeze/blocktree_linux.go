package freeze

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// blockTree knows which filesystem holds the image of which loop filesystem, also
// through partitions, device mapper, md and several disks of one btrfs. It reads
// sysfs (Documentation/ABI/stable/sysfs-block) and opens no device.
type blockTree struct {
	sys    string // where sysfs is mounted
	mounts mountTable
}

// order gives every place a lower level than those that hold its image, puts the lowest
// first, and leaves the order within a level as it is.
func (t blockTree) order(places []*place) ([]*place, error) {
	held := map[*place]map[string]string{}
	for _, p := range places {
		var err error
		if held[p], err = t.holders(p.mount); err != nil {
			return nil, err
		}
	}
	ordered, waiting := make([]*place, 0, len(places)), slices.Clone(places)
	for level := 0; len(waiting) > 0; level++ {
		var outer []*place
		for _, p := range waiting {
			if slices.ContainsFunc(waiting, func(inner *place) bool { _, rests := held[inner][device(p.mount)]; return rests }) {
				outer = append(outer, p)
				continue
			}
			p.level = level
			ordered = append(ordered, p)
		}
		if len(outer) == len(waiting) {
			return nil, fmt.Errorf("%s and others seem to hold the images of each other: freeze them one at a time", waiting[0].mount.Mountpoint)
		}
		waiting = outer
	}
	return ordered, nil
}

// holders returns the filesystems that a mount rests on through images, at any
// depth: from device to the image that the way out to it leads through.
func (t blockTree) holders(m *mountinfo.Info) (map[string]string, error) {
	found := map[string]string{}
	for queue := []*mountinfo.Info{m}; len(queue) > 0; queue = queue[1:] {
		images, err := t.images(queue[0])
		if err != nil {
			return nil, err
		}
		for _, image := range images {
			// The loop filesystem itself may hide the directory of its image.
			outer := t.mounts.holding(image, device(queue[0]))
			if outer == nil {
				continue
			}
			if _, seen := found[device(outer)]; !seen {
				found[device(outer)] = image
				queue = append(queue, outer)
			}
		}
	}
	return found, nil
}

// images returns the image files that the block devices of a mount consist of.
// The kernel names them without symbolic links.
func (t blockTree) images(m *mountinfo.Info) ([]string, error) {
	if m.Major != 0 {
		return t.imagesUnder(device(m))
	}
	if m.FSType != "btrfs" {
		return nil, nil // no block device
	}
	disks, err := t.btrfsDisks(m.Source)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, disk := range disks {
		images, err := t.imagesUnder(disk)
		if err != nil {
			return nil, err
		}
		all = append(all, images...)
	}
	return all, nil
}

// imagesUnder returns the image files under one block device "major:minor".
func (t blockTree) imagesUnder(disk string) ([]string, error) {
	dir := t.sys + "/dev/block/" + disk
	if _, err := os.Stat(dir + "/partition"); err == nil {
		dir += "/.." // not to be cleaned: dir is a symbolic link
	}
	if image, err := os.ReadFile(dir + "/loop/backing_file"); err == nil {
		// The kernel marks a file that has been removed meanwhile.
		return []string{strings.TrimSuffix(strings.TrimSuffix(string(image), "\n"), " (deleted)")}, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	parts, err := os.ReadDir(dir + "/slaves")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []string
	for _, part := range parts {
		below, err := os.ReadFile(dir + "/slaves/" + part.Name() + "/dev")
		if err != nil {
			return nil, err
		}
		images, err := t.imagesUnder(strings.TrimSpace(string(below)))
		if err != nil {
			return nil, err
		}
		all = append(all, images...)
	}
	return all, nil
}

// btrfsDisks returns all block devices of a btrfs, given the name of one of them:
// its superblock has a device number that belongs to no disk. A disk that has no
// name here, as in a container, is taken for one without an image.
func (t blockTree) btrfsDisks(source string) ([]string, error) {
	first := t.disk(source)
	link, err := os.Readlink(t.sys + "/dev/block/" + first)
	if err != nil {
		return nil, nil
	}
	siblings, err := filepath.Glob(t.sys + "/fs/btrfs/*/devices/" + filepath.Base(link))
	if err != nil || len(siblings) == 0 {
		return []string{first}, err
	}
	all, err := filepath.Glob(filepath.Dir(siblings[0]) + "/*/dev")
	if err != nil {
		return nil, err
	}
	var disks []string
	for _, name := range all {
		number, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		disks = append(disks, strings.TrimSpace(string(number)))
	}
	return disks, nil
}

// disk returns "major:minor" of a block device, or "" if nobody knows it.
func (t blockTree) disk(source string) string {
	var st unix.Stat_t
	if err := unix.Stat(source, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return numbers(st.Rdev)
	}
	number, err := os.ReadFile(t.sys + "/class/block/" + filepath.Base(source) + "/dev")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(number))
}

// numbers names a device as mountinfo and sysfs do.
func numbers(dev uint64) string {
	return device(&mountinfo.Info{Major: int(unix.Major(dev)), Minor: int(unix.Minor(dev))})
}
