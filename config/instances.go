package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/starhost/starhost/action"
	"github.com/starhost/starhost/internal/asuser"
)

// Workloads that one section can have several of.
const (
	oracleName = "oracle"
	irisName   = "iris"
)

// setInstances takes names between commas and in several lines.
func setInstances(b *build, text string) error {
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Trim(name, " \t")
		if !instanceForm.matches(name) {
			return fmt.Errorf("%s is not the name of an instance; write names with commas between", show(name))
		}
		if slices.Contains(b.instances, name) {
			return fmt.Errorf("instance %s is given twice; remove one", name)
		}
		b.instances = append(b.instances, name)
	}
	return nil
}

// byPrograms settles what is spoken to by programs of linux_user, not over a connection.
// It is true if nothing else is to be settled.
func (b *build) byPrograms(sec *section, user asuser.User, fail func(string, error)) bool {
	switch {
	case b.azure.oratab != "" && b.Script != oracleName:
		fail("configuration_path", errors.New("it names an oratab, which is for oracle; remove the line, and write one [workload \"name\"] section for each server"))
	case b.azure.oratab != "":
		if err := checkPath(b.azure.oratab); err != nil {
			fail("configuration_path", err)
			return true
		}
	}
	switch b.Script {
	case oracleName:
		return b.localOracle(sec, user, fail)
	case irisName:
		if b.azure.credString != "" {
			fail("credString", errors.New("iris has none; write linux_user, or secret.iris with the setting user"))
			return true
		}
	default:
		if len(b.instances) > 0 {
			fail("instances", errors.New("they are for oracle and iris; write one [workload \"name\"] section for each server"))
		}
	}
	return false
}

// workloads returns those of a section: one, or one for each instance.
func (b *build) workloads(settings settingLines) []Workload {
	lines, before := settings.of(b.Name), len(b.all)
	list := b.several(lines)
	if len(b.all) > before {
		settings.claim(b.Name + ".") // nobody knows which instances there are
	}
	if list == nil {
		b.Settings = append(lines, b.Settings...)
		return []Workload{b.Workload}
	}
	all := make([]Workload, len(list))
	for i, one := range list {
		w := b.Workload
		w.Name = b.Name + "." + one.name
		w.Secrets, w.ExecAs = maps.Clone(w.Secrets), slices.Clone(w.ExecAs)
		if !nameForm.matches(w.Name) {
			b.fail(b.section, nil, b.Line, fmt.Errorf("the name %s is too long for a workload; give the section a shorter one", show(w.Name)))
		}
		w.Settings = slices.Concat(overlaid(lines, settings.of(w.Name)), b.Settings, one.settings(b.Script, b.Line))
		all[i] = w
	}
	return all
}

// several are the instances of a section; nil if it stands for itself.
func (b *build) several(lines []Setting) []instance {
	if b.local == nil {
		var list []instance
		for _, name := range b.instances {
			list = append(list, instance{name: name})
		}
		return list
	}
	if has(lines, "oracle_home") || has(lines, "oracle_sid") {
		b.oneHome(lines)
		return nil
	}
	list, key, err := b.homes()
	if err != nil {
		b.fail(b.section, &entry{key: key}, max(b.section.keys[key], b.Line), err)
		return nil
	}
	return list
}

// oneHome checks an instance of Oracle that is named by settings.
func (b *build) oneHome(lines []Setting) {
	refuse := func(key, msg string) {
		b.fail(b.section, &entry{key: key}, max(b.section.keys[key], b.Line), errors.New(msg))
	}
	with := Workload{Settings: lines}
	home, sid := with.Value("oracle_home"), with.Value("oracle_sid")
	switch {
	case b.azure.oratab != "":
		refuse("configuration_path", "the settings name one instance, so no oratab is read; remove the line or the settings oracle_home and oracle_sid")
	case len(b.instances) > 0:
		refuse("instances", "the settings name one instance; remove the line, or the settings oracle_home and oracle_sid")
	case home == "" || sid == "":
		refuse("workload_name", "the settings oracle_home and oracle_sid belong together; write both")
	default:
		err := checkHome(home)
		if err == nil {
			err = b.checkClient(b.local.user, home, fileTrust{onlyRoot: true})
		}
		if err != nil {
			refuse("workload_name", "setting oracle_home: "+err.Error())
		}
	}
}

// settings are what the script is told of an instance.
func (i instance) settings(script string, line int) []Setting {
	set := func(key, text string) Setting { return Setting{Key: key, Line: line, Value: action.String(text)} }
	if script == oracleName {
		return []Setting{set("oracle_home", i.home), set("oracle_sid", i.name)}
	}
	return []Setting{set("instance", i.name)}
}

func has(lines []Setting, key string) bool {
	return slices.ContainsFunc(lines, func(s Setting) bool { return s.Key == key })
}

// overlaid are the lines of a section, but for those that an instance has of its own.
func overlaid(lines, own []Setting) []Setting {
	var all []Setting
	for _, s := range lines {
		if !has(own, s.Key) {
			all = append(all, s)
		}
	}
	return append(all, own...)
}
