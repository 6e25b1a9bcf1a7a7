//go:build linux

package install

import (
	"os"
	"strings"
	"testing"
)

const pre = "/etc/google/snapshots/pre.sh"

// What may happen to a machine between two calls of install, and what comes of it.
func TestSince(t *testing.T) {
	chmod := func(m *machine, p string, mode os.FileMode) {
		if err := os.Chmod(m.at(p), mode); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		since func(m *machine)
		again string // the error of a second install, "" if there is none
		away  string // and of an uninstall
		left  string // what there is afterwards that was not there before
	}{
		{"nothing", func(*machine) {}, "", "", ""},
		{"text", func(m *machine) { m.write(pre, "#!/bin/sh\n") }, pre + " was changed since it was installed; move it away", pre + " was changed since", pre},
		{"mode", func(m *machine) { chmod(m, pre, 0o755) }, pre + " was changed since", pre + " was changed since", pre},
		{"gone", func(m *machine) { m.remove(pre) }, "", "", ""},
		{"a file beside ours", func(m *machine) { m.write("/etc/google/snapshots/mine", "x") }, "", "", "/etc/google/snapshots/mine"},
		{"one in place of a directory", func(m *machine) { m.remove("/etc/google"); m.write("/etc/google", "x") }, "/etc/google is not a directory", "/etc/google is not a directory", "/etc/google"},
	} {
		for _, reinstall := range []bool{false, true} {
			m := newMachine(t, livedIn)
			before := m.all()
			m.install("gcp")
			tt.since(m)
			if reinstall {
				change, err := Plan(caller(t, "gcp"), m.options())
				if err == nil {
					err = change.Apply()
				}
				m.wantError(tt.name+": install", err, tt.again)
			}
			change, err := Removal(caller(t, "gcp"), m.options())
			if err == nil {
				err = change.Apply()
			}
			m.wantError(tt.name+": uninstall", err, tt.away)
			if tt.left != "" {
				if _, err := os.Lstat(m.at(tt.left)); err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			m.wantSame(tt.name, before)
		}
	}
}

func (m *machine) wantError(what string, err error, want string) {
	m.t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		m.t.Errorf("%s: error %v, want %q", what, err, want)
	}
}

// What others have written into a file since is not lost when the setting, which they
// have taken out, is put in again and given back.
func TestSettingsOfOthersStay(t *testing.T) {
	const conf = "/etc/qemu/qemu-ga.conf"
	m := newMachine(t, livedIn)
	m.install("qemu-ga")
	m.write(conf, "[general]\nverbose=true\n")
	m.install("qemu-ga")
	if got, want := m.read(conf), "[general]\nverbose=true\nfsfreeze-hook=/usr/local/lib/starhost/starhost-qemu-ga\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := m.uninstall("qemu-ga"); err != nil {
		t.Error(err)
	}
	if got := m.read(conf); got != "[general]\nverbose=true\n" {
		t.Errorf("%q", got)
	}
}

// Between the look and the write somebody changes a file, or opens a directory.
func TestMeanwhile(t *testing.T) {
	for name, tt := range map[string]struct {
		meanwhile func(m *machine) error
		want      string
	}{
		"a file":      {func(m *machine) error { m.write("/etc/default/instance_configs.cfg", "[x]\n"); return nil }, "instance_configs.cfg was changed meanwhile"},
		"a directory": {func(m *machine) error { return os.Chmod(m.at("/etc/default"), 0o777) }, "/etc/default is a directory that others can write"},
	} {
		m := newMachine(t, livedIn)
		change := m.plan(caller(t, "gcp"))
		if err := tt.meanwhile(m); err != nil {
			t.Fatal(err)
		}
		before := m.all()
		m.wantError(name, change.Apply(), tt.want)
		m.wantSame(name, before)
	}
}
