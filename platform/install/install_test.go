//go:build linux

package install

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starhost/starhost/platform"
)

func TestThereAndBack(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		m := newMachine(t, files)
		before := m.all()
		change := m.plan(c)
		m.wantSame("a look", before)
		if !change.Todo() {
			t.Fatal("nothing is to be done")
		}
		if err := change.Apply(); err != nil {
			t.Fatal(err)
		}
		m.wantPut(c)
		installed, record := m.all(), m.read("/var/lib/starhost/install/"+c.Name+".json")
		again := m.install(c.Name)
		if again.Todo() {
			t.Errorf("a second install would\n%s", again.Text())
		}
		m.wantSame("a second install", installed)
		if m.read("/var/lib/starhost/install/"+c.Name+".json") != record {
			t.Error("a second install has changed the record")
		}
		if _, err := m.uninstall(c.Name); err != nil {
			t.Error(err)
		}
		m.wantSame("an uninstall", before)
		if left, _ := os.ReadDir(m.at("/var/lib/starhost")); len(left) > 0 {
			t.Errorf("%s is left in the state directory", left)
		}
		if last, err := m.uninstall(c.Name); err != nil || last.Todo() {
			t.Errorf("a second uninstall: %v, would %s", err, last.Text())
		}
	})
}

// wantPut compares what is there with the table of callers.
func (m *machine) wantPut(c *platform.Caller) {
	m.t.Helper()
	for _, put := range c.Install {
		switch put.Kind {
		case platform.PutFile:
			info, err := os.Lstat(m.at(put.Path))
			if err != nil || info.Mode() != put.Mode {
				m.t.Errorf("%s: %v, %v", put.Path, info, err)
				continue
			}
			if text := m.read(put.Path); strings.Contains(text, "@") && !strings.Contains(text, `"$@"`) || !strings.Contains(text, "exec /usr/local/bin/starhost hook "+c.Name) {
				m.t.Errorf("%s: %s", put.Path, text)
			}
		case platform.PutLink:
			if target, err := os.Readlink(m.at(put.Path)); err != nil || target != "/usr/local/bin/starhost" {
				m.t.Errorf("%s leads to %q, %v", put.Path, target, err)
			}
			if called, ok := platform.Called(put.Path); !ok || called != c {
				m.t.Errorf("a program called %s is not the hook of %s", put.Path, c.Name)
			}
		case platform.PutSetting:
			got := value(scanINI(m.read(put.Path), "="), put.Section, put.Key)
			if !enough(got, put.Value, put.Least) {
				m.t.Errorf("%s: %s is %q", put.Path, put.Key, got)
			}
		}
	}
	if unit := m.read(recoverUnit); !strings.Contains(unit, "\nExecStart=/usr/local/bin/starhost recover\n") {
		m.t.Errorf("unit:\n%s", unit)
	}
	if _, err := os.Stat(m.at(recoverStart)); err != nil {
		m.t.Error(err)
	}
}

// Whatever stands where one of our files or links goes is left as it is, and so is
// everything else; the unit of somebody is no obstacle.
func TestForeignFilesAreLeft(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		for _, s := range newMachine(t, files).plan(c).Steps {
			if s.Finding != New || s.After.Kind == Dir {
				continue
			}
			m := newMachine(t, files)
			m.write(s.Path, "foreign\n")
			before := m.all()
			change := m.plan(c)
			err := change.Apply()
			refusal := (*RefusedError)(nil)
			if filepath.Dir(s.Path) == units || s.Path == recoverStart {
				if err != nil || m.read(s.Path) != "foreign\n" {
					t.Errorf("%s: %v, %q", s.Path, err, m.read(s.Path))
				}
				continue
			}
			if s.Path == "/etc/qemu/qemu-ga.conf" || s.Path == "/etc/default/instance_configs.cfg" {
				continue // settings are added to them
			}
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), s.Path) {
				t.Errorf("%s: error %v", s.Path, err)
			}
			m.wantSame(s.Path, before)
			if _, err := os.Stat(m.at("/var")); err == nil {
				t.Errorf("%s: a record was written", s.Path)
			}
		}
	})
}

// Each step in turn fails, because something has come in its way since it was planned.
func TestRollBack(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		for i, s := range newMachine(t, files).plan(c).Steps {
			if !s.Todo() || s.After.Kind == Dir {
				continue
			}
			m := newMachine(t, files)
			change := m.plan(c)
			m.write(beside(s.Path)+"/x", "") // what is written there first cannot be
			if s.After.Kind == Link {
				m.remove(beside(s.Path))
				m.write(s.Path, "meanwhile\n")
			}
			before := m.all()
			if err := change.Apply(); err == nil || !strings.Contains(err.Error(), "was undone") {
				t.Errorf("step %d, %s: error %v", i, s.Path, err)
			}
			m.wantSame(s.Path, before)
			if left, _ := os.ReadDir(m.at("/var/lib/starhost")); len(left) > 0 {
				t.Errorf("%s: %s is left in the state directory", s.Path, left)
			}
		}
	})
}

// Each step in turn takes effect, and then its directory cannot be synced.
func TestRollBackOfWhatTookEffect(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		for i, s := range newMachine(t, files).plan(c).Steps {
			if !s.Todo() {
				continue
			}
			m := newMachine(t, files)
			o := m.options()
			failed := false
			var after State
			o.sync = func(dir string) error {
				if failed || dir != path.Dir(s.Path) || !m.stateOf(s.Path).same(after) {
					return nil
				}
				failed = true
				return errors.New("input/output error")
			}
			change, err := Plan(c, o)
			if err != nil {
				t.Fatal(err)
			}
			after = change.Steps[i].After // paths of the machine may be in it
			before := m.all()
			if err := change.Apply(); err == nil || !strings.Contains(err.Error(), s.Path+": input/output error; everything that had been done before was undone") {
				t.Errorf("step %d, %s: error %v", i, s.Path, err)
			}
			m.wantSame(s.Path, before)
			if left, _ := os.ReadDir(m.at("/var/lib/starhost")); len(left) > 0 {
				t.Errorf("%s: %s is left in the state directory", s.Path, left)
			}
		}
	})
}

func (m *machine) stateOf(p string) State {
	m.t.Helper()
	t, err := openTree(m.options())
	if err != nil {
		m.t.Fatal(err)
	}
	defer t.close()
	s, err := t.look(p)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// What somebody has changed since is named and left; the rest is given back.
func TestChangedFilesAreLeft(t *testing.T) {
	everywhere(t, func(t *testing.T, c *platform.Caller, files map[string]string) {
		for _, s := range newMachine(t, files).plan(c).Steps {
			if s.After.Kind == Dir || s.Path == platform.AzureWorkload {
				continue
			}
			m := newMachine(t, files)
			before := m.all()
			m.install(c.Name)
			m.remove(s.Path)
			m.write(s.Path, "changed since\n")
			_, err := m.uninstall(c.Name)
			if refusal := (*RefusedError)(nil); !errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), s.Path+" ") {
				t.Errorf("%s: error %v", s.Path, err)
			}
			if m.read(s.Path) != "changed since\n" {
				t.Errorf("%s was touched", s.Path)
			}
			for _, other := range m.plan(c).Steps {
				if other.Finding == Same && other.After.Kind != Dir && other.Path != s.Path {
					t.Errorf("%s: %s was not given back", s.Path, other.Path)
				}
			}
			m.remove(s.Path) // it can be taken back later
			if s.Finding == New {
				if _, err := m.uninstall(c.Name); err != nil {
					t.Errorf("%s: %v", s.Path, err)
				}
				for p := range before {
					if _, err := os.Lstat(m.at(p)); err != nil {
						t.Errorf("%s: %v", s.Path, err)
					}
				}
			}
		}
	})
}
