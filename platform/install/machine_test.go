//go:build linux

package install

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

// machine is a root in which tests install.
type machine struct {
	t   *testing.T
	dir string
}

// livedIn is what a machine has before an install, besides nothing at all.
var livedIn = map[string]string{
	"/usr/local/lib/other/file":                                   "x\n",
	"/etc/qemu/qemu-ga.conf":                                      "# ours\n[general]\ndaemon=false\n\n[other]\nkey=1",
	"/etc/default/instance_configs.cfg":                           "[Accounts]\ndeprovision_remove = false\n\n[Snapshots]\n# see the manual\ntimeout_in_seconds = 120\n",
	"/etc/azure/workload.conf":                                    "[workload]\nworkload_name = mysql\ncommand_path = /usr/bin\ntimeout = 90\n",
	"/etc/azure/VMSnapshotScriptPluginConfig.json":                `{"preScriptLocation": "@ROOT@/root/pre.sh", "postScriptLocation": "@ROOT@/root/post.sh", "continueBackupOnFailure": false}`,
	"/root/pre.sh":                                                "#!/bin/sh\n",
	"/root/post.sh":                                               "#!/bin/sh\n",
	"/etc/systemd/system/multi-user.target.wants/other.service":   "[Unit]\n",
	"/etc/vmware-tools/backupScripts.d/10-other":                  "#!/bin/sh\n",
	"/etc/systemd/system/starhost-recover.service.d/timeout.conf": "[Service]\n",
}

func newMachine(t *testing.T, files map[string]string) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "install") // where fsync costs nothing
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t, dir}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, p := range slices.Sorted(maps.Keys(files)) {
		m.write(p, files[p])
	}
	return m
}

func (m *machine) options() Options {
	return Options{Root: m.dir, Program: "/usr/local/bin/starhost", StateDir: "/var/lib/starhost"}
}

func (m *machine) at(p string) string { return filepath.Join(m.dir, p) }

// write writes a file; @ROOT@ in it is the root, since scripts are looked for without it.
func (m *machine) write(p, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.at(p)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "@ROOT@", m.dir)
	mode := fs.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o700
	}
	if err := os.WriteFile(m.at(p), []byte(text), mode); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) read(p string) string {
	m.t.Helper()
	text, err := os.ReadFile(m.at(p))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m *machine) remove(p string) {
	m.t.Helper()
	if err := os.RemoveAll(m.at(p)); err != nil {
		m.t.Fatal(err)
	}
}

// all describes everything that is there, but for the state directory.
func (m *machine) all() map[string]string {
	m.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(m.dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, m.dir)
		if name == "/var" {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		uid, gid := ownerOf(info)
		text := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			text, err = os.Readlink(file)
		case !info.IsDir():
			text = m.read(name)
		}
		found[name] = fmt.Sprintln(info.Mode(), uid, gid, text)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return found
}

// wantSame fails if anything is not as it was.
func (m *machine) wantSame(what string, before map[string]string) {
	m.t.Helper()
	now := m.all()
	for p := range now {
		if now[p] != before[p] {
			m.t.Errorf("%s: %s is %q, was %q", what, p, now[p], before[p])
		}
	}
	for p := range before {
		if _, ok := now[p]; !ok {
			m.t.Errorf("%s: %s is gone", what, p)
		}
	}
}

func (m *machine) plan(c *platform.Caller) *Change {
	m.t.Helper()
	change, err := Plan(c, m.options())
	if err != nil {
		m.t.Fatal(err)
	}
	return change
}

func (m *machine) install(name string) *Change {
	m.t.Helper()
	change := m.plan(caller(m.t, name))
	if err := change.Apply(); err != nil {
		m.t.Fatalf("%s: %v", name, err)
	}
	return change
}

// uninstall returns what was refused.
func (m *machine) uninstall(name string) (*Change, error) {
	m.t.Helper()
	change, err := Removal(caller(m.t, name), m.options())
	if err != nil {
		m.t.Fatalf("%s: %v", name, err)
	}
	return change, change.Apply()
}

func caller(t *testing.T, name string) *platform.Caller {
	t.Helper()
	c, err := platform.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leastFor is what a machine must have for an install: Azure is refused without anything
// to quiesce.
func leastFor(name string) map[string]string {
	if name == "azure" {
		return map[string]string{movedWorkload: mysqlWorkload}
	}
	return nil
}

// everywhere runs a test for each caller, on a machine with nothing and on one with
// files of others.
func everywhere(t *testing.T, test func(t *testing.T, c *platform.Caller, files map[string]string)) {
	t.Helper()
	for _, name := range platform.Names() {
		t.Run(name+"/empty", func(t *testing.T) { test(t, caller(t, name), leastFor(name)) })
		t.Run(name+"/lived in", func(t *testing.T) { test(t, caller(t, name), livedIn) })
	}
}
