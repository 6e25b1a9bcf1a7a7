package freeze

import "testing"

func TestHolding(t *testing.T) {
	mounts := table(t, "8:1 / ext4 a rw", "8:2 /data ext4 b rw", "8:3 /data/db xfs c rw", "8:4 /data xfs d rw", `8:5 /with\040space xfs e rw`)
	for path, want := range map[string]string{
		"/": "8:1", "/x": "8:1", "/data": "8:4", "/data/": "8:4", "/database": "8:1", "/data/db/x": "8:3", "/data/../x": "8:1", "/with space/x": "8:5",
	} {
		if got := device(mounts.holding(path, "")); got != want {
			t.Errorf("%s is on %s, want %s", path, got, want)
		}
	}
	if got := device(mounts.holding("/data/x", "8:4")); got != "8:2" {
		t.Errorf("/data/x without 8:4 is on %s, want 8:2", got)
	}
	if m := mounts.holding("(unreachable)/x", ""); m != nil {
		t.Errorf("an unreachable path is on %v, want none", m)
	}
}

func TestNetworkIsRefused(t *testing.T) {
	for fstype, network := range map[string]bool{
		"nfs4": true, "cifs": true, "fuse.sshfs": true, "fuseblk": true, "9p": true, "ceph": true, "fuse.glusterfs": true,
		"xfs": false, "ext4": false, "tmpfs": false, "overlay": false,
	} {
		if got := isNetwork(fstype); got != network {
			t.Errorf("isNetwork(%q) = %v", fstype, got)
		}
		if network && cannotFreeze(fstype) == "" {
			t.Errorf("cannotFreeze(%q) gives no reason", fstype)
		}
	}
}

// TestOldKernel looks a path up as on a kernel that does not tell the mount of a
// descriptor.
func TestOldKernel(t *testing.T) {
	places, err := findAll([]string{"/proc/self/status", t.TempDir()})
	defer closeAll(places)
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := readMounts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if err := p.find(mounts); err != nil {
			t.Fatal(err)
		}
		told := p.mount
		p.id = 0
		if err := p.find(mounts); err != nil || p.mount != told {
			t.Errorf("%s is on %v by name, on %v by number (%v)", p.paths[0], p.mount, told, err)
		}
	}
}
