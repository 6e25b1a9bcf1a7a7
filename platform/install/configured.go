package install

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/platform"
	"github.com/starhost/starhost/scripts"
)

// azureFiles are the files of the users of Azure, and where starhost reads them.
var azureFiles = []struct{ from, to string }{
	{platform.AzureWorkload, platform.AzureMovedWorkload},
	{platform.AzureScripts, platform.AzureMovedScripts},
}

// configured makes sure that there is something that starhost is to quiesce for Azure:
// otherwise every call would fail. What is moved was looked at before.
func (p *planner) configured() error {
	found := false
	for _, f := range azureFiles {
		if p.step(f.from).refused() || p.step(f.to) != nil {
			found = true
			continue
		}
		now, err := p.look(f.to)
		if err != nil {
			return err
		}
		if now.Kind == Absent {
			continue
		}
		found = true
		if err := p.checkConfigured(f.to); err != nil {
			s := Step{Path: f.to, Before: now}
			s.refuse(Foreign, "is what starhost would quiesce, and every call of Azure would fail: %v", err)
			p.steps = append(p.steps, s)
		}
	}
	if !found {
		s := Step{Path: platform.AzureMovedWorkload, Before: State{Kind: Absent}}
		s.refuse(Missing, "is missing, and there is no file in /etc/azure that names a database or scripts: every call of Azure would fail; write it first, a line [workload] and below it workload_name = mysql, say, as docs/configuration.md tells")
		p.steps = append(p.steps, s)
	}
	return nil
}

// refused reports whether there is a step, and it is refused.
func (s *Step) refused() bool { return s != nil && s.Problem != "" }

// checkConfigured makes sure that starhost understands a file that is in place.
func (p *planner) checkConfigured(at string) error {
	if at == platform.AzureMovedScripts {
		return p.checkScripts(at, nil)
	}
	return p.checkBundled(at)
}

// checkBundled makes sure that starhost understands a workload.conf, and has a script
// for each workload.
func (p *planner) checkBundled(at string) error {
	file, err := config.Load(filepath.Join(p.o.Root, at))
	if err != nil {
		return err
	}
	var problems []error
	for _, w := range file.Workloads {
		if w.ScriptPath != "" {
			continue
		}
		if _, err := scripts.Lookup(w.Script); err != nil {
			problems = append(problems, errors.New("workload_name: "+err.Error()+"; name one of these, or give a script of your own with script = /path/of/it.star"))
		}
	}
	return errors.Join(problems...)
}

// moved says which files count from now on, in place of those of Azure.
func (p *planner) moved() string {
	var b strings.Builder
	for _, f := range azureFiles {
		if p.step(f.to) == nil && !p.there(f.to) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\nFrom now on change what starhost reads, and not what was moved away:")
		}
		b.WriteString("\n    " + f.to + ", in place of " + f.from)
	}
	return b.String()
}
