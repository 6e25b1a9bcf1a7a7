package freeze

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// mountTable is what /proc/self/mountinfo (proc(5)) said at one moment.
type mountTable []*mountinfo.Info

func readMounts() (mountTable, error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("reading the mount table: %w", err)
	}
	return mounts, nil
}

func (t mountTable) byID(id int) *mountinfo.Info {
	i := slices.IndexFunc(t, func(m *mountinfo.Info) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return t[i]
}

// holding returns the mount that a path without symbolic links is on, by name:
// the one with the longest mount point, the last one if several are stacked
// there. Mounts of the device not are passed over. It is nil if there is none.
func (t mountTable) holding(path, not string) *mountinfo.Info {
	var best *mountinfo.Info
	path = filepath.Clean(path)
	for _, m := range t {
		if device(m) == not || !within(path, m.Mountpoint) {
			continue
		}
		if best == nil || len(m.Mountpoint) >= len(best.Mountpoint) {
			best = m
		}
	}
	return best
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return dir == "/" && strings.HasPrefix(path, "/") || path == dir || strings.HasPrefix(path, dir+"/")
}

// device names the superblock of a mount. It is not st_dev: each subvolume of a
// btrfs has an st_dev of its own.
func device(m *mountinfo.Info) string { return fmt.Sprintf("%d:%d", m.Major, m.Minor) }

// readOnly reports whether the superblock is read-only.
func readOnly(m *mountinfo.Info) bool {
	return slices.Contains(strings.Split(m.VFSOptions, ","), "ro")
}

// resolved returns the path of p without symbolic links.
func (p *place) resolved() (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", p.fd))
}
