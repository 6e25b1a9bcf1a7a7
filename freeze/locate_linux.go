package freeze

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Locate returns the filesystems that hold the paths, each with an open
// descriptor, in the order in which they must be frozen; thaw in the reverse one.
//
// The paths are absolute and exist; symbolic links are followed. Several paths,
// bind mounts and subvolumes of one superblock give one Filesystem. A loop
// filesystem is of a lower level than the filesystem that holds its image. The lowest
// level comes first; within a level the order of the paths is kept.
//
// The error is a [*RefusedError] if one of the filesystems cannot be frozen (it is
// in memory, on a network, made up by the kernel), if it must stay writable
// according to opt, or if it holds the image of a loop filesystem that is mounted
// read-write here and not among the paths. After an error nothing is left open.
//
// Nothing is frozen and no file is opened that could make the caller wait: of a
// path that is neither a directory nor a regular file the mount point is opened
// instead. Only a symbolic link that leads to a network filesystem whose server
// does not answer can hold Locate up. Mounts of other mount namespaces are not
// seen.
func Locate(paths []string, opt Options) ([]*Filesystem, error) {
	if err := refuseNetwork(paths); err != nil {
		return nil, err
	}
	places, err := findAll(paths)
	defer func() { closeAll(places) }()
	if err != nil {
		return nil, err
	}
	kept, err := findAll(opt.Keep)
	defer func() { closeAll(kept) }()
	if err != nil {
		return nil, fmt.Errorf("looking for what must stay writable: %w", err)
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(places, kept) {
		if err := p.find(mounts); err != nil {
			return nil, err
		}
	}
	places = distinct(places)
	disks := blockTree{sys: "/sys", mounts: mounts}
	if err := disks.refuse(places, kept); err != nil {
		return nil, err
	}
	ordered, err := disks.order(places)
	if err != nil {
		return nil, err
	}
	return open(ordered)
}

// open opens the descriptors for the ioctls.
func open(places []*place) ([]*Filesystem, error) {
	list := make([]*Filesystem, 0, len(places))
	for _, p := range places {
		fd, err := p.open()
		if err != nil {
			for _, f := range list {
				err = errors.Join(err, f.Close())
			}
			return nil, err
		}
		f := newFilesystem(fd, linux())
		f.Device, f.Mountpoint, f.Type, f.Source = device(p.mount), p.mount.Mountpoint, p.mount.FSType, p.mount.Source
		f.ReadOnly, f.Paths, f.Level = readOnly(p.mount), p.paths, p.level
		list = append(list, f)
	}
	return list, nil
}

// place is a path that has been looked up: an O_PATH descriptor, which opens
// nothing and so waits for nothing, and the mount that it is on.
type place struct {
	paths []string // the path, and others that were found to be on the same superblock
	fd    int
	mode  uint16
	id    int // of the mount; 0 on a kernel that does not tell
	mount *mountinfo.Info
	level int
}

// findAll looks paths up. The places it returns must be closed, also after an error.
func findAll(paths []string) ([]*place, error) {
	var places []*place
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			return places, fmt.Errorf("path %q is not absolute", path)
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return places, fmt.Errorf("looking up %s: %w", path, err)
		}
		p := &place{paths: []string{path}, fd: fd}
		places = append(places, p)
		if err := p.stat(); err != nil {
			return places, err
		}
	}
	return places, nil
}

func closeAll(places []*place) {
	for _, p := range places {
		_ = unix.Close(p.fd) // an O_PATH descriptor has nothing to lose
	}
}

// stat reads type and mount. STATX_MNT_ID came with kernel 5.8.
func (p *place) stat() error {
	var st unix.Statx_t
	flags := unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	if err := unix.Statx(p.fd, "", flags, unix.STATX_TYPE|unix.STATX_MNT_ID, &st); err != nil {
		return fmt.Errorf("looking up %s: statx: %w", p.paths[0], err)
	}
	p.mode = st.Mode & unix.S_IFMT
	if st.Mask&unix.STATX_MNT_ID != 0 {
		p.id = int(st.Mnt_id)
	}
	return nil
}

// find looks for the mount of p in a table that was read after p was looked up:
// an automount may have happened in between.
func (p *place) find(mounts mountTable) error {
	if p.id != 0 {
		p.mount = mounts.byID(p.id)
	} else if path, err := p.resolved(); err == nil {
		p.mount = mounts.holding(path, "")
	}
	if p.mount == nil {
		return fmt.Errorf("%s is on a mount that /proc/self/mountinfo does not show: name a path of this mount namespace", p.paths[0])
	}
	return nil
}

// distinct leaves one place, the first, for each superblock.
func distinct(places []*place) []*place {
	var list []*place
	for _, p := range places {
		i := slices.IndexFunc(list, func(q *place) bool { return device(q.mount) == device(p.mount) })
		if i < 0 {
			list = append(list, p)
			continue
		}
		list[i].paths = append(list[i].paths, p.paths...)
		closeAll([]*place{p})
	}
	return list
}

// open returns a descriptor that the ioctls work with: of the path itself if it
// is a directory or a regular file, which do not block, otherwise of its mount point.
func (p *place) open() (int, error) {
	if p.mode == unix.S_IFDIR || p.mode == unix.S_IFREG {
		return reopen(p)
	}
	top, err := findAll([]string{p.mount.Mountpoint})
	defer closeAll(top)
	if err != nil {
		return -1, err
	}
	mounts, err := readMounts()
	if err != nil {
		return -1, err
	}
	if err := top[0].find(mounts); err != nil {
		return -1, err
	}
	kind := top[0].mode
	if device(top[0].mount) != device(p.mount) || (kind != unix.S_IFDIR && kind != unix.S_IFREG) {
		return -1, refused(p.paths[0], p.mount, "it cannot be opened through this path: name a directory in it")
	}
	return reopen(top[0])
}

// reopen opens for reading what p was looked up as, whatever its path says now.
func reopen(p *place) (int, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", p.fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", p.paths[0], err)
	}
	return fd, nil
}
