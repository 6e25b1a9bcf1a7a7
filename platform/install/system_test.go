//go:build linux

package install

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/starhost/starhost/packaging/systemd"
	"github.com/starhost/starhost/platform"
)

// What a machine is told. No machine with SELinux was at hand: the command line is what
// can be tested.
func TestCommands(t *testing.T) {
	m := newMachine(t, map[string]string{"/usr/local/lib/x": "", "/etc/qemu/x": ""})
	reload := "[systemctl daemon-reload]"
	label := "[restorecon -F /usr/local/lib/starhost /usr/local/lib/starhost/starhost-qemu-ga /etc/qemu/qemu-ga.conf " +
		"/etc/systemd /etc/systemd/system /etc/systemd/system/starhost-recover.service /etc/systemd/system/multi-user.target.wants /etc/systemd/system/multi-user.target.wants/starhost-recover.service]"
	check := func(what string, change *Change, selinux, systemd bool, want ...string) {
		if got := change.commands(selinux, systemd); fmt.Sprint(got) != "["+strings.Join(want, " ")+"]" {
			t.Errorf("%s: %s", what, got)
		}
	}
	change := m.install("qemu-ga")
	check("install", change, true, true, label, reload)
	check("without SELinux", change, false, true, reload)
	check("without systemd", change, true, false, label)
	check("again", m.install("qemu-ga"), true, true)
	removal, err := m.uninstall("qemu-ga")
	if err != nil {
		t.Fatal(err)
	}
	check("uninstall", removal, true, true, reload)
}

// What fails after the files are in place is a warning, with what to do.
func TestTellWarns(t *testing.T) {
	var ran [][]string
	c := &Change{o: Options{Root: "/", Run: func(argv []string) error { ran = append(ran, argv); return fmt.Errorf("no") }}}
	c.Steps = []Step{{Path: recoverUnit, Before: State{Kind: Absent}, After: file("x", 0o644)}}
	c.tell()
	if len(ran) != len(c.Warnings) || slices.ContainsFunc(c.Warnings, func(w string) bool { return !strings.HasPrefix(w, "no; run it by hand: ") }) {
		t.Errorf("%q ran, warnings %q", ran, c.Warnings)
	}
	if err := runProgram([]string{"no-such-program"}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("error %v", err)
	}
	if err := runProgram([]string{"false"}); err == nil {
		t.Error("no error")
	}
	if err := runProgram([]string{"true"}); err != nil {
		t.Error(err)
	}
}

// A unit of a package, or of somebody, is not hidden by one of ours.
func TestUnitOfAPackage(t *testing.T) {
	for _, dir := range packaged {
		m := newMachine(t, map[string]string{dir + "/" + systemd.RecoverName: "[Unit]\n"})
		if change := m.install("velero"); change.Todo() {
			t.Errorf("%s: it did\n%s", dir, change.Text())
		}
	}
	m := newMachine(t, map[string]string{recoverUnit: "[Unit]\n"})
	if change := m.install("velero"); len(change.Warnings) != 1 || change.Todo() {
		t.Errorf("warnings %q, it did\n%s", change.Warnings, change.Text())
	}
	if !strings.Contains(systemd.Recover, "ExecStart="+systemd.Program+" ") {
		t.Error("the unit does not start the program")
	}
}

// Systems Manager pastes parameters into a command of a shell: only plain words get
// through.
func TestDocumentOfSystemsManager(t *testing.T) {
	m := newMachine(t, nil)
	m.install("aws")
	text := m.read("/usr/local/lib/starhost/ssm-document.yaml")
	for param, tries := range map[string]map[string]bool{
		"executionId": {"None": true, "3b9b7a76-1c1e-4a9e-8d8e-000000000000": true, "": false, "none": false, "None;id": false, "$(id)": false, "3b9b7a76-1c1e-4a9e-8d8e-000000000000 x": false, "None\nid": false},
		"within":      {"10": true, "120": true, "0": false, "": false, "10 -x": false, "-1": false, "1;id": false, "10\nid": false},
	} {
		found := regexp.MustCompile(`(?s)\n  ` + param + `:\n.*?    allowedPattern: "(\S+)"\n`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%s has no pattern in\n%s", param, text)
		}
		pattern := regexp.MustCompile(found[1])
		for try, ok := range tries {
			if pattern.MatchString(try) != ok {
				t.Errorf("%s: %q: %t", param, try, !ok)
			}
		}
	}
	for _, w := range caller(t, "aws").Words {
		if !strings.Contains(text, "\n      - "+w.Text+"\n") {
			t.Errorf("%s is no allowed value", w.Text)
		}
	}
	used := regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(text, -1)
	if len(used) != 3 || !strings.Contains(text, "\n        - exec /usr/local/bin/starhost hook aws --within {{within}}s {{command}} {{executionId}}\n") {
		t.Errorf("%q are used in\n%s", used, text)
	}
}

// Each caller has something to say about what no program can do, in which the path of
// the program is that of the machine.
func TestManual(t *testing.T) {
	for _, name := range platform.Names() {
		change := newMachine(t, leastFor(name)).plan(caller(t, name))
		if change.Manual == "" || strings.Contains(change.Manual, "@STARHOST@") {
			t.Errorf("%s: %q", name, change.Manual)
		}
	}
}
