package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/starhost/starhost/packaging/systemd"
)

// Where systemd looks, and how a machine with it, or with SELinux, is told.
const (
	units        = "/etc/systemd/system"
	systemdRuns  = "/run/systemd/system"
	selinuxRuns  = "/sys/fs/selinux/enforce"
	recoverUnit  = units + "/" + systemd.RecoverName
	recoverStart = units + "/multi-user.target.wants/" + systemd.RecoverName
)

// packaged are where a package puts its units.
var packaged = []string{"/usr/lib/systemd/system", "/lib/systemd/system"}

// units adds the unit that undoes at boot what a run has left, unless there is one.
// Nothing is started.
func (p *planner) units() error {
	if p.o.machine() && !p.there(systemdRuns) {
		return nil
	}
	for _, dir := range packaged {
		if p.there(path.Join(dir, systemd.RecoverName)) {
			return nil
		}
	}
	before := len(p.steps)
	text := strings.ReplaceAll(systemd.Recover, systemd.Program+" ", p.o.Program+" ")
	err := p.add(Step{Path: recoverUnit, Why: "undoes at boot what a run has left that had died", After: file(text, 0o644)})
	if err != nil {
		return err
	}
	if p.steps[len(p.steps)-1].Problem != "" {
		p.steps = p.steps[:before]
		p.warnings = append(p.warnings, recoverUnit+" is not as starhost would write it: it is left as it is")
		return nil
	}
	before = len(p.steps)
	if err := p.add(Step{Path: recoverStart, Why: "at every boot", After: State{Kind: Link, Target: "../" + systemd.RecoverName}}); err != nil {
		return err
	}
	if p.steps[len(p.steps)-1].Problem != "" { // it is enabled, in the words of somebody else
		p.steps = p.steps[:before]
	}
	return nil
}

// there reports whether something is at a path.
func (p *planner) there(at string) bool {
	_, err := p.root.Stat(rel(at))
	return err == nil
}

// tell tells the machine of the change. What it cannot be told is a warning: the files
// are in place.
func (c *Change) tell() {
	if !c.o.machine() {
		return
	}
	run := c.o.Run
	if run == nil {
		run = runProgram
	}
	for _, argv := range c.commands(exists(selinuxRuns), exists(systemdRuns)) {
		if err := run(argv); err != nil {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%v; run it by hand: %s", err, strings.Join(argv, " ")))
		}
	}
}

// commands are what has to be run on a machine with SELinux, or with systemd. That
// restorecon does what it should has not been tried: no machine with SELinux was at hand.
func (c *Change) commands(selinux, systemd bool) (list [][]string) {
	var made []string
	unit := false
	for _, s := range c.Steps {
		if !s.Todo() {
			continue
		}
		unit = unit || path.Dir(s.Path) == units
		if s.After.Kind != Absent {
			made = append(made, s.Path)
		}
	}
	if selinux && len(made) > 0 {
		list = append(list, append([]string{"restorecon", "-F"}, made...))
	}
	if systemd && unit {
		list = append(list, []string{"systemctl", "daemon-reload"})
	}
	return list
}

func exists(p string) bool {
	_, err := os.Stat(p)
	return err == nil
}

// programTime is how long a program may take.
const programTime = 30 * time.Second

// runProgram runs a program of the system, wherever PATH leads.
func runProgram(argv []string) error {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		program := path.Join(dir, argv[0])
		if !exists(program) {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), programTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, argv[1:]...)
		cmd.WaitDelay = time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s failed: %w: %s", argv[0], err, strings.TrimSpace(string(out)))
		}
		return nil
	}
	return errors.New(argv[0] + " is missing")
}
