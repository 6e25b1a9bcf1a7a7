package install

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/platform"
)

// python are what Azure's reader of INI files takes between a key and its value.
const python = "=:"

// move adds the steps that take a file of the user of Azure elsewhere and leave one of
// ours in its place. A file that names nothing to run, as the extension ships it, has
// nothing that is worth moving.
func (p *planner) move(put platform.Put) error {
	if err := p.trusted(put.Path); err != nil {
		return err
	}
	now, err := p.look(put.Path)
	if err != nil {
		return err
	}
	s := Step{Path: put.Path, Why: put.Why, Before: now, Finding: Edit}
	if now.Kind != Absent && now.Kind != File {
		s.refuse(Foreign, "is %s, not a regular file; move it away", now.describe())
		p.steps = append(p.steps, s)
		return nil
	}
	if put.Path == platform.AzureWorkload {
		return p.moveWorkload(put, s)
	}
	return p.moveScripts(put, s)
}

func (p *planner) moveWorkload(put platform.Put, s Step) error {
	if s.Before.Kind == Absent || !namesWorkload(string(s.Before.Text)) {
		return nil
	}
	if err := p.checkWorkload(put.Path, string(s.Before.Text)); err != nil {
		s.refuse(Foreign, "cannot be moved: %v", err)
		p.steps = append(p.steps, s)
		return nil
	}
	s.After = file(p.fill(put.Text), put.Mode)
	return p.moveTo(put.Target, s)
}

// namesWorkload reports whether a workload.conf names a database.
func namesWorkload(text string) bool {
	for _, l := range scanINI(text, python) {
		kind, _, _ := strings.Cut(l.section, " ")
		if kind == "workload" && strings.EqualFold(l.key, "workload_name") && l.value != "" {
			return true
		}
	}
	return false
}

// checkWorkload makes sure that starhost can do what a workload.conf says, and elsewhere
// too.
func (p *planner) checkWorkload(at, text string) error {
	if err := p.checkBundled(at); err != nil {
		return err
	}
	for _, l := range scanINI(text, "=") {
		if l.key == "script" && !path.IsAbs(l.value) {
			return fmt.Errorf("script = %s is relative to %s; write the whole path", l.value, path.Dir(at))
		}
	}
	return nil
}

func (p *planner) moveScripts(put platform.Put, s Step) error {
	set := pluginSettings{Continue: true, Freeze: true}
	if s.Before.Kind == File {
		var err error
		if set, err = readPluginSettings(s.Before.Text); err != nil || set.Pre != platform.AzurePre && set.Pre+set.Post != "" {
			err = p.checkScripts(put.Path, err)
		}
		if err != nil {
			s.refuse(Foreign, "cannot be moved: %v", err)
			p.steps = append(p.steps, s)
			return nil
		}
	}
	text := strings.NewReplacer("@CONTINUE@", strconv.FormatBool(set.Continue), "@FREEZE@", strconv.FormatBool(set.Freeze)).Replace(put.Text)
	s.After = file(text, put.Mode)
	switch {
	case s.Before.Kind == Absent || set.Pre == platform.AzurePre:
		return p.add(Step{Path: s.Path, Why: s.Why, After: s.After})
	case set.Pre+set.Post == "":
		p.steps = append(p.steps, s)
		return nil
	}
	return p.moveTo(put.Target, s)
}

// checkScripts makes sure that starhost understands a configuration of scripts, and
// may run them; otherwise is the error if it does.
func (p *planner) checkScripts(at string, otherwise error) error {
	alone := filepath.Join(p.o.Root, at) + ".none" // a workload.conf that is not there
	if _, err := config.LoadWith(alone, filepath.Join(p.o.Root, at)); err != nil {
		return err
	}
	return otherwise
}

// pluginSettings is what has to be known of the configuration of the classic framework.
type pluginSettings struct {
	Pre, Post        string
	Continue, Freeze bool
}

// readPluginSettings reads a VMSnapshotScriptPluginConfig.json.
func readPluginSettings(text []byte) (pluginSettings, error) {
	file := struct {
		Pre      string `json:"preScriptLocation"`
		Post     string `json:"postScriptLocation"`
		Continue *bool  `json:"continueBackupOnFailure"`
		Freeze   *bool  `json:"fsFreezeEnabled"`
	}{}
	if err := json.Unmarshal(text, &file); err != nil {
		return pluginSettings{}, fmt.Errorf("%w; Azure would take no notice of it either, correct it", err)
	}
	set := pluginSettings{Pre: file.Pre, Post: file.Post, Continue: true, Freeze: true}
	if file.Continue != nil {
		set.Continue = *file.Continue
	}
	if file.Freeze != nil {
		set.Freeze = *file.Freeze
	}
	return set, nil
}

// moveTo adds the step that writes what s takes away, before s itself. What holds the
// names and passwords of databases is for root alone there.
func (p *planner) moveTo(target string, s Step) error {
	if err := p.parents(target); err != nil {
		return err
	}
	there, err := p.look(target)
	if err != nil {
		return err
	}
	copied := Step{Path: target, From: s.Path, Finding: New, Before: there, After: file(string(s.Before.Text), 0o600)}
	switch {
	case there.same(copied.After) && p.own.find(target) != nil: // an install was killed here
		copied.Finding = Same
	case there.Kind != Absent:
		copied.refuse(Foreign, "is there already, and %s has settings too; bring into it what you need of them, remove them there, then try again", s.Path)
		s.After = s.Before
	}
	p.steps = append(p.steps, copied, s)
	return nil
}

// azurePlugins makes sure that a configuration of plugins, if there is one, leads Azure
// to what we have put. It stays where it is. Its limit of time counts for scripts that
// are moved too, so they get a copy.
func (p *planner) azurePlugins() error {
	now, err := p.look(platform.AzurePlugins)
	if err != nil || now.Kind == Absent {
		return err
	}
	limit, problem := pluginProblem(string(now.Text))
	if problem != "" {
		s := Step{Path: platform.AzurePlugins, Before: now, After: now}
		s.refuse(Foreign, "%s; correct it, or remove the file: the extension has one of its own", problem)
		p.steps = append(p.steps, s)
		return nil
	}
	if limit < platform.AzureSeconds {
		p.warnings = append(p.warnings, fmt.Sprintf("%s has timeoutInSeconds = %d: Azure does not wait longer than that for starhost, write %d", platform.AzurePlugins, limit, platform.AzureSeconds))
	}
	if p.step(platform.AzureMovedScripts) == nil && !p.there(platform.AzureMovedScripts) {
		return nil
	}
	return p.add(Step{
		Path: path.Join(path.Dir(platform.AzureMovedScripts), path.Base(platform.AzurePlugins)), After: file(string(now.Text), 0o600),
		Why: "its limit of time counts for the scripts that were moved",
	})
}

// pluginProblem says why Azure would not read our configuration, and how many seconds it
// waits if it does.
func pluginProblem(text string) (limit int, problem string) {
	const section = "pre_post"
	lines := scanINI(text, python)
	n, err := strconv.Atoi(value(lines, section, "numberOfPlugins"))
	if err != nil || n < 1 {
		return 0, "has no numberOfPlugins of at least 1 in [pre_post], so that Azure calls nobody"
	}
	limit = platform.AzureSeconds
	if text := value(lines, section, "timeoutInSeconds"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return 0, "has no number of seconds as timeoutInSeconds"
		}
	}
	for i := range min(n, 100) {
		suffix := strconv.Itoa(i)
		if value(lines, section, "pluginName"+suffix) == "ScriptRunner" && value(lines, section, "pluginConfigPath"+suffix) == platform.AzureScripts {
			return limit, ""
		}
	}
	return 0, "names no plugin ScriptRunner with pluginConfigPath = " + platform.AzureScripts
}
