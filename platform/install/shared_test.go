//go:build linux

package install

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

// What several callers need goes with the last of them, in whatever order.
func TestSharedFilesGoWithTheLast(t *testing.T) {
	for _, order := range [][]string{{"qemu-ga", "zrepl", "borgmatic"}, {"borgmatic", "zrepl", "qemu-ga"}, {"zrepl", "qemu-ga", "borgmatic"}} {
		m := newMachine(t, livedIn)
		before := m.all()
		for _, name := range []string{"qemu-ga", "zrepl", "borgmatic"} {
			m.install(name)
		}
		for i, name := range order {
			if _, err := m.uninstall(name); err != nil {
				t.Errorf("%s of %s: %v", name, order, err)
			}
			if _, err := os.Stat(m.at(recoverUnit)); (err == nil) != (i < 2) {
				t.Errorf("after %s of %s: unit: %v", name, order, err)
			}
		}
		m.wantSame(strings.Join(order, ", "), before)
	}
}

// A program at another place makes hooks older: they are made anew, and an uninstall
// gives back what was there before the first of them.
func TestNewerHooks(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		m := newMachine(t, files)
		before := m.all()
		m.install("velero") // shares the unit
		m.install(c.Name)
		o := m.options()
		o.Program = "/opt/starhost/bin/starhost"
		change, err := Plan(c, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := change.Apply(); err != nil {
			t.Fatal(err)
		}
		if unit := m.read(recoverUnit); !strings.Contains(unit, "\nExecStart=/opt/starhost/bin/starhost recover\n") {
			t.Errorf("unit:\n%s", unit)
		}
		for p, text := range m.all() {
			if strings.Contains(text, "/usr/local/bin/starhost") {
				t.Errorf("%s is %s", p, text)
			}
		}
		for _, name := range []string{c.Name, "velero"} {
			if _, err := m.uninstall(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		m.wantSame("uninstall", before)
	})
}

// Without a record, say because the state directory is new, our own files are known.
func TestLostRecord(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		m := newMachine(t, files)
		m.install(c.Name)
		m.remove("/var/lib/starhost")
		installed := m.all()
		if again := m.install(c.Name); again.Todo() {
			t.Errorf("it would\n%s", again.Text())
		}
		m.wantSame("install", installed)
		o := m.options()
		o.Program, o.StateDir = "/opt/starhost", "/var/lib/other"
		change, err := Plan(c, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := change.Apply(); err != nil {
			t.Error(err)
		}
		if len(c.Install) > 0 && !slices.ContainsFunc(change.Steps, func(s Step) bool { return s.Finding == Older }) {
			t.Errorf("nothing is older:\n%s", change.Text())
		}
	})
}

// An install that was killed after any of its steps can be finished, or taken back.
func TestKilledInstall(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		for n := range newMachine(t, files).plan(c).Steps {
			m := newMachine(t, files)
			before := m.all()
			killed := func() {
				change := m.plan(c)
				tr, err := openTree(m.options())
				if err != nil {
					t.Fatal(err)
				}
				defer tr.close()
				if err := change.store(tr); err != nil {
					t.Fatal(err)
				}
				for _, s := range change.Steps[:n] {
					if err := tr.change(s.Path, s.Before, s.After); err != nil {
						t.Fatal(err)
					}
				}
			}
			killed()
			if _, err := m.uninstall(c.Name); err != nil {
				t.Errorf("killed after %d steps, uninstall: %v", n, err)
			}
			m.wantSame("uninstall", before)
			killed()
			change := m.plan(c)
			if err := change.Apply(); err != nil {
				t.Errorf("killed after %d steps, install: %v", n, err)
				continue
			}
			m.wantPut(c)
			if _, err := m.uninstall(c.Name); err != nil {
				t.Errorf("killed after %d steps, install, uninstall: %v", n, err)
			}
			m.wantSame("install and uninstall", before)
		}
	})
}

// Nobody else may be able to put another file in the place of one that root runs.
func TestDirectoriesOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(m *machine) error
		want string // "" if it will do
	}{
		{"a directory that others write", func(m *machine) error { return os.Chmod(m.at("/etc/google"), 0o777) }, "/etc/google is a directory that others can write"},
		{"one that a group writes", func(m *machine) error { return os.Chmod(m.at("/etc"), 0o775) }, "/etc is a directory that others can write"},
		{"a directory of somebody", func(m *machine) error { return os.Chown(m.at("/etc/google"), 65534, 0) }, "/etc/google is a directory of uid 65534"},
		{"a link within", func(m *machine) error { return os.Symlink("../../srv/s", m.at("/etc/google/snapshots")) }, ""},
		{"a link to what others write", func(m *machine) error {
			if err := os.Chmod(m.at("/srv/s"), 0o777); err != nil {
				return err
			}
			return os.Symlink("../../srv/s", m.at("/etc/google/snapshots"))
		}, "/srv/s is a directory that others can write"},
		{"a link below what others write", func(m *machine) error {
			if err := os.Chmod(m.at("/srv"), 0o777); err != nil {
				return err
			}
			return os.Symlink("../../srv/s", m.at("/etc/google/snapshots"))
		}, "/srv is a directory that others can write"},
		{"a link of somebody", func(m *machine) error {
			if err := os.Symlink("../../srv/s", m.at("/etc/google/snapshots")); err != nil {
				return err
			}
			return os.Lchown(m.at("/etc/google/snapshots"), 65534, 0)
		}, "is a symbolic link of uid 65534"},
		{"a link that is absolute", func(m *machine) error { return os.Symlink("/srv/s", m.at("/etc/google/snapshots")) }, "is a symbolic link to an absolute path"},
		{"a link out of the root", func(m *machine) error { return os.Symlink("../../../../..", m.at("/etc/google/snapshots")) }, "or above the root"},
		{"links without an end", func(m *machine) error { return os.Symlink("snapshots", m.at("/etc/google/snapshots")) }, "too many symbolic links"},
		{"a file", func(m *machine) error { m.write("/etc/google/snapshots", ""); return nil }, "/etc/google/snapshots is not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if os.Geteuid() != 0 {
				t.Skip("only root has files of others")
			}
			m := newMachine(t, map[string]string{"/etc/google/x": "", "/srv/s/x": ""})
			if err := tt.make(m); err != nil {
				t.Fatal(err)
			}
			before := m.all()
			change, err := Plan(caller(t, "gcp"), m.options())
			if err == nil {
				err = change.Apply()
			}
			switch {
			case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			case err != nil:
				m.wantSame(tt.name, before)
			default:
				if _, err := m.uninstall("gcp"); err != nil {
					t.Error(err)
				}
				m.wantSame(tt.name, before)
			}
		})
	}
}

// A record tells what to write: it must be ours.
func TestStateDirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(m *machine) error
		want string
	}{
		"a link": {func(m *machine) error { return os.Symlink("/srv", m.at("/var/lib/starhost")) }, "is a symbolic link to an absolute path"},
		"others write it": {func(m *machine) error {
			m.write("/var/lib/starhost/x", "")
			return os.Chmod(m.at("/var/lib/starhost"), 0o777)
		}, "others can write"},
		"no record": {func(m *machine) error { m.write("/var/lib/starhost/install/gcp.json", "{}"); return nil }, "is no record of an install"},
		"one of another caller": {func(m *machine) error {
			m.write("/var/lib/starhost/install/gcp.json", `{"version": 1, "caller": "aws"}`)
			return nil
		}, "is no record of an install"},
	} {
		m := newMachine(t, map[string]string{"/var/lib/x": ""})
		if err := tt.make(m); err != nil {
			t.Fatal(err)
		}
		_, err := Plan(caller(t, "gcp"), m.options())
		m.wantError(name, err, tt.want)
		_, err = Removal(caller(t, "gcp"), m.options())
		m.wantError(name, err, tt.want)
	}
}

// The path of the program goes into shell, YAML and units.
func TestProgram(t *testing.T) {
	for _, program := range []string{"", "starhost", "/a b", "/a;b", "/a$b", "/a\nb", "/a'b", `/a"b`, "/a/../b", "/a/", "/", "//a", "/%h"} {
		m := newMachine(t, nil)
		o := m.options()
		o.Program = program
		if _, err := Plan(caller(t, "gcp"), o); err == nil || !strings.Contains(err.Error(), "--program") {
			t.Errorf("%q: error %v", program, err)
		}
	}
	for program, want := range map[string]string{
		"/nowhere/at/all": "cannot be looked at", "/etc/passwd": "is no program", "/usr/bin/env": "", "/usr": "is no program",
	} {
		err := checkProgram(Options{Root: "/", Program: program})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", program, err, want)
		}
	}
}
