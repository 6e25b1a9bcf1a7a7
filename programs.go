package starhost

import (
	"fmt"
	"os"
	"os/user"
	"path"

	"github.com/starhost/starhost/config"
	"github.com/starhost/starhost/policy"
	"github.com/starhost/starhost/scripts"
)

// programs are what the config, and a bundled script itself, allow exec_as to run.
func programs(w config.Workload) []policy.Program { return append(configured(w), brought(w)...) }

// configured are those of exec_as in the config.
func configured(w config.Workload) []policy.Program {
	var list []policy.Program
	for _, rule := range w.ExecAs {
		list = append(list, policy.Program(rule))
	}
	return list
}

// brought are those of the bundled script: its table, filled in from the config. What a
// script says of itself, its defaults of settings too, comes from a process that is not
// trusted, and counts for nothing here.
func brought(w config.Workload) []policy.Program {
	if w.ScriptPath != "" {
		return nil
	}
	bundled, err := scripts.Lookup(w.Script)
	if err != nil {
		return nil // it is told elsewhere
	}
	var list []policy.Program
	for _, program := range bundled.Programs {
		p, ok := program.Filled(w.Value)
		if ok && path.IsAbs(p.Path) {
			list = append(list, policy.Program{User: p.User, Path: path.Clean(p.Path)})
		}
	}
	return list
}

// checkPrograms looks whether programs and users are there. Of those that a bundled
// script brings it needs one of each folder: the others are those of other versions.
func checkPrograms(w config.Workload) (list []Finding) {
	for _, program := range configured(w) {
		list = append(list, checkProgram(w, program))
	}
	needed := brought(w)
	findings := make([]Finding, len(needed))
	there := map[string]bool{} // a folder has one
	for i, program := range needed {
		findings[i] = checkProgram(w, program)
		there[path.Dir(program.Path)] = there[path.Dir(program.Path)] || findings[i].OK
	}
	for i, f := range findings {
		if f.OK || !there[path.Dir(needed[i].Path)] {
			list = append(list, f)
		}
	}
	return list
}

func checkProgram(w config.Workload, p policy.Program) Finding {
	f := Finding{Workload: w.Name, What: "exec_as", OK: true, Detail: p.User + ": " + p.Path}
	_, err := user.Lookup(p.User)
	if err == nil {
		_, err = os.Stat(p.Path)
	}
	if err != nil {
		f.OK, f.Detail = false, fmt.Sprintf("%s: %v", f.Detail, err)
	}
	return f
}
